"""The subjects of this line: which schemas the values of a topic have (docs/contract.md §4)."""

from dataclasses import dataclass

from schemas.catalogue import AUDIT_INTAKE, AUDIT_PREMIS, FACTS
from schemas.store import SchemaStore

COMPATIBILITY = "FULL_TRANSITIVE"


@dataclass(frozen=True)
class Subject:
    """The values of a topic."""

    topic: str
    record: str
    ids: tuple[int, ...]
    """Of all versions, oldest first."""

    @property
    def name(self) -> str:
        """As Confluent's serialisers call it by default (TopicNameStrategy)."""
        return f"{self.topic}-value"


def subjects(store: SchemaStore) -> list[Subject]:
    """All subjects, by name.

    A work topic has copies of messages of other topics, so it has no subject of its own: the id in
    each message leads to its schema."""
    found = [
        Subject(topic.name, topic.record, tuple(store.ids(topic.record)))
        for topic in (*FACTS, AUDIT_INTAKE, AUDIT_PREMIS)
        if topic.record is not None
    ]
    return sorted(found, key=lambda subject: subject.name)

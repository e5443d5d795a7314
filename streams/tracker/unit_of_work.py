"""One transaction of the tracker: its queries, the subjects it affects, and its outbox."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg

from processors.tools import Area, Storage
from schemas.catalogue import key_of, topic_of
from schemas.codec import decode, encode
from schemas.models import Fact, FileRef, Head, Origin, Producer
from streams.execution.facts import audit_messages, utc_now
from streams.night_window import NightWindow
from streams.tracker.queries import query
from streams.uploads.upload_records import UploadRecords

PRODUCER_NAME = "copystand/tracker"
Connection = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True)
class StoredFact:
    """A fact with its encoded bytes and, if it was read from a topic, its position there."""

    fact: Fact
    value: bytes
    partition: int | None = None
    offset: int | None = None

    @classmethod
    def from_bytes(
        cls, value: bytes, partition: int | None = None, offset: int | None = None
    ) -> "StoredFact":
        """The fact that these bytes encode. Raises Undecodable."""
        return cls(decode(value, Fact), value, partition, offset)

    @property
    def head(self) -> Head:
        """The head of the fact."""
        return self.fact.head

    @property
    def record(self) -> str:
        """The record name of the fact."""
        return type(self.fact).__name__

    def row(self) -> tuple[Any, ...]:
        """The row of the fact in line.facts."""
        head = self.head
        subject = (head.batch_id, head.item_id, head.page_id, head.revision)
        content = (head.cause_id, head.occurred_at, self.value)
        return (head.event_id, self.record, *subject, *content, self.partition, self.offset)

    def origin(self) -> Origin:
        """The position at which the fact was read."""
        topic = topic_of(self.record).name
        partition, offset = self.partition or 0, self.offset or 0
        event_id, key = self.head.event_id, key_of(self.fact)
        return Origin(topic=topic, partition=partition, offset=offset, key=key, event_id=event_id)


@dataclass
class Affected:
    """Subjects whose state may have changed in this transaction."""

    pages: set[str] = field(default_factory=set)
    items: set[str] = field(default_factory=set)
    batches: set[str] = field(default_factory=set)
    packages: set[str] = field(default_factory=set)
    all_pages_of: set[str] = field(default_factory=set)
    """Items of which every page may have changed."""


@dataclass
class UnitOfWork:
    """An open transaction: its connection and store, what it affected, and its outbox."""

    conn: Connection
    storage: Storage
    version: str
    pool_size: int = 2
    retry_scale: float = 1.0
    has_space: Callable[[], bool] = lambda: True
    """Whether the store has space for more pages. Without space no new page is admitted."""
    rebuilding: bool = False
    """In a rebuild the decisions on the topics are final; nothing is decided again."""
    night: NightWindow | None = None
    """When batches of priority night are admitted; None: at any time."""
    now: datetime = field(default_factory=utc_now)
    """Decides when work starts. No fact contains it."""
    worker: str | None = None
    """The pseudonym of the machine and role that publishes the facts."""
    uploads: UploadRecords | None = None
    """The proof that senders stored what they name; None: it is not asked for."""
    affected: Affected = field(default_factory=Affected)
    outbox: list[tuple[Any, ...]] = field(default_factory=list)

    def run(self, name: str, **values: Any) -> list[tuple[Any, ...]]:
        """The rows of a named query; an empty list for a statement that returns none."""
        cursor = self.conn.execute(query(name), values)
        return cursor.fetchall() if cursor.description else []

    def run_many(self, name: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run a named query once for each row of values."""
        if rows:
            with self.conn.cursor() as cursor:
                cursor.executemany(query(name), rows)

    def mark_affected(self, head: Head) -> None:
        """Record that the state of the subject of a fact may have changed."""
        if head.batch_id:
            self.affected.batches.add(head.batch_id)
        if head.page_id:
            self.affected.pages.add(head.page_id)
            self.affected.items.add(head.item_id or head.page_id.rpartition(":")[0])
        elif head.item_id:
            self.affected.items.add(head.item_id)

    def head(self, event_id: str, cause_id: str | None, occurred_at: datetime, like: Head) -> Head:
        """The head of a fact that the tracker publishes about the subject of `like`."""
        producer = Producer(name=PRODUCER_NAME, version=self.version, worker=self.worker)
        stamp = {"event_id": event_id, "cause_id": cause_id, "occurred_at": occurred_at}
        return like.model_copy(update={**stamp, "producer": producer})

    def emit(self, facts: Sequence[Fact]) -> list[StoredFact]:
        """Store facts of the tracker, and publish those that are new after the commit.

        Returns the facts that this database did not have. A fact that was published before a
        rebuild keeps its published bytes."""
        decided = self._decided([fact.head.event_id for fact in facts])
        encoded = [StoredFact(fact, encode(fact)) for fact in facts]
        new = store_facts(
            self,
            [
                StoredFact.from_bytes(decided[stored.head.event_id])
                if stored.head.event_id in decided
                else stored
                for stored in encoded
            ],
        )
        for stored in new:
            if stored.head.event_id not in decided:
                self._publish(stored)
        return new

    def publish_later(
        self,
        topic: str,
        key: str | None,
        value: bytes,
        headers: Sequence[tuple[str, str]] = (),
        not_before: datetime | None = None,
        page_id: str | None = None,
    ) -> None:
        """Add a message to the outbox."""
        self.outbox.append((not_before, topic, key, json.dumps(headers), value, page_id))

    def flush(self) -> None:
        """Write the outbox of this transaction to its table."""
        rows, self.outbox = self.outbox, []
        self.run_many("put_outbox", rows)

    def store_original(self, value: bytes) -> FileRef:
        """Store the unchanged bytes of a message; returns the reference to them."""
        media_type = "application/octet-stream"
        return self.storage.keep(value, area=Area.RECORDS, use="original", media_type=media_type)

    def _publish(self, stored: StoredFact) -> None:
        self.publish_later(topic_of(stored.record).name, key_of(stored.fact), stored.value)
        for event in audit_messages(stored.fact):
            self.publish_later(event.topic, event.key, event.value)

    def _decided(self, event_ids: list[str]) -> dict[str, bytes]:
        return dict(self.run("decided", event_ids=event_ids)) if event_ids else {}


def store_facts(unit: UnitOfWork, facts: Sequence[StoredFact]) -> list[StoredFact]:
    """Store facts by event id, where the first one wins; returns the new ones, each once."""
    if not facts:
        return []
    columns = [list(column) for column in zip(*(stored.row() for stored in facts), strict=True)]
    new_ids = {event_id for (event_id,) in unit.conn.execute(query("store_facts"), columns)}
    new = []
    for stored in facts:
        if stored.head.event_id in new_ids:
            new_ids.remove(stored.head.event_id)
            new.append(stored)
    return new

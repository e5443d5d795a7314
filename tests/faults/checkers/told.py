"""What the topics hold, decoded once for all rules of the stand-alone checker."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.invariants import REQUESTED, Topics, link
from tests.support.reader import FACTS_THAT_OWE, Fact, NotAFact, Raw, decoded

SUBMITTED = "digitization.batch.submitted.v1"
CONTROL = (REQUESTED, "digitization.control.decided.v1")
REDONE = "digitization.work.redone."
Body = dict[str, Any]


@dataclass
class Told:
    """Facts by event id, the first of each; what is no fact of its topic; the messages as read."""

    raws: Sequence[Raw]
    home: Path
    sound: list[Raw] = field(default_factory=list)
    """The messages without those that are no fact of their topic."""
    poison: list[Raw] = field(default_factory=list)
    facts: dict[str, Fact] = field(default_factory=dict)
    submitted: dict[str, Fact] = field(default_factory=dict)
    asked: dict[str, Fact] = field(default_factory=dict)
    of: dict[str, list[Body]] = field(default_factory=lambda: defaultdict(list))
    batches: dict[str, Topics] = field(default_factory=dict)
    """Each accepted batch, as the law looks at it."""

    @property
    def redone(self) -> list[tuple[Raw, dict[str, str]]]:
        """What was sent to a lane again, with its headers as text."""
        return [
            (
                raw,
                {
                    name: (value or b"").decode(errors="backslashreplace")
                    for name, value in raw.headers
                },
            )
            for raw in self.raws
            if raw.topic.startswith(REDONE)
        ]


def record_of(topic: str) -> str:
    """The record that belongs on a topic of facts: `page.admitted` holds PageAdmitted."""
    return "".join(part.title() for part in topic.split(".")[1:3])


def told_by(raws: Sequence[Raw], home: Path) -> Told:
    """Everything that was told, sorted for the rules."""
    told = Told(raws, home)
    strangers = {SUBMITTED: told.submitted, REQUESTED: told.asked}
    for raw in raws:
        wanted = raw.topic in FACTS_THAT_OWE
        if not wanted and raw.topic not in strangers:
            told.sound.append(raw)
            continue
        fact = _fact(raw)
        if fact is None:
            told.poison.append(raw)
            continue
        told.sound.append(raw)
        (told.facts if wanted else strangers[raw.topic]).setdefault(fact.event_id, fact)
    for fact in told.facts.values():
        told.of[fact.record].append(fact.body)
    _group(told)
    return told


def _fact(raw: Raw) -> Fact | None:
    try:
        fact = decoded(raw)
    except NotAFact:
        return None
    return fact if fact.record == record_of(raw.topic) else None


def _group(told: Told) -> None:
    grouped: dict[str | None, list[Fact]] = defaultdict(list)
    for fact in told.facts.values():
        grouped[fact.body["head"]["batch_id"]].append(fact)
    control = [fact for fact in told.facts.values() if fact.record == "ControlDecided"]
    for batch_id in sorted({one["head"]["batch_id"] for one in told.of["BatchReceived"]}):
        own = [fact for fact in grouped[batch_id] if fact.record != "ControlDecided"]
        told.batches[batch_id] = Topics([*own, *control, *told.asked.values()], batch_id, told.home)
    link(told.batches)

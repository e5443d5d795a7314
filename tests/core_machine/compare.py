"""Compares two runs of the same decisions, with and without faults: they must publish the same facts."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from schemas.codec import Undecodable, decode
from schemas.models import (
    BatchSettled,
    ControlDecided,
    ControlRequested,
    Head,
    Message,
    PremisEvent,
    WorkDeferred,
    WorkQuarantined,
)
from streams.text_references import PREFIX, REFERENCE
from tests.core_machine.checks import LogWatch
from tests.core_machine.external_clients import request_id
from tests.core_machine.world import World
from tests.support.tracker_tables import dump

TIME_FIELDS = ("occurred_at", "next_at", "captured_at")
POSITION_FIELDS = ("partition", "offset")
BEFORE_DECISIONS = ("BatchSubmitted", "PageCaptured", "BatchReceived", "CaptureAccepted")
"""Records that do not depend on decisions about the batch."""
CANCELLING = ("cancel", "reject")
ABOUT_RECORDS = ("release", "withdraw")
Request = tuple[int, str, str, str | None]
"""Number, action, subject, value."""
CODES_BY_TIMING = ("message.undecodable", "package.refused")
"""The id of undecodable bytes depends on their offset; a repository's answer may be read before its
package."""


@dataclass
class Decisions:
    """The granted requests of a run, in order, and the subjects whose results depend on timing."""

    to_repeat: list[Request] = field(default_factory=list)
    """Granted decisions about quarantine records, which the run without faults repeats."""
    cancelled: set[str | None] = field(default_factory=set)
    """Batches with a cancellation: their progress before it depends on timing."""
    changed: set[str | None] = field(default_factory=set)
    """Pages that were withdrawn or corrected: the attempts before depend on timing."""
    optional: frozenset[str] = frozenset()
    """Quarantine records of optional steps, as subjects: no page waits for them, so whether their
    release is in the item record depends on timing."""
    priorities: bool = False
    """Whether a priority was changed: the priority of an admission depends on timing."""


def decisions_of(requests: Sequence[Request], watch: LogWatch) -> Decisions:
    """The granted requests, according to the log."""
    decided = {fact.head.cause_id: fact for fact in watch.of(ControlDecided)}
    granted = [
        one
        for one in requests
        if decided[request_id(one[0])].granted and not _depends_on_timing(one[2], watch)
    ]
    batch_of = {one[0]: _batch_of(one[2], watch) for one in granted}
    decisions = Decisions(
        cancelled={batch_of[one[0]] for one in granted if one[1] in CANCELLING},
        optional=frozenset(
            f"quarantine:{fact.head.event_id}"
            for fact in watch.of(WorkQuarantined)
            if not fact.required
        ),
        priorities=any(one[1] == "priority" for one in granted),
    )
    for one in granted:
        _, action, subject, value = one
        if action in ABOUT_RECORDS and batch_of[one[0]] not in decisions.cancelled:
            decisions.to_repeat.append(one)
            if action == "withdraw" or value:
                decisions.changed.add(_head(subject, watch).page_id)
    return decisions


def _batch_of(subject: str, watch: LogWatch) -> str | None:
    kind, _, name = subject.partition(":")
    return _head(subject, watch).batch_id if kind == "quarantine" else name


def _depends_on_timing(subject: str, watch: LogWatch) -> bool:
    if not subject.startswith("quarantine:"):
        return False
    return _has_timing_code(watch.facts[subject.partition(":")[2]][1])


def _head(subject: str, watch: LogWatch) -> Head:
    _, fact = watch.facts[subject.partition(":")[2]]
    return fact.head


def comparable_facts(world: World, watch: LogWatch, decisions: Decisions) -> dict[str, Any]:
    """The facts that do not depend on timing, by event_id, without times and positions."""
    found: dict[str, Any] = {}
    for event_id, (_, fact) in watch.facts.items():
        if _comparable(fact, decisions):
            # The bytes are those of another fact.
            bytes_fields = {"value"} if isinstance(fact, WorkDeferred) else set()
            plain = fact.model_dump(mode="json", exclude=bytes_fields)
            found[event_id] = [type(fact).__name__, _plain(world, plain, decisions)]
    return found


def _comparable(fact: Message, decisions: Decisions) -> bool:
    head, record = fact.head, type(fact).__name__
    if isinstance(fact, (BatchSettled, ControlRequested, PremisEvent)) or _has_timing_code(fact):
        return False  # Events follow from facts; the number of settlements depends on timing.
    if isinstance(fact, ControlDecided):
        return head.cause_id in {request_id(number) for number, *_ in decisions.to_repeat}
    if head.batch_id in decisions.cancelled and record not in BEFORE_DECISIONS:
        return False
    return head.page_id not in decisions.changed or record in BEFORE_DECISIONS


def _has_timing_code(fact: Message) -> bool:
    return getattr(fact, "code", None) in CODES_BY_TIMING


def _plain(world: World, value: Any, decisions: Decisions) -> Any:
    if isinstance(value, list):
        return [_plain(world, one, decisions) for one in value]
    if isinstance(value, str):
        return _without_random_key(value)
    if not isinstance(value, dict):
        return value
    if value.get("use") in ("item-record", "original"):
        return [value["use"], _stored(world, value["key"], decisions)]
    dropped = {*TIME_FIELDS, *POSITION_FIELDS, *(("priority",) if decisions.priorities else ())}
    plain = {name: one for name, one in value.items() if name not in dropped}
    # Attempts that failed, and what persons decided meanwhile, are what the faults change.
    plain.pop("history", None)
    if "releases" in plain:
        kept = [row for row in plain["releases"] if not _is_optional(row, decisions)]
        plain["releases"] = sorted(kept, key=_event_id)
    return {name: _plain(world, one, decisions) for name, one in plain.items()}


def _without_random_key(text: str) -> str:
    """A reference to a stored text without its digest, whose key is random."""
    return REFERENCE.sub(PREFIX, text)


def _is_optional(row: dict[str, Any], decisions: Decisions) -> bool:
    return set(row["fact"]["subjects"]) <= decisions.optional


def _event_id(row: dict[str, Any]) -> str:
    event_id: str = row["fact"]["head"]["event_id"]
    return event_id


def _stored(world: World, key: str, decisions: Decisions) -> Any:
    content = world.storage.objects[key]
    try:
        return decode(content).head.event_id
    except Undecodable:
        return _plain(world, json.loads(content), decisions)


def rows(world: World, decisions: Decisions, lines: Callable[[Any], str] = dump) -> list[str]:
    """The rows of the tracker about subjects that do not depend on timing."""
    found = []
    parsed = [json.loads(line) for line in lines(world.conn).splitlines()]
    batch_of = {row["page_id"]: row["batch_id"] for table, row in parsed if table == "pages"}
    for table, row in parsed:
        if table == "persons":
            continue  # Known from every request, and not every request is repeated.
        batch_id = row.get("batch_id", batch_of.get(row.get("page_id")))
        if batch_id in decisions.cancelled or row.get("page_id") in decisions.changed:
            continue
        if row.get("code") in CODES_BY_TIMING:
            continue
        # A batch may settle before it is resumed, and then stays paused.
        dropped = {"paused", *(("priority",) if decisions.priorities else ())}
        found.append(json.dumps([table, {k: v for k, v in row.items() if k not in dropped}]))
    return found


def last_settlements(watch: LogWatch, decisions: Decisions) -> dict[str, tuple[int, int, int, int]]:
    """The counts of the last settlement of each batch."""
    counts = {}
    for fact in sorted(watch.of(BatchSettled), key=lambda one: one.settlement):
        if fact.head.batch_id not in decisions.cancelled:
            settled = (fact.registered, fact.packaged, fact.quarantined, fact.cancelled)
            counts[fact.head.batch_id] = settled
    return counts


def same_rows(found: list[str], expected: list[str]) -> None:
    """Fail with the difference unless both have the same rows."""
    ours, theirs = sorted(set(found) - set(expected)), sorted(set(expected) - set(found))
    assert found == expected, f"rows\nwith faults    {ours}\nwithout faults {theirs}"


def same_facts(found: dict[str, Any], expected: dict[str, Any]) -> None:
    """Fail with the first difference unless both have the same facts."""
    for event_id in sorted(found.keys() | expected.keys()):
        ours, theirs = found.get(event_id), expected.get(event_id)
        assert ours == theirs, f"{event_id}:\nwith faults    {ours}\nwithout faults {theirs}"

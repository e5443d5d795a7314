"""Two runs of the same draws, one with every misfortune and one with none, must tell the same."""

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
    PremisEvent,
    Record,
    WorkDeferred,
    WorkQuarantined,
)
from streams.tracker.rebuild import dump
from tests.core_machine.checks import LogWatch
from tests.core_machine.external_clients import request_id
from tests.core_machine.world import World

TIMES = ("occurred_at", "next_at")
PLACES = ("partition", "offset")
OF_A_BATCH = ("BatchSubmitted", "PageCaptured", "BatchReceived", "CaptureAccepted")
"""What is told of a batch however people decide about it."""
STOPPING = ("cancel", "reject")
ABOUT_RECORDS = ("release", "withdraw")
Request = tuple[int, str, str, str | None]
"""Number, action, subject, value."""
CODES_OF_CHANCE = ("message.undecodable", "package.refused")
"""Bytes that nobody can read are named by the place where they stood; a repository's answer may be
read before the package it is about."""


@dataclass
class Draws:
    """What was asked for in a run, in order, and which subjects depend on the hour."""

    again: list[Request] = field(default_factory=list)
    """Granted decisions about records, to be asked for again where nothing is amiss."""
    stopped: set[str | None] = field(default_factory=set)
    """Batches of which somebody cancelled something: how far they had come is chance."""
    affected: set[str | None] = field(default_factory=set)
    """Pages that were withdrawn or got a corrected file: what was tried before is chance."""
    optional: frozenset[str] = frozenset()
    """Quarantine records that no page waits for, as subjects: whether their release comes before the
    item is complete, and so into its record, is chance."""
    priorities: bool = False
    """Whether a priority was changed: with which one a page was admitted is chance."""


def draws_of(requests: Sequence[Request], watch: LogWatch) -> Draws:
    """What of the requests was granted, as the log says."""
    decided = {fact.head.cause_id: fact for fact in watch.of(ControlDecided)}
    granted = [
        one
        for one in requests
        if decided[request_id(one[0])].granted and not _about_chance(one[2], watch)
    ]
    batch_of = {one[0]: _batch_of(one[2], watch) for one in granted}
    draws = Draws(
        stopped={batch_of[one[0]] for one in granted if one[1] in STOPPING},
        optional=frozenset(
            f"quarantine:{fact.head.event_id}"
            for fact in watch.of(WorkQuarantined)
            if not fact.required
        ),
        priorities=any(one[1] == "priority" for one in granted),
    )
    for one in granted:
        _, action, subject, value = one
        if action in ABOUT_RECORDS and batch_of[one[0]] not in draws.stopped:
            draws.again.append(one)
            if action == "withdraw" or value:
                draws.affected.add(_head(subject, watch).page_id)
    return draws


def _batch_of(subject: str, watch: LogWatch) -> str | None:
    kind, _, name = subject.partition(":")
    return _head(subject, watch).batch_id if kind == "quarantine" else name


def _about_chance(subject: str, watch: LogWatch) -> bool:
    if not subject.startswith("quarantine:"):
        return False
    return _is_chance(watch.facts[subject.partition(":")[2]][1])


def _head(subject: str, watch: LogWatch) -> Head:
    _, fact = watch.facts[subject.partition(":")[2]]
    head: Head = fact.head  # type: ignore[attr-defined]
    return head


def told(world: World, watch: LogWatch, draws: Draws) -> dict[str, Any]:
    """The facts that do not depend on the hour, by event_id, without times and places."""
    found: dict[str, Any] = {}
    for event_id, (_, fact) in watch.facts.items():
        if _comparable(fact, draws):
            # Bytes of the original, which is a fact of its own.
            bytes_fields = {"value"} if isinstance(fact, WorkDeferred) else set()
            plain = fact.model_dump(mode="json", exclude=bytes_fields)
            found[event_id] = [type(fact).__name__, _plain(world, plain, draws)]
    return found


def _comparable(fact: Record, draws: Draws) -> bool:
    head, record = fact.head, type(fact).__name__  # type: ignore[attr-defined]
    if isinstance(fact, (BatchSettled, ControlRequested, PremisEvent)) or _is_chance(fact):
        return False  # events follow from facts; how often a batch settled is chance
    if isinstance(fact, ControlDecided):
        return head.cause_id in {request_id(number) for number, *_ in draws.again}
    if head.batch_id in draws.stopped and record not in OF_A_BATCH:
        return False
    return head.page_id not in draws.affected or record in OF_A_BATCH


def _is_chance(fact: Record) -> bool:
    return getattr(fact, "code", None) in CODES_OF_CHANCE


def _plain(world: World, value: Any, draws: Draws) -> Any:
    if isinstance(value, list):
        return [_plain(world, one, draws) for one in value]
    if not isinstance(value, dict):
        return value
    if value.get("use") in ("item-record", "original"):
        return [value["use"], _kept(world, value["key"], draws)]
    dropped = {*TIMES, *PLACES, *(("priority",) if draws.priorities else ())}
    plain = {name: one for name, one in value.items() if name not in dropped}
    if "releases" in plain:
        kept = [row for row in plain["releases"] if not _of_optional_work(row, draws)]
        plain["releases"] = sorted(kept, key=_event_id)
    return {name: _plain(world, one, draws) for name, one in plain.items()}


def _of_optional_work(row: dict[str, Any], draws: Draws) -> bool:
    return set(row["fact"]["subjects"]) <= draws.optional


def _event_id(row: dict[str, Any]) -> str:
    event_id: str = row["fact"]["head"]["event_id"]
    return event_id


def _kept(world: World, key: str, draws: Draws) -> Any:
    content = world.storage.objects[key]
    try:
        return decode(content).head.event_id  # type: ignore[attr-defined]
    except Undecodable:
        return _plain(world, json.loads(content), draws)


def rows(world: World, draws: Draws, lines: Callable[[Any], str] = dump) -> list[str]:
    """The tracker's rows about subjects that do not depend on the hour."""
    found = []
    parsed = [json.loads(line) for line in lines(world.conn).splitlines()]
    batch_of = {row["page_id"]: row["batch_id"] for table, row in parsed if table == "pages"}
    for table, row in parsed:
        batch_id = row.get("batch_id", batch_of.get(row.get("page_id")))
        if batch_id in draws.stopped or row.get("page_id") in draws.affected:
            continue
        if row.get("code") in CODES_OF_CHANCE:
            continue
        # A batch may settle before it is resumed: a pause that holds nothing back stays.
        dropped = {"paused", *(("priority",) if draws.priorities else ())}
        found.append(json.dumps([table, {k: v for k, v in row.items() if k not in dropped}]))
    return found


def last_settlements(watch: LogWatch, draws: Draws) -> dict[str, tuple[int, int, int, int]]:
    """The counts of each batch's last settlement."""
    counts = {}
    for fact in sorted(watch.of(BatchSettled), key=lambda one: one.settlement):
        if fact.head.batch_id not in draws.stopped:
            told_counts = (fact.registered, fact.packaged, fact.quarantined, fact.cancelled)
            counts[fact.head.batch_id] = told_counts
    return counts


def same_rows(found: list[str], expected: list[str]) -> None:
    """The same rows, or the difference as the complaint."""
    ours, theirs = sorted(set(found) - set(expected)), sorted(set(expected) - set(found))
    assert found == expected, f"rows\nwith misfortunes    {ours}\nwithout misfortunes {theirs}"


def same_facts(found: dict[str, Any], expected: dict[str, Any]) -> None:
    """The same facts by event_id, or the first that differs as the complaint."""
    for event_id in sorted(found.keys() | expected.keys()):
        ours, theirs = found.get(event_id), expected.get(event_id)
        assert ours == theirs, (
            f"{event_id}:\nwith misfortunes    {ours}\nwithout misfortunes {theirs}"
        )

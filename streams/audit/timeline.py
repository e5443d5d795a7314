"""Puts events in order of cause: no effect precedes its cause, and time decides the rest."""

import heapq
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any

from processors.pipeline import TABLE, facts_with_events
from streams.audit.causes import TROUBLES, Subject, proven_causes

RANK = {fact.__name__: rank for rank, fact in enumerate(facts_with_events())}
CAUSES = {row.fact.__name__: row.cause for row in TABLE if row.premis}
"""The fact that precedes each. item.completed has none: its time is that of the latest fact that it
joins, so it is sorted by time."""
STARTS = {"page_id": "PageAdmitted", "item_id": "ItemRegistered", "batch_id": "BatchReceived"}
"""The fact that precedes any deferral or quarantine of a subject."""
ADMITTED_AFTER = ("CaptureAccepted", "ControlDecided")
"""What may be the reason for which a page is admitted again."""
JOINS = {"ItemCompleted": "item_id", "BatchSettled": "batch_id"}
"""Facts that combine others, and the subject that they share with them."""

Row = Mapping[str, Any]
Named = tuple[str, str]
"""The column and the id of a subject."""


class FactEvents:
    """All events of one fact."""

    __slots__ = ("fact_id", "first", "named", "narrowest", "priority", "record", "rows", "subject")

    def __init__(self, rows: Sequence[Row]) -> None:
        """The events of a fact, the one of its transition first."""
        self.rows = rows
        self.first = first = rows[0]
        self.record: str = first["fact"]
        self.fact_id = str(first["cause_id"] or first["event_id"])
        batch_id, item_id, page_id = first["batch_id"], first["item_id"], first["page_id"]
        self.subject: Subject = (batch_id, item_id, page_id)
        self.narrowest = "page_id" if page_id else "item_id" if item_id else "batch_id"
        """The column of its narrowest subject."""
        ids = (("page_id", page_id), ("item_id", item_id), ("batch_id", batch_id))
        self.named: list[Named] = [one for one in ids if one[1]]
        """Its subjects, the narrowest one first."""
        rank = RANK.get(self.record, len(RANK))
        self.priority = (first["occurred_at"], rank, first["seq"])
        """What decides between facts that do not cause each other."""


def in_order_of_cause(rows: Iterable[Row]) -> list[Row]:
    """The rows sorted: causes first, then time, the events of one fact together."""
    facts = _facts(rows)
    waits = _causes(facts)
    leads: dict[int, list[int]] = defaultdict(list)
    for number, causes in waits.items():
        for cause in causes:
            leads[cause].append(number)
    ready = [(facts[number].priority, number) for number, causes in waits.items() if not causes]
    heapq.heapify(ready)
    ordered: list[Row] = []
    done: set[int] = set()
    while len(done) < len(facts):
        if not ready:  # facts that contradict each other: the earliest goes first
            rest = set(waits) - done
            ready = [min((facts[number].priority, number) for number in rest)]
        _, number = heapq.heappop(ready)
        if number in done:
            continue
        done.add(number)
        ordered.extend(facts[number].rows)
        for effect in leads[number]:
            waits[effect].discard(number)
            if not waits[effect] and effect not in done:
                heapq.heappush(ready, (facts[effect].priority, effect))
    return ordered


def _facts(rows: Iterable[Row]) -> list[FactEvents]:
    rows_of: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        rows_of[row["cause_id"] or row["event_id"]].append(row)
    # The sealer's anomalies about an event follow the events of its fact.
    return [
        FactEvents(sorted(rows, key=_place) if len(rows) > 1 else rows) for rows in rows_of.values()
    ]


def _place(row: Row) -> tuple[bool, int, int]:
    return row["fact"] not in RANK, row["ordinal"], row["seq"]


def _causes(facts: list[FactEvents]) -> dict[int, set[int]]:
    """The numbers of the facts that come before each fact: those that its id names; else the one
    that the table of steps names."""
    found = proven_causes(facts)
    sought = {n: _cause(fact) for n, fact in enumerate(facts) if not found.get(n)}
    revisions_of = _revisions(facts, {record for record, _ in sought.values()})
    for number, (record, subject) in sought.items():
        fact = facts[number]
        revisions = revisions_of.get((record, fact.first[subject] or ""), {})
        cause = revisions.get(fact.first["revision"])
        if cause is None and revisions:
            # Pages, items and batches count revisions separately.
            first = revisions[min(revisions)]
            of_its_own = facts[first].narrowest == fact.narrowest
            cause = None if of_its_own and min(revisions) > fact.first["revision"] else first
        found[number] = set() if cause is None else {cause}
    _add_joined(facts, found)
    _add_sealed_before(facts, found)
    return {number: causes - {number} for number, causes in found.items()}


def _revisions(
    facts: list[FactEvents], records: Container[str]
) -> dict[tuple[str, str], dict[int, int]]:
    """For each of these records and the id of a subject: revision → number of the fact."""
    found: dict[tuple[str, str], dict[int, int]] = defaultdict(dict)
    for number, fact in enumerate(facts):
        if fact.record in records:
            for _, subject in fact.named:
                found[fact.record, subject].setdefault(fact.first["revision"], number)
    return found


def _add_joined(facts: list[FactEvents], found: dict[int, set[int]]) -> None:
    """Add to a fact that combines others those of its subject up to its time, which is that of the
    latest."""
    joining = [number for number, fact in enumerate(facts) if fact.record in JOINS]
    within = _by_subject(facts, range(len(facts))) if joining else {}
    for number in joining:
        fact = facts[number]
        subject = JOINS[fact.record]
        others = within.get((subject, fact.first[subject] or ""), ())
        found[number] |= {one for one in others if _is_joined(facts[one], fact)}


def _add_sealed_before(facts: list[FactEvents], found: dict[int, set[int]]) -> None:
    """Add to a decision the quarantine records about its subject, and to an admission the decisions
    and captures about its page, that were sealed before: ids do not show them."""
    numbers: dict[str, list[int]] = defaultdict(list)
    for number, fact in enumerate(facts):
        numbers[fact.record].append(number)
    decisions, admissions = numbers["ControlDecided"], numbers["PageAdmitted"]
    records = _by_subject(facts, numbers["WorkQuarantined"] if decisions else ())
    reasons = [number for record in ADMITTED_AFTER for number in numbers[record]]
    about = _by_subject(facts, reasons if admissions else (), narrowest=True)
    for number in decisions:
        others = [one for subject in facts[number].named[:1] for one in records.get(subject, ())]
        found[number] |= _sealed_before(facts, number, others)
    for number in admissions:
        others = [one for subject in facts[number].named for one in about.get(subject, ())]
        found[number] |= _sealed_before(facts, number, others)


def _sealed_before(facts: list[FactEvents], number: int, others: Iterable[int]) -> set[int]:
    seq = facts[number].first["seq"]
    return {one for one in others if facts[one].first["seq"] < seq}


def _by_subject(
    facts: list[FactEvents], chosen: Iterable[int], narrowest: bool = False
) -> dict[Named, list[int]]:
    """The numbers of the chosen facts by each of their subjects, or by the narrowest one alone."""
    found: dict[Named, list[int]] = defaultdict(list)
    for number in chosen:
        named = facts[number].named
        for subject in named[:1] if narrowest else named:
            found[subject].append(number)
    return found


def _is_joined(part: FactEvents, whole: FactEvents) -> bool:
    early = part.first["occurred_at"] <= whole.first["occurred_at"]
    return early and RANK.get(part.record, len(RANK)) < RANK[whole.record]


def _cause(fact: FactEvents) -> tuple[str, str]:
    """The record that a fact comes from, and the subject they share."""
    if fact.record in TROUBLES:
        return STARTS[fact.narrowest], fact.narrowest
    cause = CAUSES.get(fact.record)
    if cause is None:
        return "", "batch_id"
    # Heads do not name a package; its subject is the item.
    subject = "item_id" if cause.topic_key == "package_id" else cause.topic_key
    return cause.__name__, subject

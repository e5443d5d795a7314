"""Puts events in order of cause: no effect precedes its cause, and time decides the rest."""

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from processors.pipeline import TABLE, facts_with_events
from streams.audit.causes import TROUBLES, Subject, proven_causes

RANK = {fact.__name__: rank for rank, fact in enumerate(facts_with_events())}
CAUSES = {row.fact.__name__: row.cause for row in TABLE if row.premis}
"""The fact that precedes each. item.completed has none: its time is that of the latest fact that it
joins, so it is sorted by time."""
SUBJECTS = ("page_id", "item_id", "batch_id")
STARTS = {"page_id": "PageAdmitted", "item_id": "ItemRegistered", "batch_id": "BatchReceived"}
"""The fact that precedes any deferral or quarantine of a subject."""
ADMITTED_AFTER = ("CaptureAccepted", "ControlDecided")
"""What may be the reason for which a page is admitted again."""
JOINS = {"ItemCompleted": "item_id", "BatchSettled": "batch_id"}
"""Facts that combine others, and the subject that they share with them."""

Row = Mapping[str, Any]


class FactEvents:
    """All events of one fact."""

    __slots__ = ("fact_id", "first", "narrowest", "priority", "record", "rows", "subject")

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
    by_subject: dict[tuple[str, str], dict[int, int]] = defaultdict(dict)
    """Fact name and subject id → revision → number of the fact."""
    for number, fact in enumerate(facts):
        for subject in SUBJECTS:
            if fact.first[subject]:
                revisions = by_subject[fact.record, fact.first[subject]]
                revisions.setdefault(fact.first["revision"], number)
    for number, fact in enumerate(facts):
        if found.get(number):
            continue
        record, subject = _cause(fact)
        revisions = by_subject.get((record, fact.first[subject] or ""), {})
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


def _add_joined(facts: list[FactEvents], found: dict[int, set[int]]) -> None:
    """Add to a fact that combines others those of its subject up to its time, which is that of the
    latest."""
    within = _by_subject(facts, lambda fact: [one for one in SUBJECTS if fact.first[one]])
    for number, fact in enumerate(facts):
        if subject := JOINS.get(fact.record):
            others = within.get((subject, fact.first[subject] or ""), ())
            found[number] |= {one for one in others if _is_joined(facts[one], fact)}


def _add_sealed_before(facts: list[FactEvents], found: dict[int, set[int]]) -> None:
    """Add to a decision the quarantine records about its subject, and to an admission the decisions
    and captures about its page, that were sealed before: ids do not show them."""
    quarantined = [number for number, one in enumerate(facts) if one.record == "WorkQuarantined"]
    reasons = [number for number, one in enumerate(facts) if one.record in ADMITTED_AFTER]
    records = _by_subject(
        facts, lambda fact: [one for one in SUBJECTS if fact.first[one]], quarantined
    )
    about = _by_subject(facts, lambda fact: [fact.narrowest], reasons)
    for number, fact in enumerate(facts):
        others: list[int] = []
        if fact.record == "ControlDecided":
            others = records.get((fact.narrowest, fact.first[fact.narrowest] or ""), [])
        elif fact.record == "PageAdmitted":
            named = [(one, fact.first[one] or "") for one in SUBJECTS]
            others = [one for subject in named for one in about.get(subject, ())]
        found[number] |= {one for one in others if facts[one].first["seq"] < fact.first["seq"]}


def _by_subject(
    facts: list[FactEvents],
    subjects: Callable[[FactEvents], Iterable[str]],
    chosen: Iterable[int] | None = None,
) -> dict[tuple[str, str], list[int]]:
    """The numbers of facts by the column and the id of their subjects."""
    found: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number in range(len(facts)) if chosen is None else chosen:
        for subject in subjects(facts[number]):
            found[subject, facts[number].first[subject] or ""].append(number)
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

"""Puts events in order of cause: no effect precedes its cause, and time decides the rest."""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from processors.pipeline import TABLE, facts_with_events

RANK = {fact.__name__: rank for rank, fact in enumerate(facts_with_events())}
CAUSES = {row.fact.__name__: row.cause for row in TABLE if row.premis}
"""The fact that precedes each. item.completed has none: its time is that of the latest fact that it
joins, so it is sorted by time."""
SUBJECTS = ("page_id", "item_id", "batch_id")
STARTS = {"page_id": "PageAdmitted", "item_id": "ItemRegistered", "batch_id": "BatchReceived"}
"""The fact that precedes any deferral or quarantine of a subject."""
TROUBLES = ("WorkDeferred", "WorkQuarantined")

Row = Mapping[str, Any]


@dataclass(frozen=True)
class FactEvents:
    """All events of one fact."""

    rows: tuple[Row, ...]

    @property
    def first(self) -> Row:
        """The row of the fact itself."""
        return self.rows[0]

    @property
    def priority(self) -> tuple[datetime, int, int]:
        """What decides between facts that do not cause each other."""
        record = self.first["fact"]
        return self.first["occurred_at"], RANK.get(record, len(RANK)), self.first["seq"]


def in_order_of_cause(rows: Iterable[Row]) -> list[Row]:
    """The rows sorted: causes first, then time, the events of one fact together."""
    facts = _facts(rows)
    waits = {number: set(causes) for number, causes in _causes(facts).items()}
    leads: dict[int, list[int]] = defaultdict(list)
    for number, causes in waits.items():
        for cause in causes:
            leads[cause].append(number)
    ready = [(facts[number].priority, number) for number, causes in waits.items() if not causes]
    heapq.heapify(ready)
    ordered: list[Row] = []
    while ready:
        _, number = heapq.heappop(ready)
        ordered.extend(facts[number].rows)
        for effect in leads[number]:
            waits[effect].discard(number)
            if not waits[effect]:
                heapq.heappush(ready, (facts[effect].priority, effect))
    return ordered


def _facts(rows: Iterable[Row]) -> list[FactEvents]:
    rows_of: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        rows_of[row["cause_id"] or row["event_id"]].append(row)
    return [
        # The sealer's anomalies about an event follow the events of its fact.
        FactEvents(
            tuple(
                sorted(rows, key=lambda row: (row["fact"] not in RANK, row["ordinal"], row["seq"]))
            )
        )
        for rows in rows_of.values()
    ]


def _causes(facts: list[FactEvents]) -> dict[int, list[int]]:
    by_subject: dict[tuple[str, str], dict[int, int]] = defaultdict(dict)
    """Fact name and subject id → revision → number of the fact."""
    for number, fact in enumerate(facts):
        for subject in SUBJECTS:
            if fact.first[subject]:
                revisions = by_subject[fact.first["fact"], fact.first[subject]]
                revisions.setdefault(fact.first["revision"], number)
    found: dict[int, list[int]] = {}
    for number, fact in enumerate(facts):
        record, subject = _cause(fact.first)
        revisions = by_subject.get((record, fact.first[subject] or ""), {})
        # Pages, items and batches count revisions separately: the cause may have another revision.
        cause = revisions.get(fact.first["revision"], revisions.get(min(revisions, default=0)))
        found[number] = [] if cause is None else [cause]
    return found


def _cause(row: Row) -> tuple[str, str]:
    """The record that a fact comes from, and the subject they share."""
    if row["fact"] in TROUBLES:
        narrowest = next((subject for subject in SUBJECTS if row[subject]), "batch_id")
        return STARTS[narrowest], narrowest
    cause = CAUSES.get(row["fact"])
    if cause is None:
        return "", "batch_id"
    # Heads do not name a package; its subject is the item.
    subject = "item_id" if cause.topic_key == "package_id" else cause.topic_key
    return cause.__name__, subject

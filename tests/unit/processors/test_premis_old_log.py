"""Events of version 0.1.0 are made again from their facts with equal bytes."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from processors.premis import OWN_TYPES
from schemas.codec import decode
from schemas.models import PremisEvent
from streams.audit.sealed_record import seal_of
from streams.audit.timeline import in_order_of_cause
from streams.execution.facts import audit_messages
from streams.projector.rows import COLUMNS, row_of
from tests.support import log_of_083590e
from tests.support.log_check import FINDING, check
from tests.support.reader import FACTS_THAT_OWE, decoded

FINDINGS = 1
"""What the sealer of that line reported itself: no fact owes it."""


def sealed_values() -> dict[str, bytes]:
    """The sealed records that facts owe, by event_id."""
    records = [(decoded(raw), raw.value) for raw in log_of_083590e.sealed()]
    owed = {one.event_id: value for one, value in records if one.body["event_type"] != FINDING}
    assert len(owed) == len(records) - FINDINGS
    return {event_id: value for event_id, value in owed.items() if value is not None}


def test_every_sealed_event_is_made_again_with_equal_bytes():
    messages = [
        message for raw in log_of_083590e.facts() for message in audit_messages(decode(raw.value))
    ]

    assert len(messages) == len(sealed_values())
    assert {message.key: message.value for message in messages} == sealed_values()


TYPES_ADDED_LATER = {"log-maintenance"}
ADDED_LATER = {
    *("digitization.fixity.checked.v1", "digitization.object.restored.v1"),
    "digitization.page.analyzed.v1",
}


def test_the_stand_alone_checker_accepts_the_old_log():
    report = check([*log_of_083590e.facts(), *log_of_083590e.sealed()])

    assert [error for error in report.faults() if FINDING not in error] == []
    assert report.sealed == report.owed + FINDINGS


def test_the_old_log_contains_every_record_with_events_and_every_outcome():
    facts = [decoded(raw) for raw in log_of_083590e.facts()]
    events = [decode(raw.value, PremisEvent) for raw in log_of_083590e.sealed()]

    assert {raw.topic for raw in log_of_083590e.facts()} == set(FACTS_THAT_OWE) - ADDED_LATER
    assert {fact.body["head"]["producer"]["version"].partition("+")[0] for fact in facts} == {
        "0.1.0"
    }
    assert {event.outcome for event in events} == {"suc", "fai", "war"}
    assert {event.event_type for event in events} >= set(OWN_TYPES) - TYPES_ADDED_LATER
    deferred = Counter(
        fact.body["next_at"] is None for fact in facts if fact.record == "WorkDeferred"
    )
    assert deferred[True] and deferred[False]


@pytest.mark.parametrize("batch_id", log_of_083590e.answers()["audit"])
def test_the_audit_answer_about_a_batch_is_unchanged(batch_id: str):
    rows = [
        dict(zip(COLUMNS, row_of(seal_of(raw.headers), raw.value), strict=True))
        for raw in log_of_083590e.sealed()
        if raw.value is not None
    ]
    before = log_of_083590e.answers()["audit"][batch_id]

    now = in_order_of_cause(row for row in rows if row["batch_id"] == batch_id)

    shared = [name for name in COLUMNS if name in before[0] and not name.endswith("_at")]
    assert len(shared) > 10
    # Since then a decision is before the admission that follows from it.
    assert by_id(now, shared) == by_id(before, shared)


def by_id(rows: Iterable[Mapping[str, Any]], names: list[str]) -> list[dict[str, Any]]:
    """The answers of these rows in the order of their ids."""
    return sorted((answer(row, names) for row in rows), key=lambda row: str(row["event_id"]))


def answer(row: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    """Some fields of a row, whether it comes from the projection or from a command."""
    agents = row["agents"] if isinstance(row["agents"], list) else json.loads(row["agents"])
    return {name: row[name] for name in names} | {"agents": agents}

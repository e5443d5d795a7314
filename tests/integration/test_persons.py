"""The register of pseudonyms, on a real PostgreSQL: who may be named, by which sender."""

from dataclasses import replace
from typing import Any

import pytest

from processors.premis import subject_of
from schemas import ids
from schemas.catalogue import redone_topic, topic_of
from schemas.codec import decode, encode
from schemas.models import (
    Act,
    Agent,
    BatchAccepted,
    BatchReceived,
    ControlDecided,
    ControlRequested,
    ItemRegistered,
    WorkQuarantined,
)
from streams.execution.senders import TYPE
from streams.kafka.messages import Incoming
from streams.topology import RELEASED
from tests.support.line_facts import Delivery, a_request
from tests.support.tracker_harness import TrackerHarness
from tests.support.tracker_tables import dump


def asks(action: str, subject: str, by: str = "p-1", value: str | None = None) -> ControlRequested:
    """A request of a person."""
    fact = a_request(action, subject, value=value)
    event_id = ids.make_id(fact.head.event_id, by)
    return fact.model_copy(
        update={"by": by, "head": fact.head.model_copy(update={"event_id": event_id})}
    )


def registers(pseudonym: str, senders: str | None = None, by: str = "") -> ControlRequested:
    """A person registers themselves, or another one."""
    return asks("register", f"person:{pseudonym}", by or pseudonym, senders)


def submission(
    batch: Delivery, operator: str | None, sender: str | None = "station"
) -> BatchReceived:
    """The submission of a batch that names a person, and is signed."""
    fact = batch.received()
    agents = (Agent(type="organization", name=sender or "", role="authorizer"),)
    detail = f"Signature of the message verified. Sender: {sender}. Key: {'ab' * 8}."
    signed = Act(
        type=TYPE, outcome="suc", detail=detail, agents=agents, sources=(subject_of(fact.head),)
    )
    return fact.model_copy(update={"operator": operator, "acts": (signed,) if sender else ()})


def accepted(batch: Delivery, operator: str | None, decision: str | None = None) -> BatchAccepted:
    """The acceptance of a batch whose manifest names a person."""
    fact = batch.accepted()
    return _after(fact, decision).model_copy(update={"operator": operator})


def registered(batch: Delivery, item: str, decision: str | None = None) -> ItemRegistered:
    """An item of a batch, registered again under a decision."""
    return _after(batch.registered(item), decision)


def _after(fact: Any, decision: str | None) -> Any:
    if decision is None:
        return fact
    event_id = ids.make_id(decision, fact.head.event_id)
    head = fact.head.model_copy(update={"cause_id": decision, "event_id": event_id})
    return fact.model_copy(update={"head": head})


def decided(tracker: TrackerHarness, request: ControlRequested) -> ControlDecided:
    """The decision on a request, which is processed now."""
    tracker.process(request)
    return tracker.published(ControlDecided)[-1]


def open_codes(tracker: TrackerHarness) -> list[str]:
    """The codes of the open quarantine records."""
    rows = tracker.conn.execute("SELECT code FROM line.quarantine WHERE state = 'open'")
    return [code for (code,) in rows]


def is_rebuilt_alike(tracker: TrackerHarness, *orders: list[Incoming]) -> bool:
    """Whether a rebuild from the outbox and these messages, in each order, gives the same tables."""
    before, published = dump(tracker.conn), tracker.outbox_without_events()
    for messages in orders:
        tracker.rebuild(published, messages)
        if dump(tracker.conn) != before:
            return False
    return True


class Recorded:
    """A tracker that remembers what it read, to read it again."""

    def __init__(self, tracker: TrackerHarness) -> None:
        self.tracker = tracker
        self.read: list[Incoming] = []

    def __call__(self, *facts: Any) -> None:
        messages = self.tracker.log(*facts)
        self.read += messages
        self.tracker.manager.process(messages)

    def released(self) -> None:
        """Read what the tracker published to its own lane."""
        rows = self.tracker.conn.execute(
            "SELECT key, headers, value FROM line.outbox WHERE topic = %s", [RELEASED]
        ).fetchall()
        key, headers, value = rows[-1]
        named = {name: text.encode() for name, text in headers}
        message = Incoming(RELEASED, 0, len(rows) - 1, key.encode(), value, named)
        self.read.append(message)
        self.tracker.manager.process([message])


@pytest.fixture
def reads(tracker: TrackerHarness) -> Recorded:
    """The tracker, as something that reads facts."""
    return Recorded(tracker)


def test_before_the_first_registration_every_pseudonym_is_accepted_and_then_known(tracker, storage):
    first, second = (Delivery(storage, name, {f"{name}-v": 1}) for name in ("b-1", "b-2"))

    tracker.process(submission(first, "o-17"))
    paused = decided(tracker, asks("pause", "batch:b-1", "q-5"))
    tracker.process(registers("p-1"))
    tracker.process(submission(second, "o-17"))
    resumed = decided(tracker, asks("resume", "batch:b-1", "q-5"))

    assert paused.granted
    assert resumed.granted
    assert tracker.counts("b-2")["state"] == "submitted"


def test_an_unknown_operator_refuses_the_batch_with_the_commands_that_repair_it(reads, storage):
    batch = Delivery(storage, "b-1", {"vol-1": 1})
    tracker = reads.tracker

    reads(registers("p-1"))
    reads(submission(batch, "o-99"))
    reads(accepted(batch, "o-99"), registered(batch, "vol-1"))

    (record,) = tracker.published(WorkQuarantined)
    assert (record.code, record.where) == ("person.unknown", "operator")
    assert record.found == "o-99 is not registered"
    assert "copystand person add --id o-99" in record.fix
    assert tracker.counts("b-1")["state"] == "quarantined"
    assert tracker.states("items", "item_id") == {}
    assert is_rebuilt_alike(tracker, reads.read)


@pytest.mark.parametrize("announced", ["o-99", None])
def test_a_refused_batch_continues_when_its_operator_is_registered_and_it_is_released(
    reads, storage, announced
):
    batch, tracker = Delivery(storage, "b-1", {"vol-1": 1}), reads.tracker
    reads(registers("p-1"))
    reads(submission(batch, announced))
    reads(registered(batch, "vol-1"))
    reads(accepted(batch, "o-99"))
    (record,) = tracker.published(WorkQuarantined)
    refused_state, refused_items = tracker.counts("b-1")["state"], tracker.states("items", "state")

    request = asks("release", f"quarantine:{record.head.event_id}")
    reads(registers("o-99"))
    reads(request)
    decision = ids.make_id(request.head.event_id, "ControlDecided")
    reads(registered(batch, "vol-1", decision), accepted(batch, "o-99", decision))
    page = batch.pages("vol-1")[0]
    reads(batch.acquired(page), batch.recognized(page), batch.published("vol-1"))

    rows = tracker.conn.execute(
        "SELECT headers, value FROM line.outbox WHERE topic = %s", [redone_topic(record.lane)]
    ).fetchall()
    assert (refused_state, refused_items) == ("quarantined", {})
    assert [(dict(headers)["step"], value) for headers, value in rows] == [
        ("validate_batch", encode(submission_of(reads)))
    ]
    assert tracker.counts("b-1")["packaged"] == 1
    assert is_rebuilt_alike(tracker, reads.read)


def submission_of(reads: Recorded) -> BatchReceived:
    """The first submission that was read."""
    topic = topic_of("BatchReceived").name
    return decode(next(one.value for one in reads.read if one.topic == topic), BatchReceived)


def test_a_release_for_an_operator_who_is_still_unknown_is_refused_again(reads, storage):
    batch, tracker = Delivery(storage, "b-1", {"vol-1": 1}), reads.tracker
    reads(registers("p-1"))
    reads(submission(batch, "o-99"), accepted(batch, "o-99"))
    (record,) = tracker.published(WorkQuarantined)
    request = asks("release", f"quarantine:{record.head.event_id}")

    reads(request)
    decision = ids.make_id(request.head.event_id, "ControlDecided")
    reads(accepted(batch, "o-99", decision), registered(batch, "vol-1", decision))

    assert open_codes(tracker) == ["person.unknown"]
    assert tracker.counts("b-1")["state"] == "quarantined"
    assert tracker.states("items", "item_id") == {}
    assert is_rebuilt_alike(tracker, reads.read)


def test_a_submission_with_another_operator_corrects_the_refused_one(reads, storage):
    wrong = Delivery(storage, "b-1", {"vol-1": 1})
    right, tracker = replace(wrong, manifest="m2"), reads.tracker
    reads(registers("p-1"))
    reads(submission(wrong, "o-99"))
    reads(accepted(wrong, "o-99"), registered(wrong, "vol-1"))

    reads(submission(right, "p-1"))
    reads(accepted(right, "p-1"), registered(right, "vol-1"))
    page = right.pages("vol-1")[0]
    reads(right.acquired(page), right.recognized(page), right.published("vol-1"))

    assert open_codes(tracker) == []
    assert tracker.counts("b-1")["packaged"] == 1
    assert is_rebuilt_alike(tracker, reads.read)


def test_a_capture_of_an_unknown_operator_counts_when_it_is_released(reads, storage):
    batch, tracker = Delivery(storage, "b-1", {"vol-1": 1}, captured=True), reads.tracker
    page = batch.pages("vol-1")[0]
    capture = batch.captured_fact(page).model_copy(update={"operator": "o-99"})
    reads(registers("p-1"))
    reads(capture)
    reads(batch.received(), batch.accepted(), batch.registered("vol-1"))
    reads(batch.acquired(page), batch.recognized(page))
    before, codes = tracker.states("items", "item_id"), open_codes(tracker)
    (record,) = tracker.published(WorkQuarantined)

    reads(registers("o-99"), asks("release", f"quarantine:{record.head.event_id}"))
    reads.released()

    assert (before, codes) == ({"vol-1": "running"}, ["person.unknown"])
    assert tracker.states("items", "item_id") == {"vol-1": "completed"}
    assert open_codes(tracker) == []
    assert is_rebuilt_alike(tracker, reads.read)


@pytest.mark.parametrize(
    ("by", "code"),
    [("o-99", "person.unknown"), ("p-2", "person.retired"), ("p-3", "person.foreign")],
)
def test_a_request_of_a_person_who_may_not_ask_is_refused_and_changes_nothing(
    reads, storage, by, code
):
    batch, tracker = Delivery(storage, "b-1", {"vol-1": 1}), reads.tracker
    reads(registers("p-1"), registers("p-2", by="p-1"), registers("p-3", "station-lab", by="p-1"))
    reads(asks("retire", "person:p-2"), submission(batch, None), accepted(batch, None))

    reads(asks("cancel", "batch:b-1", by))

    decision = tracker.published(ControlDecided)[-1]
    assert (decision.granted, decision.code, decision.by) == (False, code, by)
    assert f"copystand person add --id {by}" in decision.fix
    assert tracker.counts("b-1")["state"] == "running"
    assert is_rebuilt_alike(tracker, reads.read)


@pytest.mark.parametrize(
    ("sender", "state"),
    [("station-lab", "submitted"), ("station-b", "quarantined"), (None, "quarantined")],
)
def test_a_person_of_one_station_is_named_by_that_station_alone(tracker, storage, sender, state):
    batch = Delivery(storage, "b-1", {"vol-1": 1})

    tracker.process(registers("p-1"), registers("o-17", "station-lab", by="p-1"))
    tracker.process(submission(batch, "o-17", sender))

    assert tracker.counts("b-1")["state"] == state
    assert open_codes(tracker) == (["person.foreign"] if state == "quarantined" else [])


def test_a_retired_person_who_is_registered_again_may_be_named(tracker, storage):
    batches = [Delivery(storage, name, {f"{name}-v": 1}) for name in ("b-1", "b-2")]

    tracker.process(registers("p-1"), registers("o-17", by="p-1"), asks("retire", "person:o-17"))
    tracker.process(submission(batches[0], "o-17"))
    again = registers("o-17", "station", by="p-1")
    tracker.process(again)
    tracker.process(submission(batches[1], "o-17"))

    assert [tracker.counts(one.batch_id)["state"] for one in batches] == [
        "quarantined",
        "submitted",
    ]
    assert open_codes(tracker) == ["person.retired"]


@pytest.mark.parametrize(
    ("request_", "granted"),
    [
        (registers("o-17", by="o-99"), False),
        (asks("retire", "person:o-99", "p-1"), False),
        (asks("retire", "batch:b-1", "p-1"), False),
        (registers("o-17", "Station X", by="p-1"), False),
        (registers("o-17"), True),
    ],
)
def test_the_register_is_changed_by_known_persons_for_one_pseudonym(tracker, request_, granted):
    tracker.process(registers("p-1"))

    decision = decided(tracker, request_)

    known = dict(tracker.conn.execute("SELECT pseudonym, registered_at FROM line.persons"))
    assert decision.granted is granted
    assert ("o-17" in known) is granted


def test_the_log_says_who_was_registered(tracker):
    decision = decided(tracker, registers("o-17", "station-lab"))

    assert [act.detail for act in decision.acts] == [
        "The pseudonym o-17 is registered. It may be named by: station-lab."
    ]

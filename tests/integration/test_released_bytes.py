"""Bytes that the tracker cannot decode are stored unchanged and decoded again when released."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas import ids
from schemas.catalogue import redone_topic, topic_of
from schemas.codec import Undecodable, decode, encode
from schemas.models import ControlDecided, Message, WorkQuarantined
from streams.execution.senders import signature_acts
from streams.kafka.messages import Incoming
from streams.storage.memory import MemoryStorage
from streams.tracker import incoming_facts
from streams.tracker.unit_of_work import Connection
from tests.core_machine.database import Databases
from tests.support.builders import a_head
from tests.support.line_facts import Delivery, a_request
from tests.support.tracker_harness import TrackerHarness
from tests.support.tracker_tables import dump

ACQUIRED = topic_of("PageAcquired").name
RELEASED = redone_topic("intake")
PAGE = "vol-1:0001"


class RecordingTracker(TrackerHarness):
    """A tracker that records what it has read of a batch of one page."""

    def __init__(self, conn: Connection, folder: Path) -> None:
        super().__init__(lambda: conn, MemoryStorage(folder), pool_size=2)
        self.read: list[Incoming] = []
        self.batch = Delivery(self.storage, "b-1", {"vol-1": 1})
        self.process(self.batch.received(), self.batch.accepted(), self.batch.registered("vol-1"))

    def process(self, *facts: Message) -> None:
        self.process_messages(*self.log(*facts))

    def process_messages(self, *messages: Incoming) -> None:
        """Read these messages in one transaction."""
        self.read += messages
        self.manager.process(messages)

    def released(self) -> list[Incoming]:
        """The messages that the tracker published to itself and to the router."""
        return [message for message in self.outbox() if message.topic == RELEASED]

    def release(self, record: WorkQuarantined) -> Incoming:
        """Release a record; returns the message with the original bytes."""
        self.process(a_request("release", f"quarantine:{record.head.event_id}"))
        return self.released()[-1]

    def ended_steps(self) -> list[str]:
        """The steps that have ended for the page."""
        return [step for (step,) in self.conn.execute("SELECT step FROM line.page_branches")]

    def record_states(self) -> list[str]:
        """The states of all quarantine records, oldest first."""
        rows = self.conn.execute("SELECT state FROM line.quarantine ORDER BY occurred_at")
        return [state for (state,) in rows]


@pytest.fixture
def tracker(databases: Databases, tmp_path: Path) -> Iterator[RecordingTracker]:
    """A tracker that has registered its batch."""
    with databases.fresh() as name, databases.connect(name) as conn:
        yield RecordingTracker(conn, tmp_path)


def decode_without_pages(value: bytes | None, expected: type[Message] | None = None) -> Message:
    """A decoder without the schema of PageAcquired."""
    fact = decode(value, expected)
    if type(fact).__name__ == "PageAcquired":
        raise Undecodable("schema 9 is not known")
    return fact


def quarantine_undecodable(
    tracker: RecordingTracker, monkeypatch: pytest.MonkeyPatch
) -> tuple[bytes, WorkQuarantined]:
    """Process a fact with an old decoder; returns its bytes and its quarantine record."""
    value = encode(tracker.batch.acquired(PAGE))
    with monkeypatch.context() as older:
        older.setattr(incoming_facts, "decode", decode_without_pages)
        tracker.process_messages(tracker.log.raw(ACQUIRED, PAGE, value))
    (record,) = tracker.published(WorkQuarantined)
    assert isinstance(record, WorkQuarantined)
    return value, record


def test_released_bytes_that_can_be_decoded_take_effect(tracker, monkeypatch):
    value, record = quarantine_undecodable(tracker, monkeypatch)
    before = tracker.ended_steps()

    sent = tracker.release(record)
    tracker.process_messages(sent)

    assert (record.code, tracker.storage.read(record.files[0])) == ("message.undecodable", value)
    assert (sent.value, sent.key) == (value, PAGE.encode())
    assert sent.header("step") == "tracker"
    assert sent.header("cause") == tracker.published(ControlDecided)[0].head.event_id
    assert (before, tracker.ended_steps()) == ([], ["acquire_page"])
    assert tracker.record_states() == ["released"]


def test_released_bytes_that_still_cannot_be_decoded_are_quarantined_again(tracker):
    tracker.process_messages(tracker.log.raw(ACQUIRED, "k", b"\x01garbage"))
    (first,) = tracker.published(WorkQuarantined)

    tracker.process_messages(tracker.release(first))
    second = tracker.published(WorkQuarantined)[1]
    tracker.process_messages(tracker.release(second))

    third = tracker.published(WorkQuarantined)[2]
    assert len({record.head.event_id for record in (first, second, third)}) == 3
    assert {record.origin.topic for record in (first, second, third)} == {ACQUIRED}
    assert tracker.storage.read(third.files[0]) == b"\x01garbage"
    assert sorted(tracker.record_states()) == ["open", "released", "released"]


def test_a_message_that_is_deferred_or_released_keeps_its_sender(tracker):
    sender = {"sender": b"station-lab", "key_id": b"0123456789abcdef"}
    acts = signature_acts(Incoming("t", 0, 0, None, None, sender), a_head())
    deferral = tracker.batch.deferred(PAGE, 1).model_copy(update={"acts": acts})
    exhausted = tracker.batch.deferred(PAGE, 99).model_copy(update={"acts": acts})

    tracker.process(deferral, exhausted)
    (record,) = tracker.published(WorkQuarantined)
    tracker.process(a_request("release", f"quarantine:{record.head.event_id}"))

    repeated = [one for one in tracker.outbox() if one.topic == redone_topic("text")]
    assert len(repeated) == 2
    for message in repeated:
        assert sender.items() <= dict(message.headers).items()


def test_a_message_of_an_impostor_is_not_released(tracker):
    tracker.process_messages(tracker.log.raw(ACQUIRED, "k", b"no fact"))
    (like,) = tracker.published(WorkQuarantined)
    head = like.head.model_copy(update={"event_id": ids.make_id("an impostor")})
    changes = {"head": head, "code": "sender.signature-wrong", "step": "router"}
    tracker.process(like.model_copy(update=changes))

    tracker.process(a_request("release", f"quarantine:{head.event_id}"))

    (decision,) = tracker.published(ControlDecided)
    assert (decision.granted, decision.code) == (False, "quarantine.needs-correction")
    assert tracker.released() == []


def test_a_released_fact_on_the_topic_of_another_record_has_no_effect(tracker):
    foreign = encode(tracker.batch.recognized(PAGE))
    tracker.process_messages(tracker.log.raw(ACQUIRED, PAGE, foreign))
    (record,) = tracker.published(WorkQuarantined)

    sent = tracker.release(record)
    tracker.process_messages(sent)

    assert sent.value == foreign
    assert tracker.ended_steps() == []
    assert (
        "PageRecognized where a PageAcquired belongs" in tracker.published(WorkQuarantined)[1].found
    )


def test_the_tracker_ignores_bytes_released_for_the_router(tracker):
    headers = {"step": b"router", "release": ids.make_id("x").encode()}

    tracker.process_messages(Incoming(RELEASED, 0, 0, b"k", b"no fact", headers))

    assert tracker.published(WorkQuarantined) == []


@pytest.mark.parametrize("place", [{}, {"topic": b"t", "partition": b"x", "offset": b"1"}])
def test_a_message_with_forged_release_headers_is_quarantined(tracker, place):
    forged = Incoming(RELEASED, 0, 0, b"k", b"no fact", {"step": b"tracker", **place})

    tracker.process_messages(forged, *tracker.log(tracker.batch.acquired(PAGE)))

    (record,) = tracker.published(WorkQuarantined)
    assert record.origin.topic == RELEASED
    assert tracker.ended_steps() == ["acquire_page"]


def test_a_rebuild_reads_released_bytes_and_does_not_publish_them_again(tracker, monkeypatch):
    _, record = quarantine_undecodable(tracker, monkeypatch)
    sent = tracker.release(record)
    tracker.process_messages(sent)
    own, before = tracker.outbox_without_events(), dump(tracker.conn)
    quarantined = topic_of("WorkQuarantined").name

    tracker.rebuild(own, tracker.read, [one for one in own if one.topic == quarantined])

    assert dump(tracker.conn) == before
    assert tracker.released() == []

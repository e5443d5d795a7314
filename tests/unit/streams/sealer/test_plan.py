"""Which records of the intake become sealed events: each event once, and one for each anomaly."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from confluent_kafka import Message

from schemas.codec import encode
from schemas.event_fields import fields_of
from schemas.models import PremisEvent, Producer
from streams.sealer.event_index import IndexedEvent
from streams.sealer.plan import plan
from streams.sealer.validation import IntakeRecord, ValidEvent, read_record, validate
from tests.support.audit_log import an_event

ARRIVED = datetime(2026, 5, 4, 9, 31, tzinfo=UTC)
SEALER = Producer(name="copystand/sealer", version="1.2.3")


def a_record(event: PremisEvent, offset: int = 0) -> IntakeRecord:
    key, value = event.head.event_id.encode(), encode(event)
    return IntakeRecord("intake", 0, offset, ARRIVED, key, value)


@pytest.fixture
def anomalies(tmp_path: Path) -> Path:
    return tmp_path / "audit" / "anomalies"


def a_message(record: IntakeRecord) -> Message:
    """A record as the Kafka client gives it."""
    milliseconds = int(record.arrived_at.timestamp() * 1000)
    return Message(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=record.key,
        value=record.value,
        timestamp=(1, milliseconds),
    )


def planned(anomalies: Path, *records: IntakeRecord, sealed: dict[str, IndexedEvent] | None = None):
    known = sealed or {}
    read = [read_record(a_message(one)) for one in records]
    return plan(read, lambda ids: {k: known[k] for k in ids if k in known}, 7, anomalies, SEALER)


def indexed(event: PremisEvent, seq: int) -> dict[str, IndexedEvent]:
    record = a_record(event)
    valid = validate(record.key, record.value)
    assert isinstance(valid, ValidEvent)
    return {valid.event_id: IndexedEvent(valid.event_id, seq, valid.digest)}


def test_new_events_are_sealed_in_order_and_a_redelivered_one_once(anomalies: Path):
    first, second = an_event(1), an_event(2)

    events = planned(anomalies, a_record(first), a_record(second, 1), a_record(first, 2))

    assert [one.event for one in events] == [fields_of(first), fields_of(second)]
    assert not anomalies.exists()


def test_an_event_that_is_sealed_already_is_dropped(anomalies: Path):
    events = planned(anomalies, a_record(an_event(1)), sealed=indexed(an_event(1), 3))

    assert events == []


def test_another_event_with_a_sealed_id_becomes_an_anomaly_and_is_preserved(anomalies: Path):
    changed = a_record(an_event(1, detail="changed"), offset=12)

    (event,) = planned(anomalies, changed, sealed=indexed(an_event(1), 3))

    assert (event.event.event_type, event.event.code) == ("log-anomaly", "log.other-bytes")
    assert "is sealed as seq 3 with other bytes" in event.event.detail
    assert (anomalies / "0-12.value").read_bytes() == changed.value
    origin = json.loads((anomalies / "0-12.json").read_text())
    assert (origin["offset"], origin["code"]) == (12, "log.other-bytes")


def test_two_versions_of_an_event_in_one_batch_are_one_event_and_one_anomaly(anomalies: Path):
    changed = an_event(1, detail="changed")

    first, second = planned(anomalies, a_record(an_event(1)), a_record(changed, 1))

    assert first.event == fields_of(an_event(1))
    assert "is sealed as seq 7 with other bytes" in second.event.detail


def test_an_anomaly_is_sealed_once_however_often_its_record_is_read(anomalies: Path):
    undecodable = IntakeRecord("intake", 0, 5, ARRIVED, b"x", b"not Avro")
    (event,) = planned(anomalies, undecodable)
    sealed = {event.event_id: IndexedEvent(event.event_id, 7, event.digest)}

    assert planned(anomalies, undecodable, sealed=sealed) == []

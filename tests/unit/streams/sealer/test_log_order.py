"""Records of the log are taken in order of seq; foreign ones are found, and no gap is skipped."""

from typing import Any

import pytest

from schemas.codec import encode
from streams.audit.sealed_record import Seal, headers_of, schema_digest
from streams.sealer.log_order import LogOrder
from tests.support.audit_log import an_event
from tests.support.kafka_records import KafkaRecord


def sealed(at: int, seq: int, **changes: Any) -> KafkaRecord:
    event = an_event(at)
    value = encode(event)
    fields = {
        "record_key": event.head.event_id.encode(),
        "record_value": value,
        "record_headers": headers_of(Seal(seq, 1, schema_digest(value))),
    }
    return KafkaRecord(at, **(fields | changes))


def taken(order: LogOrder, *records: Any) -> tuple[list[int], list[int]]:
    """Offsets of the sealed and of the foreign records."""
    results = [order.take(record) for record in records]
    ours = [one.offset for one, _ in results if one is not None]
    return ours, [one.offset for _, foreign in results for one in foreign]


def test_sealed_events_are_taken_in_order():
    assert taken(LogOrder(5), sealed(0, 5), sealed(1, 6)) == ([0, 1], [])


@pytest.mark.parametrize(
    "changes",
    [
        {"record_value": None},
        {"record_value": b"no event"},
        {"record_headers": []},
        {"record_headers": [("seq", b"1"), ("sealed_at", b""), ("schema_sha256", b"")]},
        {"record_headers": headers_of(Seal(0, 1, b"x" * 32))},
        {"record_headers": headers_of(Seal(0, 2**63, schema_digest(encode(an_event(0)))))},
        {"record_key": b"another key"},
        {"record_key": None},
    ],
)
def test_a_record_without_an_intact_seal_and_event_is_foreign(changes: dict[str, Any]):
    order = LogOrder(0)

    assert taken(order, sealed(0, 0, **changes), sealed(1, 0)) == ([1], [0])
    assert order.gap() == ""


def test_a_taken_number_is_foreign():
    assert taken(LogOrder(0), sealed(0, 0), sealed(1, 0), sealed(2, 1)) == ([0, 2], [1])


def test_a_number_ahead_is_foreign_once_the_next_one_follows():
    order = LogOrder(0)

    assert taken(order, sealed(0, 10**12), sealed(1, 3)) == ([], [])
    assert order.gap() == f"seq 0 is missing; offset 0: it has seq {10**12}, expected 0"
    assert taken(order, sealed(2, 0), sealed(3, 1)) == ([2, 3], [0, 1])
    assert order.gap() == ""


def test_behind_a_gap_nothing_is_taken():
    order = LogOrder(1)

    assert taken(order, *(sealed(at, at + 2) for at in range(20))) == ([], [])
    assert order.gap().startswith("seq 1 is missing; offset 0: ")

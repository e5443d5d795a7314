"""A row is made at once only of a record that is the next event as it was sealed."""

from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Message

from schemas.codec import PREFIX, encode
from schemas.store import schema_store
from streams.audit.sealed_record import Seal, SealedRecord, headers_of, schema_digest
from streams.audit.signed_leaves import SignedLeaves
from streams.projector.row_bytes import known_run
from streams.projector.signed_rows import SignedRows
from tests.support.audit_log import an_event
from tests.support.changed_events import VALUES
from tests.support.transparency_logs import Sealed

SEQS = range(300)
ANOTHER = an_event(8).head.event_id.encode()


def a_record(seq: int, value: bytes | None = None, sealed_at: int = 1) -> SealedRecord:
    value = value or encode(an_event(seq))
    return SealedRecord(
        an_event(seq).head.event_id, value, Seal(seq, sealed_at, schema_digest(value))
    )


def message(record: SealedRecord, **changes: Any) -> Message:
    """A record as the Kafka client gives it."""
    fields = {
        "key": record.event_id.encode(),
        "value": record.value,
        "headers": headers_of(record.seal),
    }
    return Message(topic="premis", partition=0, offset=0, **(fields | changes))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("log")
    log = Sealed(folder)
    log.store.append([a_record(seq).leaf for seq in SEQS])
    log.sign()
    log.store.append([a_record(len(SEQS)).leaf])
    return folder


@pytest.fixture
def rows(folder: Path) -> SignedRows:
    return SignedRows(SignedLeaves(folder, "premis"))


def test_every_record_has_a_row_as_it_was_sealed(rows: SignedRows):
    assert all(rows.row(message(a_record(seq)), seq) for seq in SEQS)


def test_a_record_that_no_checkpoint_covers_has_none(rows: SignedRows):
    assert rows.row(message(a_record(len(SEQS))), len(SEQS)) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"key": None},
        {"key": ANOTHER},
        {"value": None},
        {"value": b""},
        {"value": encode(an_event(7, "forged"))},
        {"value": encode(an_event(7))[:-1]},
        {"headers": []},
        {"headers": headers_of(Seal(8, 1, schema_digest(VALUES[0])))},
        {"headers": headers_of(Seal(7, 2, schema_digest(VALUES[0])))},
        {"headers": headers_of(Seal(7, 1, bytes(32)))},
        {"headers": [("seq", b"7"), *headers_of(Seal(7, 1, schema_digest(VALUES[0])))[1:]]},
        {"headers": [*headers_of(Seal(7, 1, schema_digest(VALUES[0])))[:2]]},
        {
            "headers": [
                ("seq", (7).to_bytes(8, "big")),
                ("sealed_at", b""),
                ("schema_sha256", schema_digest(VALUES[0])),
            ]
        },
    ],
)
def test_a_record_that_differs_has_none(rows: SignedRows, changes: dict[str, Any]):
    assert rows.row(message(a_record(7)), 7)

    assert rows.row(message(a_record(7), **changes), 7) is None


def test_another_seq_than_the_next_one_has_none(rows: SignedRows):
    assert rows.row(message(a_record(7)), 8) is None


def test_without_a_log_on_this_machine_nothing_is_compared(tmp_path: Path):
    rows = SignedRows(SignedLeaves(tmp_path / "none", "premis"))

    assert rows.row(message(a_record(7, sealed_at=9)), 7)


@pytest.mark.parametrize(
    "event",
    [
        an_event(1, "a NUL: \0"),
        an_event(1, page_id="p" * 501),
        an_event(1, revision=2**31),
    ],
)
def test_what_postgresql_cannot_store_is_left_to_the_general_way(tmp_path: Path, event: Any):
    rows = SignedRows(SignedLeaves(tmp_path / "none", "premis"))

    assert rows.row(message(a_record(1, encode(event))), 1) is None


@pytest.mark.parametrize(
    "count", [b"\xfe" + b"\xff" * 7 + b"\x7f", b"\xff" * 9 + b"\x01", b"\x7e", b"\x03"]
)
def test_an_array_with_another_number_of_elements_than_it_has_is_left_to_the_general_way(
    tmp_path: Path, count: bytes
):
    rows, value = SignedRows(SignedLeaves(tmp_path / "none", "premis")), encode(an_event(1))
    one_source = b"\x02\x1apage:i-1:0001\x00"
    assert value.count(one_source) == 1

    changed = value.replace(one_source, count + one_source[1:])

    assert rows.row(message(a_record(1, changed)), 1) is None


def test_every_version_of_the_schema_is_known():
    prefixes = [PREFIX.pack(0, number) for number in schema_store().ids("PremisEvent")]

    assert all(known_run(prefix) for prefix in prefixes)
    assert {value[: PREFIX.size] for value in VALUES} == set(prefixes)

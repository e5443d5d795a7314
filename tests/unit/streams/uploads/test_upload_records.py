"""A file is proven by a record of its own sender, signed by the sender or by `ingest`."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from streams.known_senders import KnownSenders
from streams.signatures import SigningKey, new_key
from streams.storage.memory import MemoryStorage
from streams.uploads.upload_record import record_key, write_record
from streams.uploads.upload_records import INGEST, UploadRecords
from tests.support.builders import a_file

LAB, HALL, SERVER, UNKNOWN = map(new_key, ("station-lab", "station-hall", INGEST, "station-lab"))
FILE = a_file("manifest", sha256="ab" * 32, size_bytes=10)
TOPIC = ("digitization.batch.submitted.v1", 3)


@pytest.fixture
def known(tmp_path: Path) -> KnownSenders:
    senders = KnownSenders(tmp_path)
    senders.add(LAB, "station")
    senders.add(HALL, "station")
    senders.add(SERVER, INGEST)
    senders.require_records_from({TOPIC: 5})
    return senders


@pytest.fixture
def storage(tmp_path: Path) -> MemoryStorage:
    return MemoryStorage(tmp_path / "files")


def unproven(known: KnownSenders, storage: MemoryStorage, **changes: str) -> str | None:
    named = {"sender": LAB.sender, "key_id": LAB.key_id} | changes
    return UploadRecords(known, storage).why_unproven(named["sender"], FILE, named["key_id"])


@pytest.mark.parametrize("signer", [LAB, SERVER])
def test_a_record_of_the_sender_or_of_ingest_proves_it(
    known: KnownSenders, storage: MemoryStorage, signer: SigningKey
):
    write_record(storage, signer, FILE, LAB.sender)

    assert unproven(known, storage) is None
    assert unproven(known, storage, key_id="") is None


def test_without_a_record_nothing_is_proven(known: KnownSenders, storage: MemoryStorage):
    found = unproven(known, storage)

    assert found == f"The store has no upload record of station-lab for {FILE.key}"


def test_a_record_of_another_sender_proves_nothing(known: KnownSenders, storage: MemoryStorage):
    write_record(storage, HALL, FILE)

    assert unproven(known, storage) is not None


@pytest.mark.parametrize(
    ("signer", "about", "found"),
    [
        (HALL, LAB.sender, "is about another sender"),
        (UNKNOWN, LAB.sender, "is about another sender"),
        (LAB, HALL.sender, "is about another sender"),
    ],
)
def test_a_record_in_the_place_of_another_proves_nothing(
    known: KnownSenders, storage: MemoryStorage, signer: SigningKey, about: str, found: str
):
    write_record(storage, signer, FILE, about)
    moved = storage.get(record_key(about, signer.key_id, FILE.sha256))
    assert moved is not None
    storage.put_new(record_key(LAB.sender, LAB.key_id, FILE.sha256), moved)

    assert found in str(unproven(known, storage))


def test_a_key_of_another_sender_cannot_sign_for_the_sender(
    known: KnownSenders, storage: MemoryStorage
):
    write_record(storage, HALL, FILE, LAB.sender)

    assert "unknown, revoked or of another" in str(unproven(known, storage, key_id=HALL.key_id))


def test_a_record_of_another_size_and_a_damaged_one_prove_nothing(
    known: KnownSenders, storage: MemoryStorage
):
    write_record(storage, LAB, FILE.model_copy(update={"size_bytes": 11}))
    other_size = unproven(known, storage)
    storage.put_new(record_key(LAB.sender, SERVER.key_id, FILE.sha256), b"{}")
    damaged = unproven(known, storage)

    assert "another sender, key, digest or size" in str(other_size)
    assert "is unreadable" in str(damaged)


@pytest.mark.parametrize("signer", [LAB, SERVER])
def test_a_record_signed_with_a_revoked_key_proves_nothing(
    known: KnownSenders, storage: MemoryStorage, signer: SigningKey
):
    write_record(storage, signer, FILE, LAB.sender)
    known.revoke(signer.sender)

    assert unproven(known, storage) is not None


def test_messages_of_earlier_versions_need_none(known: KnownSenders, storage: MemoryStorage):
    records = UploadRecords(known, storage)

    assert [records.is_older(TOPIC, offset) for offset in (4, 5)] == [True, False]
    assert not records.is_older((TOPIC[0], 4), 0)
    assert records.is_before(datetime.now(UTC) - timedelta(minutes=1))
    assert not records.is_before(datetime.now(UTC) + timedelta(minutes=1))


def test_where_earlier_messages_end_only_falls(known: KnownSenders, storage: MemoryStorage):
    since = known.records_needed().since
    known.require_records_from({TOPIC: 9})
    higher = known.records_needed().offsets[TOPIC]
    known.require_records_from({TOPIC: 2})

    assert (higher, known.records_needed().offsets[TOPIC]) == (5, 2)
    assert known.records_needed().since == since


def test_without_that_file_all_need_one(tmp_path: Path, storage: MemoryStorage):
    records = UploadRecords(KnownSenders(tmp_path / "other"), storage)

    assert not records.is_older(TOPIC, 0)
    assert not records.is_before(datetime(1970, 1, 1, tzinfo=UTC))

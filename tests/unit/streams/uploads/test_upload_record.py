"""An upload record says who stored what, and a change of any part of it is found."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from streams.signatures import SigningKey
from streams.storage.memory import MemoryStorage
from streams.uploads.upload_record import UploadRecord, record_key, write_record
from tests.support.builders import a_file

KEY = SigningKey("station-scan-room", bytes(range(32)))
NOON = datetime(2026, 11, 30, 9, tzinfo=UTC)
MANIFEST = a_file("manifest", sha256="ab" * 32, size_bytes=91234)


def a_record() -> UploadRecord:
    return UploadRecord.signed(KEY, KEY.sender, MANIFEST, NOON)


def test_its_signature_is_that_of_the_contract():
    encoded = a_record().to_bytes().decode()

    assert (
        '"signature": "LCfaiHfHe8rxXeqHZ1l61OTmPDEHQkOTTHwndNeofF9j/uct5aW6gl8QA6ISlAdbkvoMKHaQI8bfurxqA+n1Bg=="'
        in encoded
    )
    assert '"stored_at": "2026-11-30T09:00:00+00:00"' in encoded


def test_it_is_read_as_it_was_written():
    read = UploadRecord.from_bytes(a_record().to_bytes())

    assert read == a_record()
    assert read is not None and read.is_signed_by(KEY.public_key)


@pytest.mark.parametrize(
    "change",
    [
        {"sender": "station-hall"},
        {"key_id": "0" * 16},
        {"sha256": "cd" * 32},
        {"size_bytes": 91235},
        {"stored_at": "2026-11-30T09:00:01+00:00"},
        {"signature": bytes(64)},
    ],
)
def test_a_changed_record_has_a_wrong_signature(change: dict[str, object]):
    assert not replace(a_record(), **change).is_signed_by(KEY.public_key)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b"[" * 5000,
        a_record().to_bytes().replace(b"91234", b'"91234"'),
        a_record().to_bytes().replace(b"91234", b"true"),
        a_record().to_bytes().replace(b"upload-1", b"upload-2"),
        a_record().to_bytes().replace(b'"size_bytes"', b'"bytes"'),
        b" " * 20_000 + a_record().to_bytes(),
    ],
)
def test_anything_else_is_not_a_record(content: bytes):
    assert UploadRecord.from_bytes(content) is None


def test_the_first_record_of_a_key_remains(tmp_path: Path):
    storage = MemoryStorage(tmp_path)

    write_record(storage, KEY, MANIFEST, clock=lambda: NOON)
    write_record(storage, KEY, MANIFEST)

    stored = storage.get(record_key(KEY.sender, KEY.key_id, MANIFEST.sha256))
    assert stored == a_record().to_bytes()

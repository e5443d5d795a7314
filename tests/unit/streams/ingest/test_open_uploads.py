"""Unfinished uploads survive the process, expire, and leave nothing behind."""

import os
from pathlib import Path

import pytest

from streams.ingest.chunk_writer import SAVE_EVERY_BYTES, ChunkWriter
from streams.ingest.open_uploads import DATA, INFO, OFFSET, OpenUpload, OpenUploads

DIGEST = "ab" * 32


class Clock:
    def __init__(self) -> None:
        self.now = 1e9

    def __call__(self) -> float:
        return self.now


def an_upload(uploads: OpenUploads, size: int = 10) -> OpenUpload:
    return uploads.create("station-lab", DIGEST, size, "sha256 x")


def append(uploads: OpenUploads, upload: OpenUpload, part: bytes) -> None:
    with ChunkWriter(uploads, upload, None) as writer:
        writer.write(part)
        writer.save()


def test_an_upload_is_there_after_a_restart_with_what_was_acknowledged(tmp_path: Path):
    before = OpenUploads(tmp_path)
    upload = an_upload(before)
    append(before, upload, b"12345")
    # Written and not acknowledged.
    with before.path(upload, DATA).open("ab") as file:
        file.write(b"xx")
    before.close()

    after = OpenUploads(tmp_path)
    found = after.find(upload.id, "station-lab")

    assert found is not None
    assert (found.offset, found.size_bytes, found.sha256) == (5, 10, DIGEST)
    append(after, found, b"678")
    assert after.path(found, DATA).read_bytes() == b"12345678"
    assert after.reserved_bytes() == 2


def test_another_sender_does_not_see_it(tmp_path: Path):
    uploads = OpenUploads(tmp_path)

    assert uploads.find(an_upload(uploads).id, "station-hall") is None
    assert (uploads.of("station-lab"), uploads.of("station-hall")) == (1, 0)


def test_a_second_process_does_not_get_the_folder(tmp_path: Path):
    first = OpenUploads(tmp_path)

    with pytest.raises(BlockingIOError):
        OpenUploads(tmp_path)
    first.close()
    OpenUploads(tmp_path).close()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.with_suffix(INFO).write_text(""),
        lambda path: path.with_suffix(INFO).write_text('{"sender": "x"}'),
        lambda path: path.with_suffix(INFO).unlink(),
        lambda path: path.with_suffix(DATA).unlink(),
    ],
)
def test_what_is_damaged_is_removed_at_the_next_start(tmp_path: Path, spoil):
    before = OpenUploads(tmp_path)
    upload = an_upload(before)
    append(before, upload, b"1")
    before.close()
    spoil(before.path(upload, DATA))
    (tmp_path / f".{upload.id}{INFO}.1.2").touch()

    after = OpenUploads(tmp_path)

    assert len(after) == 0
    assert [file.name for file in tmp_path.iterdir()] == ["lock"]


@pytest.mark.parametrize(("saved", "offset"), [("", 0), ("7", 0), (f"{99:020}\n", 5)])
def test_a_damaged_offset_never_promises_bytes_that_are_not_there(
    tmp_path: Path, saved: str, offset: int
):
    before = OpenUploads(tmp_path)
    upload = an_upload(before)
    append(before, upload, b"12345")
    before.close()
    before.path(upload, OFFSET).write_text(saved)

    found = OpenUploads(tmp_path).find(upload.id, "station-lab")

    assert found is not None and found.offset == offset


def test_an_upload_expires_when_nothing_is_added_to_it(tmp_path: Path):
    clock = Clock()
    uploads = OpenUploads(tmp_path, clock)
    old, continued, written = (an_upload(uploads) for _ in range(3))
    clock.now += 50
    append(uploads, continued, b"1")
    written.is_written = True
    clock.now += 51

    expired = uploads.expire(100)

    assert expired == [old]
    assert uploads.find(old.id, "station-lab") is None
    assert not list(tmp_path.glob(f"{old.id}*"))


def test_the_last_byte_is_not_acknowledged_before_the_file_is_in_the_store(tmp_path: Path):
    uploads = OpenUploads(tmp_path)
    upload = an_upload(uploads, size=3)

    append(uploads, upload, b"123")

    assert upload.offset == 0
    assert uploads.path(upload, DATA).read_bytes() == b""


def test_bytes_that_the_store_may_have_are_not_changed_by_another_chunk(tmp_path: Path):
    uploads = OpenUploads(tmp_path)
    upload = an_upload(uploads, size=8)
    append(uploads, upload, b"1234")
    with ChunkWriter(uploads, upload, None) as writer:
        writer.write(b"5678")
        writer.complete()
    stored = tmp_path / "in-the-store"
    os.link(uploads.path(upload, DATA), stored)

    append(uploads, upload, b"xx")

    assert stored.read_bytes() == b"12345678"
    assert uploads.path(upload, DATA).read_bytes() == b"1234xx"


def test_a_long_chunk_without_a_checksum_is_acknowledged_on_its_way(tmp_path: Path):
    uploads = OpenUploads(tmp_path)
    upload = an_upload(uploads, size=3 * SAVE_EVERY_BYTES)

    with ChunkWriter(uploads, upload, None) as writer:
        for _ in range(2):
            writer.write(bytes(SAVE_EVERY_BYTES - 1))
        assert upload.offset == 2 * SAVE_EVERY_BYTES - 2

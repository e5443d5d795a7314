"""Copies as one process uses them: the right bytes or none, made once, released."""

import hashlib
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from processors.outcome import StorageError
from streams.storage.cache.folder import CacheFolder, Filling
from streams.storage.cache.object_cache import ObjectCache

LIMIT = 1_000_000
VALUE = b"a page"
DIGEST = hashlib.sha256(VALUE).hexdigest()


class Bucket:
    """Counts how often an object is read."""

    def __init__(self, *parts: bytes) -> None:
        self.parts, self.reads = parts or (VALUE,), 0

    def __call__(self) -> Iterator[bytes]:
        self.reads += 1
        yield from self.parts


@pytest.fixture
def folder(tmp_path: Path) -> CacheFolder:
    return CacheFolder(tmp_path / "cache", LIMIT)


@pytest.fixture
def cache(folder: CacheFolder) -> ObjectCache:
    return ObjectCache(folder)


def is_pinned(folder: CacheFolder) -> bool:
    """Whether the copy survives an eviction of everything."""
    filling = CacheFolder(folder.root, LIMIT).begin("f" * 64, LIMIT - 4096)
    if isinstance(filling, Filling):
        filling.abandon()
    return folder.copy(DIGEST).exists()


def test_an_object_is_read_once_and_then_found(cache: ObjectCache, folder: CacheFolder):
    bucket = Bucket(b"a ", b"page")

    first = cache.path(DIGEST, len(VALUE), bucket)
    again = ObjectCache(folder).path(DIGEST, len(VALUE), bucket)

    assert first == again == folder.copy(DIGEST)
    assert first is not None and first.read_bytes() == VALUE
    assert bucket.reads == 1
    assert (folder.figures().hits, folder.figures().misses) == (1, 1)


@pytest.mark.parametrize("parts", [(b"a pagE",), (b"a pa",), (b"a page", b"s"), ()])
def test_other_bytes_than_announced_do_not_become_a_copy(
    cache: ObjectCache, folder: CacheFolder, parts: tuple[bytes, ...]
):
    bucket = Bucket(*parts) if parts else Bucket(b"")

    assert cache.path(DIGEST, len(VALUE), bucket) is None
    assert not folder.copy(DIGEST).exists()
    assert folder.figures().used_bytes == 0


def test_right_bytes_of_another_size_than_announced_do_not_become_a_copy(
    cache: ObjectCache, folder: CacheFolder
):
    # The file would have the announced size, and the rest would be zeros.
    assert cache.path(DIGEST, len(VALUE) + 1, Bucket()) is None
    assert not folder.copy(DIGEST).exists()


def test_the_errors_of_the_source_are_passed_on_and_nothing_is_left(
    cache: ObjectCache, folder: CacheFolder
):
    def broken() -> Iterator[bytes]:
        yield b"a "
        raise FileNotFoundError("the bucket does not hold it")

    with pytest.raises(FileNotFoundError, match="the bucket"):
        cache.path(DIGEST, len(VALUE), broken)
    assert folder.figures().used_bytes == 0
    assert list(folder.root.glob("partial/*")) == []


@pytest.mark.parametrize("damage", [b"a pagE", b"a pa", b"", b"a page and more"])
def test_a_copy_whose_bytes_changed_is_replaced(
    cache: ObjectCache, folder: CacheFolder, damage: bytes
):
    cache.add(DIGEST, len(VALUE), Bucket())
    folder.copy(DIGEST).write_bytes(damage)
    bucket = Bucket()

    assert cache.read(DIGEST) is None
    path = cache.path(DIGEST, len(VALUE), bucket)

    assert path is not None and path.read_bytes() == VALUE
    assert (bucket.reads, folder.figures().damaged) == (1, 1)


def test_a_copy_is_pinned_until_its_last_user_gives_it_back(
    cache: ObjectCache, folder: CacheFolder
):
    cache.path(DIGEST, len(VALUE), Bucket())
    cache.path(DIGEST, len(VALUE), Bucket())
    cache.give_back(DIGEST)
    assert is_pinned(folder)

    cache.give_back(DIGEST)
    assert not is_pinned(folder)

    cache.give_back(DIGEST)
    cache.path(DIGEST, len(VALUE), Bucket())
    assert is_pinned(folder)
    cache.release()
    assert not is_pinned(folder)


def test_what_was_added_or_read_is_not_pinned(cache: ObjectCache, folder: CacheFolder):
    cache.add(DIGEST, len(VALUE), Bucket())
    assert cache.read(DIGEST) == VALUE

    assert not is_pinned(folder)


def test_a_folder_emptied_while_copies_are_in_use_is_filled_again(
    cache: ObjectCache, folder: CacheFolder
):
    bucket = Bucket()
    cache.path(DIGEST, len(VALUE), bucket)
    shutil.rmtree(folder.root)

    path = cache.path(DIGEST, len(VALUE), bucket)

    assert path is not None and path.read_bytes() == VALUE
    assert bucket.reads == 2
    assert is_pinned(folder)


def test_a_reader_waits_for_a_copy_that_another_one_makes(cache: ObjectCache, folder: CacheFolder):
    began, go = threading.Event(), threading.Event()

    def slow() -> Iterator[bytes]:
        began.set()
        assert go.wait(60)
        yield VALUE

    maker = threading.Thread(target=cache.path, args=(DIGEST, len(VALUE), slow))
    maker.start()
    assert began.wait(60)
    bucket, found = Bucket(), []
    reader = threading.Thread(
        target=lambda: found.append(ObjectCache(folder).path(DIGEST, len(VALUE), bucket))
    )
    reader.start()
    go.set()
    maker.join()
    reader.join()

    assert found == [folder.copy(DIGEST)]
    assert bucket.reads == 0


def test_a_reader_does_not_wait_without_end(folder: CacheFolder):
    filling = folder.begin(DIGEST, len(VALUE))
    assert isinstance(filling, Filling)

    assert ObjectCache(folder, wait_seconds=0.05).path(DIGEST, len(VALUE), Bucket()) is None
    filling.abandon()


def test_a_writer_whose_source_fails_has_no_copy_and_no_error(
    cache: ObjectCache, folder: CacheFolder
):
    def broken() -> Iterator[bytes]:
        yield b"a "
        raise StorageError("the scratch file is gone")

    cache.add(DIGEST, len(VALUE), broken)

    assert folder.figures().used_bytes == 0


def test_a_cache_that_cannot_be_used_is_reported_once_for_each_outage(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level("INFO")
    place = tmp_path / "cache"
    cache = ObjectCache(CacheFolder(place, LIMIT))
    for _ in range(2):
        place.touch()
        assert cache.path(DIGEST, len(VALUE), Bucket()) is None
        cache.add(DIGEST, len(VALUE), Bucket())
        place.unlink()
        assert cache.path(DIGEST, len(VALUE), Bucket()) is not None
        cache.release()
        shutil.rmtree(place)

    names = [record.message for record in caplog.records]
    assert names == ["cache cannot be used", "cache is used again"] * 2


def test_every_file_is_closed_again(cache: ObjectCache):
    before = len(os.listdir("/proc/self/fd"))

    cache.path(DIGEST, len(VALUE), Bucket())
    cache.path("e" * 64, 4, Bucket(b"four"))
    cache.read(DIGEST)
    cache.add("d" * 64, 3, Bucket(b"abc"))
    cache.release()

    assert len(os.listdir("/proc/self/fd")) == before

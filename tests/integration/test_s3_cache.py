"""The cache of a worker in front of a real bucket: limit, use by several processes, faults, kills."""

import hashlib
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import obstore
import pytest

from processors.outcome import Done, Outcome, StorageError
from processors.step import Step
from processors.tools import Area, Tools
from schemas.models import Fact, FileRef
from streams.settings import Settings
from streams.storage.cache.folder import CacheFolder
from streams.storage.cache.ledger import CacheFigures
from streams.storage.factory import open_storage
from streams.storage.s3 import S3Storage, connect
from streams.worker import pool
from streams.worker.resource_limits import ImageSize, image_size
from tests.faults.cache_pressure.survey import Pressure, disk_in_memory, survey
from tests.support.builders import a_page
from tests.support.s3_store import S3Server
from tests.support.stores import settings_of

MEGABYTE = 1_000_000
LIMIT = 10 * MEGABYTE


@pytest.fixture
def settings(tmp_path: Path, s3_server: S3Server) -> Settings:
    return settings_of(tmp_path, s3_server)


def keep(storage: S3Storage, value: bytes, area: Area = Area.STAGING) -> FileRef:
    return storage.keep(value, area=area, use="master", media_type="image/tiff")


def with_cache(settings: Settings, **changes: Any) -> S3Storage:
    """A store whose cache has space for nine copies of a megabyte."""
    changes = {"store_cache_gb": LIMIT / 1e9, **changes}
    opened = open_storage(settings.model_copy(update=changes))
    assert isinstance(opened, S3Storage)
    return opened


def figures(settings: Settings) -> CacheFigures:
    return CacheFolder(settings.store_cache, LIMIT).figures()


def bytes_in(folder: Path) -> int:
    """What all files of a folder take."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            total += path.stat().st_size if path.is_file() else 0
    return total


def test_a_full_cache_stays_within_its_limit_and_copies_in_use_stay(settings: Settings):
    storage = with_cache(settings)
    refs = [keep(storage, os.urandom(MEGABYTE)) for _ in range(15)]
    paths = []
    for ref in refs:
        paths.append(storage.path(ref))
        assert bytes_in(settings.store_cache) <= LIMIT

    for ref, path in zip(refs, paths, strict=True):
        assert hashlib.sha256(path.read_bytes()).hexdigest() == ref.sha256
    assert [path.parent.parent.parent == settings.store_cache for path in paths] == (
        [True] * 9 + [False] * 6
    )
    storage.release()
    assert bytes_in(settings.home / "cache" / "private") == 0
    assert storage.path(refs[14]).is_relative_to(settings.store_cache)


def test_what_a_worker_stores_is_read_without_the_bucket(settings: Settings):
    storage = with_cache(settings)
    assert settings.s3 is not None
    text = storage.keep(b"some text", area=Area.DERIVATIVES, use="text", media_type="text/plain")
    master, package = keep(storage, b"a page", Area.MASTERS), keep(storage, b"tar", Area.PACKAGES)
    for ref in (text, master, package):
        obstore.delete(connect(settings.s3), ref.key)

    assert storage.read(text) == b"some text"
    assert storage.path(master).read_bytes() == b"a page"
    with pytest.raises(StorageError):
        storage.path(package)
    assert (figures(settings).hits, figures(settings).misses) == (2, 1)


def test_two_processes_read_an_object_from_the_bucket_once(settings: Settings):
    # Two handles share nothing but the folder, as two processes do.
    storage = with_cache(settings)
    refs = [keep(storage, os.urandom(MEGABYTE)) for _ in range(6)]
    readers = [with_cache(settings) for _ in range(4)]

    def read(reader: S3Storage) -> list[bytes]:
        return [reader.path(ref).read_bytes() for ref in refs]

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(read, readers))

    assert [hashlib.sha256(value).hexdigest() for value in found[0]] == [r.sha256 for r in refs]
    assert found == [found[0]] * 4
    assert (figures(settings).misses, figures(settings).hits) == (6, 18)


def test_a_changed_copy_is_never_read_and_a_lost_folder_is_filled_again(settings: Settings):
    storage = with_cache(settings)
    ref = keep(storage, b"a page")
    copy = storage.path(ref)
    storage.release()
    copy.write_bytes(b"a pagE")

    assert storage.read(ref) == b"a page"
    assert storage.path(ref).read_bytes() == b"a page"
    assert figures(settings).damaged == 1
    shutil.rmtree(settings.store_cache)
    assert storage.path(ref).read_bytes() == b"a page"
    assert figures(settings).used_bytes == 4096


def test_without_a_usable_folder_objects_are_read_from_the_bucket(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    folder = tmp_path / "fast-disk"
    folder.write_text("a file where the folder should be")
    storage = with_cache(settings, store_cache_folder=folder)
    refs = [keep(storage, value) for value in (b"a page", b"another")]

    found = [storage.path(ref).read_bytes() for ref in refs]

    assert found == [b"a page", b"another"]
    assert [record.message for record in caplog.records].count("cache cannot be used") == 1
    folder.unlink()
    storage.release()
    assert storage.path(refs[0]).is_relative_to(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a disk")
def test_two_workers_that_are_killed_keep_the_limit_and_read_nothing_wrong(
    tmp_path: Path, s3_server: S3Server
):
    # `make cache` does it with 1 GB and 5 GB.
    asked = Pressure(
        limit_bytes=4 * MEGABYTE,
        objects=80,
        object_bytes=250_000,
        kills=2,
        damages=4,
        seed=7,
        seconds=120,
    )
    with disk_in_memory(tmp_path / "disk", 3 * asked.limit_bytes) as disk:
        found = survey(tmp_path, disk, s3_server, asked)

    assert found.faults == []
    assert found.wrong == 0 < found.right
    assert asked.limit_bytes // 2 < found.most_bytes <= asked.limit_bytes
    assert found.samples > 100
    assert found.figures.evictions > 20
    assert found.figures.hit_rate is not None and 0.1 < found.figures.hit_rate < 0.9


def test_copies_of_an_earlier_version_are_removed(settings: Settings):
    old = settings.home / "cache" / "objects" / "boot" / "ab" / "abcd"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"a page")

    with_cache(settings)

    assert not (settings.home / "cache" / "objects").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a disk")
def test_a_cache_whose_disk_is_full_is_reported_once_and_used_again_with_space(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    with disk_in_memory(tmp_path / "disk", 3 * MEGABYTE) as disk:
        filler = disk / "of-somebody-else"
        filler.write_bytes(bytes(2 * MEGABYTE))
        storage = with_cache(settings, store_cache_folder=disk / "cache", reserve_mb=0)
        refs = [keep(storage, os.urandom(MEGABYTE)) for _ in range(3)]

        for ref in (*refs, *refs):
            found = hashlib.sha256(storage.path(ref).read_bytes()).hexdigest()
            storage.release()
            assert found == ref.sha256
        names = [record.message for record in caplog.records]
        filler.unlink()
        cached = [storage.path(ref).is_relative_to(disk) for ref in refs[:2]]

    assert names.count("cache cannot be used") == 1
    assert cached == [True, True]


def test_a_task_gives_its_copies_back_when_it_ends(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    storage = with_cache(settings)
    refs = [keep(storage, os.urandom(LIMIT // 2 + 1)) for _ in range(2)]
    monkeypatch.setattr(pool, "_storage", storage)
    monkeypatch.setattr(pool, "_tools", Tools(storage=storage, scratch=tmp_path / "scratch"))
    monkeypatch.setattr(pool, "_recycle_bytes", 1 << 40)
    (tmp_path / "scratch").mkdir()
    places: list[Path] = []

    def read_both(_: Fact, tools: Tools) -> Outcome:
        places.extend(tools.storage.path(ref) for ref in refs)
        return Done()

    step = cast("Step", SimpleNamespace(name="read_both", function=read_both))
    for _ in range(2):
        pool.run_in_child(step, a_page(), tmp_path / "heartbeat")
        refs.reverse()

    # There is space for one of them: the one that the task read first.
    assert [place.is_relative_to(settings.store_cache) for place in places] == [
        *(True, False),
        *(True, False),
    ]
    assert places[0] != places[2]
    assert [place.exists() for place in places] == [False, False, True, False]


def test_the_worker_gives_a_page_back_when_it_has_read_its_header(settings: Settings):
    storage = with_cache(settings, store_cache_gb=0)
    page = a_page(files=(keep(storage, b"no image").model_copy(update={"use": "capture"}),))

    assert image_size(page, storage) == ImageSize()
    assert bytes_in(settings.home / "cache" / "private") == 0

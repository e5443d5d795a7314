"""What every store promises, shown on each of them."""

from pathlib import Path

import pytest

from processors.outcome import StorageError
from processors.tools import Area, Storage
from schemas.models import FileRef
from streams.storage.keys import BadKey
from streams.storage.local import LocalStorage
from streams.storage.memory import MemoryStorage


@pytest.fixture(params=[LocalStorage, MemoryStorage])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    made: Storage = request.param(tmp_path)
    return made


def keep(storage: Storage, value: bytes | Path = b"a page") -> FileRef:
    return storage.keep(value, area=Area.MASTERS, use="master", media_type="image/tiff")


def test_gives_back_what_was_kept(storage: Storage):
    ref = keep(storage)

    assert storage.read(ref) == b"a page"
    assert storage.path(ref).read_bytes() == b"a page"
    assert storage.size(ref.key) == ref.size_bytes == 6


def test_names_an_object_by_its_digest(storage: Storage):
    ref = keep(storage)

    assert ref.key == f"masters/sha256/{ref.sha256[:2]}/{ref.sha256}"


def test_keeps_a_file_and_leaves_it_alone(storage: Storage, tmp_path: Path):
    source = tmp_path / "scan.tif"
    source.write_bytes(b"pixels")

    assert storage.read(keep(storage, source)) == b"pixels"
    assert source.read_bytes() == b"pixels"


def test_keeping_twice_is_keeping_once(storage: Storage):
    assert keep(storage) == keep(storage)


def test_a_key_is_given_once(storage: Storage):
    assert storage.put_new("receipts/b/00/w", b"first")
    assert not storage.put_new("receipts/b/00/w", b"second")
    assert storage.get("receipts/b/00/w") == b"first"


def test_what_is_not_there_is_none_or_an_error(storage: Storage):
    ref = keep(storage).model_copy(update={"key": "masters/sha256/00/" + "0" * 64})

    assert storage.get("receipts/none/00/w") is None
    assert storage.size(ref.key) is None
    with pytest.raises(StorageError):
        storage.path(ref)
    with pytest.raises(StorageError):
        storage.read(ref)


def test_reading_other_bytes_than_were_kept_is_an_error(storage: Storage):
    ref = keep(storage).model_copy(update={"sha256": "0" * 64})

    with pytest.raises(StorageError, match="holds"):
        storage.read(ref)


@pytest.mark.parametrize(
    "key",
    [
        "../etc/passwd",
        "/etc/passwd",
        "masters/../../x",
        "masters",
        "var/x",
        "masters//x",
        "masters/.x",
    ],
)
def test_refuses_a_key_that_is_none_of_its_own(storage: Storage, key: str):
    with pytest.raises(BadKey):
        storage.get(key)
    with pytest.raises(BadKey):
        storage.put_new(key, b"value")


def test_leaves_nothing_half_written(tmp_path: Path):
    storage = LocalStorage(tmp_path)
    keep(storage)

    assert list((tmp_path / "masters" / ".partial").iterdir()) == []


def test_sweeps_what_a_dead_writer_left(tmp_path: Path):
    left = tmp_path / "masters" / ".partial" / "123-abc"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")

    assert LocalStorage(tmp_path).sweep(now=left.stat().st_mtime + 2 * 24 * 3600) == 1
    assert not left.exists()

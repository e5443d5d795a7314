"""The contract of the store, tested on each implementation."""

import hashlib
import os
import signal
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from processors.outcome import ObjectUnusable, StorageError
from processors.tools import Area, Storage
from schemas.models import FileRef
from streams.storage.factory import open_storage
from streams.storage.keys import BadKey
from streams.storage.local import LocalStorage
from streams.storage.memory import MemoryStorage
from streams.storage.object_store import ObjectStore
from tests.support.s3_store import S3Server
from tests.support.stores import settings_of

LARGE = 40_000_000
"""More bytes than one request has."""


@pytest.fixture(params=["local disk", "memory", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "memory":
        return MemoryStorage(tmp_path)
    server = request.getfixturevalue("s3_server") if request.param == "s3" else None
    return open_storage(settings_of(tmp_path, server))


def keep(storage: Storage, value: bytes | Path = b"a page") -> FileRef:
    return storage.keep(value, area=Area.MASTERS, use="master", media_type="image/tiff")


def test_returns_the_bytes_that_were_stored(storage: Storage):
    ref = keep(storage)

    assert storage.read(ref) == b"a page"
    assert storage.path(ref).read_bytes() == b"a page"
    assert storage.size(ref.key) == ref.size_bytes == 6


def test_names_an_object_by_its_digest(storage: Storage):
    ref = keep(storage)

    assert ref.key == f"masters/sha256/{ref.sha256[:2]}/{ref.sha256}"


def test_stores_a_file_and_does_not_change_it(storage: Storage, tmp_path: Path):
    source = tmp_path / "scan.tif"
    source.write_bytes(b"pixels")

    assert storage.read(keep(storage, source)) == b"pixels"
    assert source.read_bytes() == b"pixels"


def test_may_move_a_file_instead_of_copying_it(storage: Storage, tmp_path: Path):
    source = tmp_path / "package.tar"
    source.write_bytes(b"a package")
    about = {"area": Area.PACKAGES, "use": "package", "media_type": "application/x-tar"}

    ref = storage.keep(source, move=True, **about)

    assert storage.read(ref) == b"a package"
    assert ref.sha256 == hashlib.sha256(b"a package").hexdigest()
    assert storage.path(ref).read_bytes() == b"a package"


def test_storing_the_same_bytes_twice_gives_the_same_object(storage: Storage):
    assert keep(storage) == keep(storage)


def test_a_key_is_written_once(storage: Storage):
    assert storage.put_new("receipts/b/00/w", b"first")
    assert not storage.put_new("receipts/b/00/w", b"second")
    assert storage.get("receipts/b/00/w") == b"first"


def test_a_missing_object_is_none_or_an_error(storage: Storage):
    ref = keep(storage).model_copy(update={"key": "masters/sha256/00/" + "0" * 64})

    assert storage.get("receipts/none/00/w") is None
    assert storage.size(ref.key) is None
    with pytest.raises(ObjectUnusable):
        storage.path(ref)
    with pytest.raises(ObjectUnusable):
        storage.read(ref)


def test_stores_a_large_file_and_an_empty_one(storage: Storage, tmp_path: Path):
    source = tmp_path / "large.tif"
    source.write_bytes(os.urandom(LARGE))

    large, empty = keep(storage, source), keep(storage, b"")

    with storage.path(large).open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == large.sha256
    assert (storage.size(large.key), storage.size(empty.key)) == (LARGE, 0)
    assert (storage.read(empty), storage.get(empty.key)) == (b"", b"")
    assert storage.read(large) == source.read_bytes()


def test_of_many_concurrent_writers_of_a_key_one_succeeds(storage: Storage):
    for number in range(3):
        key = f"receipts/b/00/{number}"

        def write(writer: int, key: str = key) -> bool:
            return storage.put_new(key, b"from %d" % writer)

        with ThreadPoolExecutor(8) as threads:
            written = list(threads.map(write, range(8)))

        assert sum(written) == 1
        assert storage.get(key) == b"from %d" % written.index(True)


def test_concurrent_writers_of_the_same_bytes_all_succeed(storage: Storage, tmp_path: Path):
    source = tmp_path / "scan.tif"
    source.write_bytes(os.urandom(LARGE // 2))

    with ThreadPoolExecutor(4) as threads:
        refs = set(threads.map(lambda _: keep(storage, source), range(4)))

    assert len(refs) == 1
    assert storage.read(refs.pop()) == source.read_bytes()


def test_a_missing_source_file_is_an_error(storage: Storage, tmp_path: Path):
    with pytest.raises(StorageError):
        keep(storage, tmp_path / "gone.tif")


def test_a_path_stays_valid_while_others_are_read(storage: Storage):
    refs = [keep(storage, b"page %d" % number) for number in range(20)]

    paths = [storage.path(ref) for ref in refs]

    assert [path.read_bytes() for path in paths] == [b"page %d" % n for n in range(20)]
    assert [storage.path(ref) for ref in refs] == paths


def test_a_file_is_borrowed_for_a_moment_and_read_again_after_a_release(storage: ObjectStore):
    ref = keep(storage)

    with storage.borrowed(ref) as first, storage.borrowed(ref) as second:
        assert (first.read_bytes(), second.read_bytes()) == (b"a page", b"a page")
    storage.release()

    assert storage.path(ref).read_bytes() == b"a page"


@pytest.mark.parametrize("where", ["local disk", "s3"])
@pytest.mark.parametrize("after_seconds", [0.02, 0.2])
def test_a_writer_that_is_killed_leaves_no_partial_object(
    request: pytest.FixtureRequest, tmp_path: Path, where: str, after_seconds: float
):
    server = request.getfixturevalue("s3_server") if where == "s3" else None
    source = tmp_path / "large.tif"
    for times in (2, 4, 8, 16):
        source.write_bytes(os.urandom(times * LARGE))
        if killed_in_the_middle(storing_child(tmp_path, server, source), after_seconds):
            break
    else:
        pytest.fail("storing always ended before the kill")

    storage = open_storage(settings_of(tmp_path, server))
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    key = f"masters/sha256/{digest[:2]}/{digest}"
    # Killed after the object had its name, it is complete.
    assert storage.size(key) in (None, source.stat().st_size)
    assert storage.read(keep(storage, source)) == source.read_bytes()


def killed_in_the_middle(child: "subprocess.Popen[bytes]", after_seconds: float) -> bool:
    """Kill a child some time after it began to store; whether it was still running."""
    assert child.stdout is not None and child.stdout.readline() == b"storing\n"
    try:
        child.wait(after_seconds)
    except subprocess.TimeoutExpired:
        child.kill()
    child.stdout.close()
    return child.wait() == -signal.SIGKILL


def storing_child(home: Path, server: S3Server | None, source: Path) -> "subprocess.Popen[bytes]":
    """A process that reports when it begins to store a file."""
    program = """
        import sys
        from pathlib import Path
        from processors.tools import Area
        from streams.settings import Settings
        from streams.storage.factory import open_storage

        storage = open_storage(Settings.load())
        storage.size("masters/sha256/00/x")
        print("storing", flush=True)
        storage.keep(Path(sys.argv[1]), area=Area.MASTERS, use="master", media_type="image/tiff")
    """
    environment = {"COPYSTAND_HOME": str(home), **(server.environment(home.name) if server else {})}
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program), str(source)],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
    )


def test_reading_bytes_with_another_digest_is_an_error(storage: Storage):
    ref = keep(storage).model_copy(update={"sha256": "0" * 64})

    with pytest.raises(ObjectUnusable, match="holds"):
        storage.read(ref)


def test_without_its_folders_the_store_is_away_and_no_object_is_missing(tmp_path: Path):
    storage = LocalStorage(tmp_path)
    ref = keep(storage)
    (tmp_path / "masters").rename(tmp_path / "unmounted")

    with pytest.raises(StorageError) as away:
        storage.read(ref)

    assert not isinstance(away.value, ObjectUnusable)


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
def test_refuses_an_invalid_key(storage: Storage, key: str):
    with pytest.raises(BadKey):
        storage.get(key)
    with pytest.raises(BadKey):
        storage.put_new(key, b"value")


def test_leaves_no_partial_file(tmp_path: Path):
    storage = LocalStorage(tmp_path)
    keep(storage)

    assert list((tmp_path / "masters" / ".partial").iterdir()) == []


def test_removes_the_partial_files_of_a_dead_writer(tmp_path: Path):
    partial = tmp_path / "masters" / ".partial" / "123-abc"
    partial.parent.mkdir(parents=True)
    partial.write_bytes(b"half")

    assert LocalStorage(tmp_path).sweep(now=partial.stat().st_mtime + 2 * 24 * 3600) == 1
    assert not partial.exists()


def test_an_object_is_streamed_from_the_store_itself_and_not_from_a_copy(
    storage: ObjectStore, tmp_path: Path
):
    ref, changed = keep(storage), tmp_path / "changed.tif"
    storage.path(ref)
    changed.write_bytes(b"a pagE")
    digest = hashlib.sha256(b"a pagE").hexdigest()

    before = b"".join(storage.stream(ref.key))
    storage.replace(ref.model_copy(update={"sha256": digest}), changed)

    assert before == b"a page"
    assert b"".join(storage.stream(ref.key)) == b"a pagE"
    with pytest.raises(ObjectUnusable):
        list(storage.stream("masters/sha256/00/" + "0" * 64))


def test_an_object_is_replaced_by_bytes_with_its_digest_or_not_at_all(
    storage: ObjectStore, tmp_path: Path
):
    content, source = os.urandom(LARGE), tmp_path / "copy.tif"
    ref, large = keep(storage), keep(storage, content)
    source.write_bytes(content)

    with pytest.raises(StorageError):
        storage.replace(ref, source)
    storage.replace(large, source)

    assert storage.read(ref) == b"a page"
    assert storage.read(large) == source.read_bytes() == content

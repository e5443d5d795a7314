"""The store in a bucket when something is wrong: bytes, keys, network, memory, space."""

import hashlib
import os
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import obstore
import pytest

from processors.outcome import StorageError
from processors.tools import Area
from schemas.models import FileRef
from streams.settings import Settings
from streams.storage import s3
from streams.storage.cache import ObjectCache
from streams.storage.factory import StoreNotReachable, check_store, open_storage
from streams.storage.s3 import S3Storage, connect
from tests.support.s3_store import S3Server
from tests.support.stores import settings_of

COMMAND = Path(sys.executable).with_name("copystand")
MEGABYTE = 1_000_000


@pytest.fixture
def settings(tmp_path: Path, s3_server: S3Server) -> Settings:
    return settings_of(tmp_path, s3_server)


@pytest.fixture
def storage(settings: Settings) -> S3Storage:
    opened = open_storage(settings)
    assert isinstance(opened, S3Storage)
    return opened


def keep(storage: S3Storage, value: bytes | Path, area: Area = Area.STAGING) -> FileRef:
    return storage.keep(value, area=area, use="master", media_type="image/tiff")


def put_over(settings: Settings, key: str, value: bytes) -> None:
    """Write into the bucket behind our back."""
    assert settings.s3 is not None
    obstore.put(connect(settings.s3), key, value)


# Bytes


def test_damage_in_the_store_is_shown_to_steps_and_never_taken_for_sound(
    settings: Settings, storage: S3Storage
):
    ref = keep(storage, b"a page")
    put_over(settings, ref.key, b"a pagE")

    assert storage.path(ref).read_bytes() == b"a pagE"
    with pytest.raises(StorageError, match="holds"):
        storage.read(ref)
    put_over(settings, ref.key, b"a page")
    assert storage.path(ref).read_bytes() == b"a page"


def test_a_master_is_read_again_before_it_is_promised(settings: Settings, storage: S3Storage):
    digest = hashlib.sha256(b"a page").hexdigest()
    put_over(settings, f"masters/sha256/{digest[:2]}/{digest}", b"a pagE")

    with pytest.raises(StorageError, match="other bytes"):
        keep(storage, b"a page", Area.MASTERS)


def test_a_file_that_grows_while_it_is_stored_is_not_seen(
    storage: S3Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    source, large = tmp_path / "scan.tif", s3.PART_BYTES + 1
    source.write_bytes(b"1" * large)
    before = s3._measured(source)
    source.write_bytes(b"2" * large)
    monkeypatch.setattr(s3, "_measured", lambda _: before)

    with pytest.raises(StorageError, match="changed while"):
        keep(storage, source)
    assert storage.size(f"staging/sha256/{before[0][:2]}/{before[0]}") is None


@pytest.mark.parametrize("length", [200, s3.PART_BYTES + 200])
def test_bytes_changed_on_the_way_up_are_refused(
    settings: Settings, storage: S3Storage, length: int
):
    assert settings.s3 is not None
    port = int(settings.s3.endpoint.rpartition(":")[2])
    value = b"a" * length + b"NEEDLE"
    with_a_liar = replace(settings.s3, endpoint=f"http://127.0.0.1:{changing_proxy(port)}")
    through = S3Storage(connect(with_a_liar), ObjectCache(settings.home / "cache", MEGABYTE))

    with pytest.raises(StorageError, match=r"BadDigest|XAmzContentSHA256Mismatch"):
        keep(through, value, Area.DERIVATIVES)
    digest = hashlib.sha256(value).hexdigest()
    assert storage.size(f"derivatives/sha256/{digest[:2]}/{digest}") is None


def changing_proxy(port: int) -> int:
    """A way to a port of this machine on which a word is changed; gives its own port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def carry(source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(1 << 20):
                target.sendall(data.replace(b"NEEDLE", b"NEEDLX"))
        except OSError:
            pass
        finally:
            target.close()

    def serve() -> None:
        while True:
            near, _ = listener.accept()
            far = socket.create_connection(("127.0.0.1", port))
            for pair in ((near, far), (far, near)):
                threading.Thread(target=carry, args=pair, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    return int(listener.getsockname()[1])


# Keys and network


def test_wrong_keys_and_a_missing_bucket_are_no_missing_object(settings: Settings, tmp_path: Path):
    for change, code in (
        ({"aws_secret_access_key": "wrong"}, "SignatureDoesNotMatch"),
        ({"object_store": "s3://not-there"}, "NoSuchBucket"),
    ):
        changed = settings.model_copy(update=change)
        assert changed.s3 is not None
        storage = S3Storage(connect(changed.s3), ObjectCache(tmp_path / "cache", MEGABYTE))
        with pytest.raises(StorageError, match=code):
            storage.get("receipts/b/00/w")
        with pytest.raises(StoreNotReachable, match=f"store.not-reachable: s3://.*{code}"):
            check_store(changed)


def test_a_store_that_is_away_is_told_in_seconds(settings: Settings, tmp_path: Path):
    assert settings.s3 is not None
    place = replace(settings.s3, endpoint="http://127.0.0.1:1")
    storage = S3Storage(connect(place), ObjectCache(tmp_path / "cache", MEGABYTE))
    began = time.monotonic()

    with pytest.raises(StorageError):
        storage.put_new("receipts/b/00/w", b"value")
    with pytest.raises(StorageError):
        storage.size("receipts/b/00/w")
    assert time.monotonic() - began < 30


def test_a_store_that_hangs_is_given_up(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    assert settings.s3 is not None
    monkeypatch.setattr(s3, "REQUEST_SECONDS", 1)
    monkeypatch.setattr(s3, "RETRY_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = replace(settings.s3, endpoint=f"http://127.0.0.1:{silent.getsockname()[1]}")
        storage = S3Storage(connect(place), ObjectCache(tmp_path / "cache", MEGABYTE))
        began = time.monotonic()

        with pytest.raises(StorageError):
            storage.get("receipts/b/00/w")
        with pytest.raises(StorageError):
            keep(storage, b"a page")
    assert time.monotonic() - began < 10


def test_nothing_of_the_environment_leads_to_another_store(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    for name, value in {
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_SKIP_SIGNATURE": "true",
        "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "true",
    }.items():
        monkeypatch.setenv(name, value)

    check_store(settings)


def test_commands_say_which_part_is_not_there(tmp_path: Path, s3_server: S3Server):
    told = s3_server.environment("x") | {"COPYSTAND_S3_ENDPOINT": "http://127.0.0.1:1"}
    environment = {**os.environ, "COPYSTAND_HOME": str(tmp_path / "home"), **told}

    for command in (["up"], ["run", "worker"], ["doctor", "--json"]):
        done = subprocess.run(
            [COMMAND, *command], env=environment, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 3, done
        assert "store.not-reachable" in done.stdout + done.stderr
        assert "Traceback" not in done.stderr


# Memory and space


def test_a_large_object_never_is_whole_in_memory(tmp_path: Path, s3_server: S3Server):
    source = tmp_path / "package.tar"
    with source.open("wb") as file:
        for _ in range(30):
            file.write(os.urandom(10 * MEGABYTE))
    program = """
        import re, sys
        from pathlib import Path
        from processors.tools import Area
        from streams.settings import Settings
        from streams.storage.factory import open_storage

        storage = open_storage(Settings.load())
        ref = storage.keep(Path(sys.argv[1]), area=Area.PACKAGES, use="x", media_type="x/y")
        assert storage.path(ref).stat().st_size == ref.size_bytes
        print(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1])
    """
    environment = {"COPYSTAND_HOME": str(tmp_path / "home"), **s3_server.environment("large")}

    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), source],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 200_000, f"{done.stdout} kB for 300 MB"


@pytest.fixture
def small_cache(settings: Settings, tmp_path: Path) -> Iterator[tuple[S3Storage, Path]]:
    """A store with room for ten copies of a megabyte."""
    assert settings.s3 is not None
    cache = tmp_path / "cache"
    yield S3Storage(connect(settings.s3), ObjectCache(cache, 10 * MEGABYTE)), cache


def held(cache: Path) -> int:
    return sum(p.stat().st_size for p in cache.glob("objects/*/[0-9a-f][0-9a-f]/*"))


def test_local_copies_are_bounded_and_those_in_use_stay(small_cache: tuple[S3Storage, Path]):
    storage, cache = small_cache
    refs = [keep(storage, os.urandom(MEGABYTE)) for _ in range(30)]

    paths = [storage.path(ref) for ref in refs]

    assert held(cache) <= 11 * MEGABYTE
    for ref, path in zip(refs, paths, strict=True):
        assert hashlib.sha256(path.read_bytes()).hexdigest() == ref.sha256


def test_the_copies_asked_for_longest_ago_go_first(settings: Settings, tmp_path: Path):
    assert settings.s3 is not None
    cache, store = tmp_path / "cache", connect(settings.s3)
    refs = [
        keep(S3Storage(store, ObjectCache(cache, MEGABYTE)), os.urandom(MEGABYTE))
        for _ in range(12)
    ]
    roomy = ObjectCache(cache, 100 * MEGABYTE)
    for number, ref in enumerate(refs):
        S3Storage(store, roomy).path(ref)
        copy = next(cache.glob(f"objects/*/{ref.sha256[:2]}/{ref.sha256}"))
        os.utime(copy, (number, number))
    tight = ObjectCache(cache, 3 * MEGABYTE, tmp_path / "leases")
    again = S3Storage(store, tight)

    again.path(refs[0])
    again.path(keep(again, os.urandom(MEGABYTE)))

    left = {path.name for path in cache.glob("objects/*/[0-9a-f][0-9a-f]/*")}
    assert refs[0].sha256 in left
    assert refs[11].sha256 in left
    assert refs[1].sha256 not in left


def test_processes_share_copies_and_evict_beside_each_other(settings: Settings, tmp_path: Path):
    assert settings.s3 is not None
    cache, store = tmp_path / "cache", connect(settings.s3)
    refs = [keep(S3Storage(store, ObjectCache(cache, 1)), os.urandom(200_000)) for _ in range(20)]
    wrong: list[str] = []

    def child(number: int) -> None:
        leases = tmp_path / f"leases-{number}"
        storage = S3Storage(store, ObjectCache(cache, MEGABYTE, leases))
        for ref in (refs[number:] + refs[:number]) * 3:
            value = storage.path(ref).read_bytes()
            if hashlib.sha256(value).hexdigest() != ref.sha256:
                wrong.append(ref.key)
            for lease in leases.iterdir():
                lease.unlink()

    threads = [threading.Thread(target=child, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []
    assert held(cache) <= 2 * MEGABYTE


def test_copies_from_before_a_crash_of_the_machine_are_not_believed(
    settings: Settings, storage: S3Storage
):
    ref = keep(storage, b"a page")
    old = settings.home / "cache" / "objects" / "otherrun" / ref.sha256[:2] / ref.sha256
    old.parent.mkdir(parents=True)
    old.write_bytes(b"")

    assert storage.path(ref).read_bytes() == b"a page"
    assert not old.exists()

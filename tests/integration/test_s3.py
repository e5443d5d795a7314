"""The store in a bucket under faults: changed bytes, wrong keys, network, memory, disk space."""

import hashlib
import json
import os
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import obstore
import pytest

from processors.outcome import StorageError
from processors.tools import Area, staging_key
from schemas.models import FileRef
from streams.settings import Settings
from streams.storage import s3
from streams.storage.cache.local_copies import LocalCopies
from streams.storage.cache.private_copies import PrivateCopies
from streams.storage.factory import StoreNotReachable, check_store, open_storage
from streams.storage.object_store import ObjectStore
from streams.storage.s3 import S3Storage, connect
from streams.storage.source_bytes import PART_BYTES
from streams.storage.transfers import LEAST_SENT_BYTES
from streams.traffic.figures import traffic_document
from streams.traffic.link_buckets import TrafficClass
from streams.traffic.traffic import Traffic
from streams.traffic.traffic_settings import FILE_NAME
from streams.uploads.upload_records import UploadRecords
from tests.support.ingest_server import IngestServer
from tests.support.s3_store import S3Server
from tests.support.stores import settings_of
from tests.support.tus_client import TusClient

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


def keep(storage: ObjectStore, value: bytes | Path, area: Area = Area.STAGING) -> FileRef:
    return storage.keep(value, area=area, use="master", media_type="image/tiff")


def without_cache(home: Path) -> LocalCopies:
    return LocalCopies(None, PrivateCopies(home / "private"))


def put_over(settings: Settings, key: str, value: bytes) -> None:
    """Write to the bucket without the store."""
    assert settings.s3 is not None
    obstore.put(connect(settings.s3), key, value)


# Bytes


def test_a_damaged_object_reaches_the_step_as_it_is_and_is_never_cached(
    settings: Settings, storage: S3Storage
):
    ref = keep(storage, b"a page")
    put_over(settings, ref.key, b"a pagE")

    assert storage.path(ref).read_bytes() == b"a pagE"
    with pytest.raises(StorageError, match="holds"):
        storage.read(ref)
    put_over(settings, ref.key, b"a page")
    assert storage.path(ref).read_bytes() == b"a page"


def test_a_master_is_read_back_before_a_write_succeeds(settings: Settings, storage: S3Storage):
    digest = hashlib.sha256(b"a page").hexdigest()
    put_over(settings, f"masters/sha256/{digest[:2]}/{digest}", b"a pagE")

    with pytest.raises(StorageError, match="different bytes"):
        keep(storage, b"a page", Area.MASTERS)


def test_a_file_that_changes_while_it_is_stored_is_not_visible(
    storage: S3Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    source, large = tmp_path / "scan.tif", PART_BYTES + 1
    source.write_bytes(b"1" * large)
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    head = obstore.head

    def head_and_change_the_file(*args: Any, **named: Any) -> Any:
        source.write_bytes(b"2" * large)
        return head(*args, **named)

    with monkeypatch.context() as during_the_write:
        # The store asks for an existing object after it has computed the digest.
        during_the_write.setattr(obstore, "head", head_and_change_the_file)
        with pytest.raises(StorageError, match="changed while"):
            keep(storage, source)
    assert storage.size(f"staging/sha256/{digest[:2]}/{digest}") is None


@pytest.mark.parametrize("length", [200, PART_BYTES + 200])
def test_bytes_that_change_in_transit_are_refused(
    settings: Settings, storage: S3Storage, length: int
):
    assert settings.s3 is not None
    port = int(settings.s3.endpoint.rpartition(":")[2])
    value = b"a" * length + b"NEEDLE"
    through_proxy = replace(settings.s3, endpoint=f"http://127.0.0.1:{changing_proxy(port)}")
    changed = S3Storage(connect(through_proxy), without_cache(settings.home))

    with pytest.raises(StorageError, match=r"BadDigest|XAmzContentSHA256Mismatch"):
        keep(changed, value, Area.DERIVATIVES)
    digest = hashlib.sha256(value).hexdigest()
    assert storage.size(f"derivatives/sha256/{digest[:2]}/{digest}") is None


def changing_proxy(port: int) -> int:
    """A proxy for a local port that replaces a word; returns the port of the proxy."""
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


def test_wrong_keys_and_a_missing_bucket_differ_from_a_missing_object(
    settings: Settings, tmp_path: Path
):
    for change, code in (
        ({"aws_secret_access_key": "wrong"}, "SignatureDoesNotMatch"),
        ({"object_store": "s3://not-there"}, "NoSuchBucket"),
    ):
        changed = settings.model_copy(update=change)
        assert changed.s3 is not None
        storage = S3Storage(connect(changed.s3), without_cache(tmp_path))
        with pytest.raises(StorageError, match=code):
            storage.get("receipts/b/00/w")
        with pytest.raises(StoreNotReachable, match=f"store.not-reachable: s3://.*{code}"):
            check_store(changed)


def test_an_unreachable_store_is_reported_within_seconds(settings: Settings, tmp_path: Path):
    assert settings.s3 is not None
    location = replace(settings.s3, endpoint="http://127.0.0.1:1")
    storage = S3Storage(connect(location), without_cache(tmp_path))
    began = time.monotonic()

    with pytest.raises(StorageError):
        storage.put_new("receipts/b/00/w", b"value")
    with pytest.raises(StorageError):
        storage.size("receipts/b/00/w")
    assert time.monotonic() - began < 30


def test_a_store_that_hangs_is_an_error_after_the_timeout(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    assert settings.s3 is not None
    monkeypatch.setattr(s3, "REQUEST_SECONDS", 1)
    monkeypatch.setattr(s3, "RETRY_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        location = replace(settings.s3, endpoint=f"http://127.0.0.1:{silent.getsockname()[1]}")
        storage = S3Storage(connect(location), without_cache(tmp_path))
        began = time.monotonic()

        with pytest.raises(StorageError):
            storage.get("receipts/b/00/w")
        with pytest.raises(StorageError):
            keep(storage, b"a page")
    assert time.monotonic() - began < 10


def test_aws_variables_do_not_redirect_to_another_store(
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


def test_commands_name_the_store_that_does_not_answer(tmp_path: Path, s3_server: S3Server):
    changed = s3_server.environment("x") | {"COPYSTAND_S3_ENDPOINT": "http://127.0.0.1:1"}
    environment = {**os.environ, "COPYSTAND_HOME": str(tmp_path / "home"), **changed}

    for command in (["up"], ["run", "worker"], ["doctor", "--json"]):
        done = subprocess.run(
            [COMMAND, *command], env=environment, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 3, done
        assert "store.not-reachable" in done.stdout + done.stderr
        assert "Traceback" not in done.stderr


# Traffic


def test_each_transfer_counts_in_the_class_of_its_object(settings: Settings):
    settings.home.mkdir(exist_ok=True)
    (settings.home / FILE_NAME).write_text("[link]\nrate_mbit = 100000\n")
    line = open_storage(settings)
    repository = open_storage(settings, traffic_class=TrafficClass.PACKAGES)
    fixity = open_storage(settings, traffic_class=TrafficClass.REPAIR)

    def counted(act: Callable[[], object]) -> dict[str, tuple[int, int]]:
        """Bytes in and out of each class that had any."""
        before, _, after = figures(settings), act(), figures(settings)
        moved = {
            one: (after[one][0] - in_, after[one][1] - out) for one, (in_, out) in before.items()
        }
        return {one: both for one, both in moved.items() if both != (0, 0)}

    size = 1000
    staged, master, derivative, package = (
        os.urandom(size) for _ in (Area.STAGING, Area.MASTERS, Area.DERIVATIVES, Area.PACKAGES)
    )
    stored = keep(line, staged)
    # What is compared after it was written counts both ways.
    assert counted(lambda: keep(line, master, Area.MASTERS)) == {"masters": (size, size)}
    assert counted(lambda: keep(line, package, Area.PACKAGES)) == {"packages": (size, size)}
    assert counted(lambda: keep(line, derivative, Area.DERIVATIVES)) == {"access": (0, size)}
    key = keep(line, master, Area.MASTERS).key
    assert counted(lambda: list(line.stream(stored.key))) == {"masters": (size, 0)}
    assert counted(lambda: list(line.stream(key))) == {"access": (size, 0)}
    assert counted(lambda: list(repository.stream(key))) == {"packages": (size, 0)}
    assert counted(lambda: list(fixity.stream(key))) == {"repair": (size, 0)}
    assert counted(lambda: line.put_new("receipts/b/00/w", staged)) == {}


def figures(settings: Settings) -> dict[str, tuple[int, int]]:
    document = traffic_document(Traffic(settings.home))
    assert document is not None
    return {one["class"]: (one["in_bytes"], one["out_bytes"]) for one in document["classes"]}


def test_large_objects_travel_in_parts_that_each_wait(settings: Settings, tmp_path: Path):
    settings.home.mkdir(exist_ok=True)
    (settings.home / FILE_NAME).write_text("[link]\nrate_mbit = 80\n")  # 10 MB/s
    limited, source = open_storage(settings), tmp_path / "page.tif"
    source.write_bytes(os.urandom(LEAST_SENT_BYTES + MEGABYTE))
    size, began = source.stat().st_size, time.monotonic()

    ref = keep(limited, source, Area.MASTERS)
    limited.replace(ref, source)
    content = b"".join(limited.stream(ref.key))

    # Sent twice; received twice to compare it, and once by the reader.
    assert hashlib.sha256(content).hexdigest() == ref.sha256
    assert figures(settings)["masters"] == (2 * size, 2 * size)
    assert figures(settings)["access"] == (size, 0)
    assert time.monotonic() - began >= (3 * size - 3 * MEGABYTE) / (10 * MEGABYTE)


# Memory and space


def test_a_large_object_is_never_complete_in_memory(tmp_path: Path, s3_server: S3Server):
    source = tmp_path / "package.tar"
    with source.open("wb") as file:
        for _ in range(30):
            file.write(os.urandom(10 * MEGABYTE))
    program = """
        import re, sys
        from pathlib import Path
        from processors.tools import Area, staging_key
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


def test_what_a_station_uploads_by_http_goes_into_the_bucket(
    tmp_path: Path, s3_server: S3Server, settings: Settings
):
    server = IngestServer(settings.home, **s3_server.environment(settings.home.name))
    client = TusClient(server.port, server.add_station("lab"))
    server.start()
    try:
        page = os.urandom(PART_BYTES + 1000)
        digest = hashlib.sha256(page).hexdigest()
        manifest = json.dumps({"items": [{"file": {"sha256": digest}}]}).encode()
        for content in (page, manifest):
            client.upload(content)
        named = hashlib.sha256(manifest).hexdigest()
        proven = client.request("PUT", f"/manifests/{named}")
        storage = open_storage(settings)
        records = UploadRecords(server.senders, storage)
        ref = FileRef(
            use="manifest",
            key=staging_key(named),
            sha256=named,
            size_bytes=len(manifest),
            media_type="x",
        )

        assert proven.status == 204
        assert storage.get(staging_key(digest)) == page
        assert records.why_unproven("station-lab", ref) is None
        assert server.stored(page) is None
    finally:
        server.stop()

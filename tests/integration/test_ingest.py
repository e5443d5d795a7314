"""The role `ingest` as a process: tus 1.0 on real sockets and files."""

import hashlib
import json
import os
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tusclient.client import TusClient as TusPy

from processors.tools import staging_key
from schemas.models import FileRef
from streams.clients.spool.running import destination_of
from streams.clients.spool.spool_database import open_spool
from streams.clients.spool.station_credential import as_station
from streams.clients.spool.uploads import BegunUploads
from streams.clients.station.folder import ManifestFile
from streams.known_senders import KnownSenders
from streams.settings import Settings
from streams.storage.local import LocalStorage
from streams.traffic.figures import traffic_document
from streams.traffic.traffic import Traffic
from streams.traffic.traffic_file import LOOK_SECONDS
from streams.traffic.traffic_settings import FILE_NAME
from streams.uploads.upload_records import UploadRecords
from tests.support.certificate import certificate
from tests.support.ingest_server import IngestServer
from tests.support.running_line import wait_for
from tests.support.tus_client import CHUNK, TusClient, checksum_of, encoded

MEMORY_BYTES = 60_000_000
COMMAND = Path(sys.executable).with_name("copystand")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IngestServer]:
    """A server that accepts files of 50 MB."""
    home = tmp_path_factory.mktemp("ingest") / "home"
    started = IngestServer(home, COPYSTAND_UPLOAD_MAX_GB="0.05").start()
    yield started
    assert started.stop() == 0


@pytest.fixture(scope="module")
def lab(server: IngestServer) -> TusClient:
    return TusClient(server.port, server.add_station("lab"))


@pytest.fixture(scope="module")
def hall(server: IngestServer) -> TusClient:
    return TusClient(server.port, server.add_station("hall"))


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_it_is_small(server: IngestServer):
    status = Path(f"/proc/{server.pid}/status").read_text()
    resident = int(status.partition("VmRSS:")[2].split()[0]) * 1024

    assert resident < MEMORY_BYTES


def test_it_says_what_it_supports(lab: TusClient):
    answer = lab.send("OPTIONS", "/uploads", None, {})

    assert answer.status == 204
    assert answer.headers["tus-version"] == "1.0.0"
    assert answer.headers["tus-extension"] == "creation,checksum,termination,expiration"
    assert answer.headers["tus-checksum-algorithm"] == "sha256,sha1"
    assert answer.headers["tus-max-size"] == "50000000"


def test_a_file_in_chunks_is_in_the_store_with_its_last_byte(server: IngestServer, lab: TusClient):
    content = b"first part, " + b"second part"
    path = lab.created(content)

    first = lab.patch(path, 0, content[:12], **checksum_of(content[:12], "sha1"))
    between = lab.head(path)
    stored = server.stored(content)
    second = lab.patch(path, 12, content[12:])

    assert (first.status, first.offset, between.status, between.offset) == (204, 12, 200, 12)
    assert between.headers["upload-length"] == str(len(content))
    assert "upload-expires" in between.headers and "upload-metadata" in between.headers
    assert stored is None
    assert (second.status, second.offset, lab.head(path).offset) == (204, 23, 23)
    assert server.stored(content) == content
    assert not list((server.home / "uploads").glob(f"{path[-32:]}*"))
    late = lab.patch(path, 12, content[12:])
    assert (late.status, late.code, late.offset) == (409, "upload.offset-wrong", 23)


def test_an_empty_file_is_finished_by_its_creation(server: IngestServer, lab: TusClient):
    path = lab.created(b"")

    assert lab.head(path).offset == 0
    assert server.stored(b"") == b""
    assert lab.request("HEAD", f"/stored/{sha256(b'')}").status == 204


def test_a_chunk_at_a_wrong_offset_is_refused(lab: TusClient):
    path = lab.created(b"12345")
    lab.patch(path, 0, b"12")

    for offset in (0, 1, 3):
        answer = lab.patch(path, offset, b"x")
        assert (answer.status, answer.code, answer.offset) == (409, "upload.offset-wrong", 2)


def test_a_chunk_with_a_wrong_checksum_leaves_the_offset(server: IngestServer, lab: TusClient):
    content = b"a chunk that is changed on its way"
    path = lab.created(content)
    wrong = lab.patch(path, 0, content.upper(), **checksum_of(content))

    assert (wrong.status, wrong.code, lab.head(path).offset) == (460, "upload.chunk-wrong", 0)
    assert lab.patch(path, 0, content, **checksum_of(content)).status == 204
    assert server.stored(content) == content


def test_a_file_with_another_digest_than_announced_is_not_stored(
    server: IngestServer, lab: TusClient
):
    path = lab.created(b"what was announced")
    answer = lab.patch(path, 0, b"WHAT was announced")

    assert (answer.status, answer.code) == (422, "upload.digest-wrong")
    assert lab.head(path).status == 404
    assert server.stored(b"WHAT was announced") is server.stored(b"what was announced") is None


def test_a_chunk_that_passes_the_end_is_refused(server: IngestServer, lab: TusClient):
    path = lab.created(b"12345")
    stated = lab.patch(path, 0, b"123456")
    # Without a length before it: in HTTP's chunks.
    headers = {"Transfer-Encoding": "chunked", "Upload-Offset": "0", **CHUNK}
    unstated = lab.request("PATCH", path, b"6\r\n123456\r\n0\r\n\r\n", **headers)

    assert (stated.status, stated.code) == (413, "upload.too-long")
    assert (unstated.status, unstated.code) == (413, "upload.too-long")
    assert lab.head(path).offset == 0


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Upload-Length": "5"}, 400),
        ({"Upload-Metadata": f"sha256 {encoded('a' * 64)}"}, 400),
        ({"Upload-Length": "-1", "Upload-Metadata": f"sha256 {encoded('a' * 64)}"}, 400),
        ({"Upload-Length": "5", "Upload-Metadata": f"sha256 {encoded('A' * 64)}"}, 400),
        ({"Upload-Length": "5", "Upload-Metadata": "sha256 ***"}, 400),
        ({"Upload-Defer-Length": "1", "Upload-Metadata": f"sha256 {encoded('a' * 64)}"}, 400),
        ({"Upload-Length": "50000001", "Upload-Metadata": f"sha256 {encoded('a' * 64)}"}, 413),
        ({"Upload-Length": "5", "Tus-Resumable": "0.2.2"}, 412),
    ],
)
def test_a_wrong_creation_is_refused(lab: TusClient, headers: dict[str, str], status: int):
    answer = lab.request("POST", "/uploads", **headers)

    assert answer.status == status
    assert set(answer.document) == {"code", "found", "fix"}


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/octet-stream", "Upload-Offset": "0"},
        {**CHUNK},
        {**CHUNK, "Upload-Offset": "x"},
        {**CHUNK, "Upload-Offset": "0", "Upload-Checksum": "md5 AAAA"},
        {**CHUNK, "Upload-Offset": "0", "Upload-Checksum": "sha256 *"},
    ],
)
def test_a_wrong_chunk_request_is_refused(lab: TusClient, headers: dict[str, str]):
    answer = lab.request("PATCH", lab.created(b"12345"), b"1", **headers)

    assert answer.status in (400, 415)
    assert answer.code == "upload.request-wrong"


@pytest.mark.parametrize(
    "path",
    ["/uploads/../../etc/passwd", f"/uploads/{'0' * 32}", "/uploads/%2e%2e%2fstored.db", "/x"],
)
def test_an_unknown_address_is_refused(lab: TusClient, path: str):
    assert lab.head(path).status == 404


def test_a_method_in_a_header_is_used(lab: TusClient):
    path = lab.created(b"12345")
    headers = {**CHUNK, "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}

    assert lab.request("POST", path, b"12", **headers).offset == 2


def test_an_upload_that_is_ended_is_gone(server: IngestServer, lab: TusClient):
    path = lab.created(b"12345")
    lab.patch(path, 0, b"12")

    assert lab.request("DELETE", path).status == 204
    assert lab.head(path).status == 404
    assert lab.patch(path, 2, b"3").status == 404
    assert not list((server.home / "uploads").glob(f"{path[-32:]}*"))


def test_no_station_reaches_what_another_uploads(lab: TusClient, hall: TusClient):
    content = b"of the lab"
    open_one, finished = lab.created(b"12345"), lab.upload(content)

    for path in (open_one, finished):
        assert hall.head(path).status == 404
        assert hall.patch(path, 0, b"1").status == 404
        assert hall.request("DELETE", path).status == 404
    assert hall.request("HEAD", f"/stored/{sha256(content)}").status == 404
    assert lab.request("HEAD", f"/stored/{sha256(content)}").status == 204


def test_without_a_valid_token_nothing_is_answered(server: IngestServer, lab: TusClient):
    path = lab.created(b"12345")
    repository = server.add_sender("repository", "archive")

    for token in ("", "wrong", repository):
        other = TusClient(server.port, token)
        assert other.create(b"x").status == other.head(path).status == 401
        assert other.patch(path, 0, b"1").status == 401
        assert other.request("PUT", f"/manifests/{'a' * 64}").status == 401
    assert lab.send("POST", "/uploads", None, {"Tus-Resumable": "1.0.0"}).code == (
        "upload.not-permitted"
    )


def test_a_revoked_station_ends_also_in_an_upload(server: IngestServer):
    thief = TusClient(server.port, server.add_station("thief"))
    path = thief.created(b"12345")
    thief.patch(path, 0, b"12")
    server.senders.revoke("station-thief")

    answer = thief.patch(path, 2, b"345")

    assert (answer.status, answer.code) == (401, "upload.not-permitted")
    assert "revoked" in answer.document["found"]
    assert server.stored(b"12345") is None


def test_one_request_at_a_time_writes_to_an_upload(server: IngestServer, lab: TusClient):
    content = os.urandom(1_000_000)
    path = lab.created(content)
    # A request that has begun and sends nothing more keeps the upload.
    holder = lab.begin(path, 0, content, sent=100_000)
    wait_for(lambda: lab.patch(path, 0, b"x").status == 423, 10, server.log)

    with ThreadPoolExecutor(8) as threads:
        others = list(threads.map(lambda _: lab.patch(path, 0, content), range(8)))
    ended = lab.request("DELETE", path)
    holder.close()
    wait_for(lambda: lab.patch(path, lab.head(path).offset, b"").status == 204, 10, server.log)

    assert {(one.status, one.code, one.headers["retry-after"]) for one in others} == {
        (423, "upload.in-use", "1")
    }
    assert ended.status == 423
    offset = lab.head(path).offset
    assert offset <= 100_000
    assert lab.patch(path, offset, content[offset:]).status == 204
    assert server.stored(content) == content


def test_parallel_writers_of_one_upload_give_one_file(server: IngestServer, lab: TusClient):
    content, size = os.urandom(400_000), 50_000
    path = lab.created(content)

    def write(_: int) -> None:
        while (offset := lab.head(path).offset) < len(content):
            part = content[offset : offset + size]
            lab.patch(path, offset, part, **checksum_of(part))

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(write, range(6)))

    assert server.stored(content) == content


def test_a_manifest_gets_its_record_when_its_sender_has_uploaded_all_files(
    server: IngestServer, lab: TusClient, hall: TusClient
):
    page, foreign = b"a page of the lab", b"a page of the hall"
    hall.upload(foreign)
    manifest = json.dumps(
        {"items": [{"pages": [{"file": {"sha256": sha256(one)}} for one in (page, foreign)]}]}
    ).encode()
    address = f"/manifests/{sha256(manifest)}"

    unknown = lab.request("PUT", address)
    lab.upload(manifest)
    nothing = lab.request("PUT", address)
    lab.upload(page)
    without_foreign = lab.request("PUT", address)
    proven = records(server).why_unproven("station-lab", ref(manifest))
    lab.upload(foreign)
    complete, again = lab.request("PUT", address), lab.request("PUT", address)

    assert (unknown.status, unknown.code) == (404, "upload.unknown")
    assert (nothing.status, nothing.code) == (409, "upload.files-missing")
    assert sorted(nothing.document["missing"]) == sorted(map(sha256, (page, foreign)))
    # The store has it, from another station: that proves nothing.
    assert without_foreign.document["missing"] == [sha256(foreign)]
    assert proven is not None
    assert (complete.status, again.status) == (204, 204)
    assert records(server).why_unproven("station-lab", ref(manifest)) is None
    assert records(server).why_unproven("station-hall", ref(manifest)) is not None


def test_a_file_that_is_not_a_manifest_gets_no_record(lab: TusClient):
    for content in (b"no manifest", b"{}"):
        lab.upload(content)
        answer = lab.request("PUT", f"/manifests/{sha256(content)}")
        assert (answer.status, answer.code) == (422, "upload.manifest-unreadable")


def records(server: IngestServer) -> UploadRecords:
    return UploadRecords(KnownSenders(server.home), LocalStorage(server.home))


def ref(content: bytes) -> FileRef:
    digest, size = sha256(content), len(content)
    return FileRef(
        use="manifest", key=staging_key(digest), sha256=digest, size_bytes=size, media_type="x"
    )


def traffic(server: IngestServer, *words: str) -> Any:
    """What `copystand traffic` prints for the home of the server."""
    done = subprocess.run(
        [COMMAND, "traffic", *words, "--json"],
        env={**os.environ, "COPYSTAND_HOME": str(server.home)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def masters(server: IngestServer) -> dict[str, Any]:
    document = traffic_document(Traffic(server.home))
    assert document is not None
    row: dict[str, Any] = document["classes"][0]
    return row


def test_uploads_have_a_limit_that_changes_while_they_run(
    server: IngestServer, lab: TusClient, tmp_path: Path
):
    slow, fast = tmp_path / "slow.toml", tmp_path / "fast.toml"
    slow.write_text("[link]\nrate_mbit = 0.4\n")
    fast.write_text("[link]\nrate_mbit = 4000\n")
    content = os.urandom(20_000_000)  # 400 s at the slow rate
    assert traffic(server, "set", str(slow))["rate_mbit"] == 0.4
    time.sleep(LOOK_SECONDS)
    try:
        with ThreadPoolExecutor(1) as threads:
            uploaded = threads.submit(lab.upload, content)
            wait_for(lambda: masters(server)["waiting"], 60, server.log)
            limited = masters(server)["in_bytes"]
            traffic(server, "set", str(fast))
            uploaded.result(100)
        # Both bursts of 1 MB, and what passed at the slow rate meanwhile.
        assert 0 < limited < 10_000_000
        assert server.stored(content) == content
        assert masters(server)["in_bytes"] == len(content)
        (server.home / FILE_NAME).write_text("[link]\nrate_mbit = -1\n")
        wrong = traffic(server, "show")["traffic"]
        assert wrong["rate_mbit"] == 4000
        assert wrong["fault"].startswith("traffic.settings-wrong: ")
    finally:
        (server.home / FILE_NAME).unlink()


def test_a_spool_uploads_within_the_limits_of_its_station(server: IngestServer, tmp_path: Path):
    station, content = tmp_path / "station", os.urandom(300_000)
    station.mkdir()
    token = server.add_station("limited")
    (station / "credential.json").write_text(json.dumps({"upload_token": token}))
    (station / FILE_NAME).write_text("[link]\nrate_mbit = 80\n")
    settings = Settings(
        home=tmp_path / "home", station=station, upload_url=f"http://127.0.0.1:{server.port}"
    )
    file = ManifestFile("a.tif", content, sha256(content), len(content), "master", "image/tiff")

    with open_spool(station) as spool:
        destination = destination_of(as_station(settings), BegunUploads(spool))
        assert destination.send(file, lambda _: True) is None

    document = traffic_document(Traffic(station))
    assert document is not None and document["classes"][0]["out_bytes"] == len(content)
    assert server.stored(content) == content


def test_it_reports_its_health_and_figures(server: IngestServer, lab: TusClient):
    live, ready = (lab.send("GET", f"/health/{one}", None, {}) for one in ("live", "ready"))

    assert (live.status, ready.status) == (200, 200)
    assert ready.document["ok"] and ready.document["finished"] > 0


def test_tuspy_uploads_and_resumes(server: IngestServer, lab: TusClient, tmp_path: Path):
    content = os.urandom(300_000)
    file = tmp_path / "page.tif"
    file.write_bytes(content)
    client = TusPy(f"http://127.0.0.1:{server.port}/uploads", {"Authorization": lab.authorization})
    metadata = {"sha256": sha256(content), "filename": file.name}

    first = client.uploader(str(file), chunk_size=100_000, metadata=metadata)
    first.upload(stop_at=100_000)
    second = client.uploader(
        str(file), chunk_size=100_000, url=first.url, upload_checksum=True, metadata=metadata
    )
    resumed_at = second.offset
    second.upload()

    assert resumed_at == 100_000
    assert server.stored(content) == content


def test_beyond_loopback_it_uses_tls(tmp_path: Path):
    chain, key = certificate(tmp_path)
    network = {"COPYSTAND_KAFKA_CERTIFICATE": str(chain), "COPYSTAND_KAFKA_KEY": str(key)}
    server = IngestServer(tmp_path / "home", **network)
    server.listen_at(f"localhost:{server.port}").start()
    trusted = ssl.create_default_context(cafile=str(chain))
    try:
        with urllib.request.urlopen(
            f"https://localhost:{server.port}/health/live", context=trusted
        ) as answer:
            assert answer.status == 200
    finally:
        server.stop()


def test_a_certificate_that_is_not_there_is_named(tmp_path: Path):
    _, key = certificate(tmp_path)
    missing = tmp_path / "missing.pem"
    network = {"COPYSTAND_KAFKA_CERTIFICATE": str(missing), "COPYSTAND_KAFKA_KEY": str(key)}
    server = IngestServer(tmp_path / "home", **network)

    with pytest.raises(AssertionError, match="cannot continue"):
        server.listen_at(f"localhost:{server.port}").start()

    assert f"{missing} cannot be read: No such file" in server.log()


def test_an_unfinished_upload_expires(tmp_path: Path):
    server = IngestServer(tmp_path / "home", COPYSTAND_UPLOAD_HOURS="1")
    client = TusClient(server.port, server.add_station("lab"))
    server.start()
    try:
        old, recent = client.created(b"12345"), client.created(b"67890")
        server.kill()
        (data,) = (server.home / "uploads").glob(f"{old[-32:]}.data")
        os.utime(data, (time.time() - 3700,) * 2)
        server.start()
        wait_for(lambda: client.head(old).status == 404, 10, server.log)
        assert client.head(recent).status == 200
        assert not list((server.home / "uploads").glob(f"{old[-32:]}*"))
    finally:
        server.stop()

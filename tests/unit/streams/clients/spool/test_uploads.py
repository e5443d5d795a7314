"""Uploads of a spool: each byte arrives once in effect, whatever the server and the network do."""

import hashlib
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.clients.spool import uploads
from streams.clients.spool.destination import NotTaken, Stopped
from streams.clients.spool.spool_database import open_spool
from streams.clients.spool.tus_client import TusClient
from streams.clients.spool.uploads import BegunUploads, Uploads
from streams.clients.spool.waiting import MustWait
from streams.clients.station.folder import ManifestFile
from streams.clients.station.scan import DeliveredFile
from tests.support.tus_server import CUT, TusServer, running_tus_server

CHUNK = 1000
CONTENT = hashlib.shake_256(b"a page").digest(10_500)


@pytest.fixture
def server() -> Iterator[TusServer]:
    with running_tus_server() as running:
        yield running


@pytest.fixture
def destination(
    server: TusServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Uploads]:
    monkeypatch.setattr(uploads, "CHUNK", CHUNK)
    with open_spool(tmp_path / "spool", for_all_threads=True) as spool:
        yield Uploads(TusClient(server.address, server.token), BegunUploads(spool))


def a_file(folder: Path, content: bytes = CONTENT, stated: bytes | None = None) -> ManifestFile:
    path = folder / "1.tif"
    path.write_bytes(content)
    state = path.stat()
    found = DeliveredFile(
        path, path.name, state.st_size, state.st_mtime_ns, "image/tiff", True, None, "a page"
    )
    digest = hashlib.sha256(content if stated is None else stated).hexdigest()
    return ManifestFile(path.name, found, digest, len(content), "capture", "image/tiff")


def send_until_done(destination: Uploads, file: ManifestFile) -> int:
    """Send as the spool does; gives how often it had to wait."""
    for waits in range(10_000):
        try:
            assert destination.send(file, lambda _: True) is None
        except MustWait:
            continue
        return waits
    raise AssertionError("it never arrived")


@pytest.mark.parametrize("size", [0, 1, 999, 1000, 1001, 10_500])
def test_a_file_arrives(server: TusServer, destination: Uploads, tmp_path: Path, size: int) -> None:
    file = a_file(tmp_path, CONTENT[:size])

    assert destination.send(file, lambda _: True) is None

    assert server.stored == {file.sha256: CONTENT[:size]}
    assert server.received == size


def test_a_file_that_is_stored_is_not_sent(
    server: TusServer, destination: Uploads, tmp_path: Path
) -> None:
    file = a_file(tmp_path)
    destination.send(file, lambda _: True)
    destination.send(file, lambda _: True)

    assert server.received == len(CONTENT)


def test_after_100_random_cuts_at_most_one_chunk_for_each_was_sent_again(
    server: TusServer, destination: Uploads, tmp_path: Path
) -> None:
    draw, cuts = random.Random(7), [0]

    def take(size: int) -> int:
        if cuts[0] < 100 and draw.random() < 0.6:
            cuts[0] += 1
            return draw.randrange(size)
        return size

    server.take = take
    for number in range(20):
        file = a_file(tmp_path, CONTENT + b"%d" % number)
        send_until_done(destination, file)
        assert server.stored[file.sha256] == CONTENT + b"%d" % number

    total = sum(map(len, server.stored.values()))
    assert cuts[0] == 100
    assert total <= server.received <= total + cuts[0] * CHUNK


def test_an_upload_of_several_chunks_continues_in_another_process(
    server: TusServer, destination: Uploads, tmp_path: Path
) -> None:
    file = a_file(tmp_path)
    with pytest.raises(Stopped):
        destination.send(file, lambda _: server.received < 5 * CHUNK)

    with open_spool(tmp_path / "spool", for_all_threads=True) as spool:
        after = Uploads(TusClient(server.address, server.token), BegunUploads(spool))
        assert after.send(file, lambda _: True) is None

    assert server.received == len(CONTENT)
    assert len(server.uploads) == 1


@pytest.mark.parametrize("status", [404, 410, 409, 460])
def test_what_the_protocol_lets_a_client_repair_is_repaired(
    server: TusServer, destination: Uploads, tmp_path: Path, status: int
) -> None:
    patches = []

    def disturb(method: str, _path: str, number: int) -> int | None:
        if method == "PATCH":
            patches.append(number)
        return status if method == "PATCH" and len(patches) == 3 else None

    server.disturb = disturb
    file = a_file(tmp_path)

    assert destination.send(file, lambda _: True) is None
    assert server.stored == {file.sha256: CONTENT}


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (401, "spool.credential-refused"),
        (403, "spool.credential-refused"),
        (423, "spool.upload-refused"),
        (429, "spool.upload-refused"),
        (500, "spool.upload-refused"),
        (503, "spool.upload-refused"),
        (507, "spool.upload-refused"),
        (460, "spool.upload-refused"),
        (CUT, "spool.line-not-reachable"),
    ],
)
def test_the_spool_waits_for_what_may_pass(
    server: TusServer, destination: Uploads, tmp_path: Path, status: int, code: str
) -> None:
    server.disturb = lambda method, _path, _number: status if method == "PATCH" else None
    file = a_file(tmp_path)

    with pytest.raises(MustWait) as waits:
        destination.send(file, lambda _: True)
    server.disturb = lambda _method, _path, _number: None
    send_until_done(destination, file)

    assert waits.value.code == code
    assert server.stored == {file.sha256: CONTENT}


@pytest.mark.parametrize("status", [400, 413, 415])
def test_what_the_server_never_takes_is_refused(
    server: TusServer, destination: Uploads, tmp_path: Path, status: int
) -> None:
    server.disturb = lambda method, _path, _number: status if method == "POST" else None

    with pytest.raises(NotTaken):
        destination.send(a_file(tmp_path), lambda _: True)


def test_a_file_with_other_bytes_than_were_read_is_reported(
    server: TusServer, destination: Uploads, tmp_path: Path
) -> None:
    changed = bytes([CONTENT[0] ^ 1]) + CONTENT[1:]

    change = destination.send(a_file(tmp_path, changed, stated=CONTENT), lambda _: True)

    assert change is not None and "its SHA-256 was" in change
    assert server.stored == {}


def test_a_file_that_got_shorter_is_reported(
    server: TusServer, destination: Uploads, tmp_path: Path
) -> None:
    file = a_file(tmp_path)
    (tmp_path / "1.tif").write_bytes(CONTENT[:4000])

    change = destination.send(file, lambda _: True)

    assert change == "it had 10500 bytes, then 4000"
    assert (server.stored, server.uploads) == ({}, {})


def test_a_wrong_token_is_reported_as_a_credential(server: TusServer, tmp_path: Path) -> None:
    with open_spool(tmp_path / "spool", for_all_threads=True) as spool:
        destination = Uploads(TusClient(server.address, "wrong"), BegunUploads(spool))
        with pytest.raises(MustWait) as waits:
            destination.send(a_file(tmp_path), lambda _: True)

    assert waits.value.code == "spool.credential-refused"
    assert "copystand station add NAME" in waits.value.fix


def test_the_token_goes_to_the_server_of_the_settings_only(
    server: TusServer, destination: Uploads, tmp_path: Path
) -> None:
    with running_tus_server() as other:
        server.locations_on = other.address
        file = a_file(tmp_path)

        assert destination.send(file, lambda _: True) is None

        assert other.requests == 0
    assert server.stored == {file.sha256: CONTENT}


def test_an_answer_of_another_server_is_not_taken_for_a_stored_file(
    server: TusServer, destination: Uploads, tmp_path: Path
) -> None:
    server.disturb = lambda _method, path, _number: 200 if path.startswith("/stored/") else None
    file = a_file(tmp_path)

    assert destination.send(file, lambda _: True) is None

    assert server.stored == {file.sha256: CONTENT}

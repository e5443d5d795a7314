"""The station's uploads against tusd 2.9.1, which is a server of others: cut, killed and resumed.

`make spool` installs it and runs this."""

import hashlib
import random
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from infra.paths import cache_folder
from infra.ports import free_port
from streams.clients.spool import uploads
from streams.clients.spool.spool_database import open_spool
from streams.clients.spool.tus_client import TusClient
from streams.clients.spool.uploads import BegunUploads, Uploads
from streams.clients.spool.waiting import MustWait
from streams.clients.station.folder import ManifestFile
from streams.clients.station.scan import DeliveredFile
from tests.support.running_line import wait_for

TUSD = cache_folder() / "tusd-2.9.1" / "tusd"
pytestmark = pytest.mark.skipif(not TUSD.exists(), reason=f"{TUSD} is missing; run: make spool")
CHUNK = 100_000
CONTENT = hashlib.shake_256(b"a master").digest(3_000_500)
CUTS = 12


@dataclass
class CuttingWay:
    """A way to a server that ends connections after a drawn number of bytes."""

    port: int
    upstream: int
    draw: random.Random = field(default_factory=lambda: random.Random(3))
    cuts_left: int = CUTS
    received: int = 0

    def serve(self, listening: socket.socket) -> None:
        """Forward each connection until the socket is closed."""
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=self._forward, args=(client,), daemon=True).start()

    def _forward(self, client: socket.socket) -> None:
        left = None
        if self.cuts_left > 0:
            self.cuts_left -= 1
            left = self.draw.randrange(3 * CHUNK)
        with closing(client):
            try:
                server = socket.create_connection(("127.0.0.1", self.upstream))
            except OSError:
                return
            with closing(server):
                back = threading.Thread(target=self._copy_back, args=(server, client), daemon=True)
                back.start()
                self._copy(client, server, left)

    def _copy(self, source: socket.socket, target: socket.socket, left: int | None) -> None:
        try:
            while left is None or left > 0:
                size = 65_536 if left is None else min(65_536, left)
                data = source.recv(size)
                if not data:
                    return
                self.received += len(data)
                left = None if left is None else left - len(data)
                target.sendall(data)
        except OSError:
            return

    def _copy_back(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65_536):
                target.sendall(data)
        except OSError:
            pass
        finally:
            target.close()


@contextmanager
def cutting_way(upstream: int) -> Iterator[CuttingWay]:
    """A way to a port of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        way = CuttingWay(listening.getsockname()[1], upstream)
        threading.Thread(target=way.serve, args=(listening,), daemon=True).start()
        yield way


class Tusd:
    """The server, which can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.port, self.folder = free_port(set()), folder
        self.start()

    def start(self) -> None:
        """Start it; returns when it answers."""
        command = [str(TUSD), "-host", "127.0.0.1", "-port", str(self.port)]
        command += ["-base-path", "/uploads/", "-upload-dir", str(self.folder)]
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_for(self._answers, 30, lambda: "tusd does not answer")

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def kill(self) -> None:
        """kill -9."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def contents(self) -> list[bytes]:
        """What was uploaded completely or in part."""
        return [path.read_bytes() for path in self.folder.iterdir() if path.suffix != ".info"]


def a_file(folder: Path) -> ManifestFile:
    path = folder / "1.tif"
    path.write_bytes(CONTENT)
    state = path.stat()
    found = DeliveredFile(
        path, path.name, state.st_size, state.st_mtime_ns, "image/tiff", True, None, "a page"
    )
    digest = hashlib.sha256(CONTENT).hexdigest()
    return ManifestFile(path.name, found, digest, len(CONTENT), "capture", "image/tiff")


@pytest.mark.long
def test_a_master_arrives_once_through_cuts_and_kills_of_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "CHUNK", CHUNK)
    file = a_file(tmp_path)
    (tmp_path / "uploads").mkdir()
    server = Tusd(tmp_path / "uploads")
    try:
        with (
            cutting_way(server.port) as way,
            open_spool(tmp_path / "spool", for_all_threads=True) as spool,
        ):
            client = TusClient(f"http://127.0.0.1:{way.port}", uploads="/uploads/")
            destination, waits = Uploads(client, BegunUploads(spool)), 0
            while True:
                try:
                    assert destination.send(file, lambda _: True) is None
                    break
                except MustWait:
                    waits += 1
                    if waits % 4 == 0:
                        server.kill()
                        server.start()
                assert waits < 20 * CUTS
    finally:
        server.kill()

    whole = [content for content in server.contents() if content == CONTENT]
    begun = [content for content in server.contents() if content != CONTENT]
    assert len(whole) == 1
    # An upload that was created while its answer was cut off is begun again.
    assert all(content == b"" for content in begun), [len(content) for content in begun]
    assert way.cuts_left == 0 and waits >= CUTS - 2
    assert way.received <= len(CONTENT) + (waits + 1) * (CHUNK + 4_000)

"""tus-js-client uploads to our server: at once, in chunks, again after a stop and after kill -9."""

import hashlib
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra import paths
from tests.support.ingest_server import IngestServer

pytestmark = pytest.mark.long
SCRIPT = Path(__file__).parents[1] / "support" / "tus_js_upload.cjs"
MODULES = paths.cache_folder() / "tus-js-client-4.3.1" / "node_modules"
SIZE = 30_000_000


class Client:
    """Runs the script for one file."""

    def __init__(self, server: IngestServer, token: str, file: Path) -> None:
        self.content = os.urandom(SIZE)
        file.write_bytes(self.content)
        self._environment = {
            **os.environ,
            "NODE_PATH": str(MODULES),
            "FILE": str(file),
            "ENDPOINT": f"http://127.0.0.1:{server.port}/uploads",
            "TOKEN": token,
            "SHA256": hashlib.sha256(self.content).hexdigest(),
        }

    def start(self, **settings: str) -> "subprocess.Popen[str]":
        """The running client."""
        return subprocess.Popen(
            ["node", str(SCRIPT)],
            env={**self._environment, **settings},
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, **settings: str) -> list[str]:
        """The address of the upload and how it ended."""
        printed, _ = self.start(**settings).communicate(timeout=120)
        return printed.split()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[IngestServer]:
    started = IngestServer(tmp_path / "home").start()
    yield started
    started.stop()


@pytest.fixture
def client(server: IngestServer, tmp_path: Path) -> Client:
    return Client(server, server.add_station("js"), tmp_path / "page.tif")


@pytest.mark.parametrize("chunk", ["", "1000000"])
def test_it_uploads_a_file(server: IngestServer, client: Client, chunk: str):
    assert client.run(CHUNK=chunk)[-1] == "finished"
    assert server.stored(client.content) == client.content


def test_it_resumes_what_it_stopped(server: IngestServer, client: Client):
    address, ended = client.run(CHUNK="1000000", STOP_AT="10000000")
    again, finished = client.run(CHUNK="1000000", UPLOAD_URL=address)

    assert (ended, finished) == ("stopped", "finished")
    assert again == address
    assert server.stored(client.content) == client.content


def test_it_continues_when_the_server_is_killed(server: IngestServer, client: Client):
    running = client.start(CHUNK="100000")
    while not any((server.home / "uploads").glob("*.offset")):
        time.sleep(0.01)
    for _ in range(3):
        time.sleep(0.2)
        server.kill()
        server.start()
    printed, _ = running.communicate(timeout=120)

    assert printed.split()[-1] == "finished"
    assert server.stored(client.content) == client.content


def test_it_reports_a_file_that_is_not_as_announced(server: IngestServer, client: Client):
    assert client.run(SHA256="0" * 64) == ["failed", "422"]
    assert server.stored(client.content) is None

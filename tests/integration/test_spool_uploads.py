"""A station's spool and the role `ingest`: files arrive once, also when `ingest` is killed."""

import hashlib
import threading
from pathlib import Path

import pytest

from processors.page_list import canonical_json
from streams.clients.spool import uploads, waiting
from streams.clients.spool.destination import KeepGoing
from streams.clients.spool.spool_database import open_spool
from streams.clients.spool.tus_client import TusClient
from streams.clients.spool.uploads import BegunUploads, Uploads
from streams.clients.station.folder import Delivery, ManifestFile, SubmissionOptions, read_folder
from streams.uploads.upload_record import record_key
from tests.support.deliveries import MODS, a_folder, a_png
from tests.support.ingest_server import IngestServer
from tests.support.spools import a_station

CHUNK = 1 << 20
LARGE = a_png(7) + hashlib.shake_256(b"pixels").digest(12 * CHUNK)
"""More than a chunk, with a broken end that pre-flight does not look at."""


class KilledInTheMiddle(Uploads):
    """Uploads during which the server is killed once, after a few chunks of a large file."""

    def __init__(self, client: TusClient, begun: BegunUploads, server: IngestServer) -> None:
        super().__init__(client, begun)
        self._server, self._chunks, self._lock = server, 0, threading.Lock()

    def send(self, file: ManifestFile, keep_going: KeepGoing) -> str | None:
        """Send a file."""

        def count(size_bytes: int) -> bool:
            with self._lock:
                self._chunks += file.size_bytes > CHUNK
                if self._chunks == 4:
                    self._chunks += 1
                    self._server.kill()
                    self._server.start()
            return keep_going(size_bytes)

        return super().send(file, count)


def test_a_delivery_is_uploaded_through_a_kill_of_ingest_and_has_an_upload_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "CHUNK", CHUNK)
    monkeypatch.setattr(waiting, "FIRST_SECONDS", 0.05)
    server = IngestServer(tmp_path / "home")
    token = server.add_station("laptop")
    server.start()
    try:
        station = a_station(tmp_path / "station")
        with open_spool(station.spool_folder, for_all_threads=True) as spool:
            client = TusClient(f"http://127.0.0.1:{server.port}", token)
            station.real_destination = KilledInTheMiddle(client, BegunUploads(spool), server)
            folder = a_folder(
                tmp_path / "ms-1",
                {"1.png": LARGE, "2.png": a_png(2), "3.png": a_png(2), "mods.xml": MODS},
            )
            station.queue_folder(folder, "b-1")

            station.run()
    finally:
        server.kill()

    assert station.states() == ["submitted"]
    (fact,) = station.sender.submissions()
    for path in folder.iterdir():
        content = path.read_bytes()
        assert server.stored(content) == content
    manifest = fact.files[0].sha256
    assert manifest == _manifest_digest(read_folder(folder, SubmissionOptions("b-1")))
    record = server.home / record_key("station-laptop", server.key.key_id, manifest)
    assert record.is_file()


def _manifest_digest(delivery: Delivery) -> str:
    return hashlib.sha256(canonical_json(delivery.manifest)).hexdigest()

"""A station without access to the store uploads its files by HTTP, and cannot name those of others."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from processors.page_list import canonical_json
from processors.tools import staging_key
from schemas import ids
from schemas.catalogue import topic_of
from schemas.codec import encode
from schemas.models import BatchSubmitted, FileRef, Head, Producer
from streams.clients.control_requests import (
    RequestedAction,
    RequestSubject,
    make_request,
    send_requests,
)
from streams.clients.station.folder import Delivery, SubmissionOptions, read_folder
from streams.clients.station.publishing import publisher
from streams.settings import Settings
from streams.uploads.upload_records import WITHOUT_RECORD
from tests.support import pages
from tests.support.delivery import Delivered, submission
from tests.support.running_line import Line, wait_for
from tests.support.tus_client import TusClient


@dataclass(frozen=True)
class Station:
    """A station of its own: its credential file is all that it has of the line."""

    line: Line
    file: Path

    @property
    def http(self) -> TusClient:
        """Its client of `ingest`."""
        token = json.loads(self.file.read_text())["upload_token"]
        return TusClient(self.line.ports()["ingest"], token)

    def publish(self, batch_id: str, manifest: dict[str, Any]) -> None:
        """Publish the submission of a manifest, whether it was uploaded or not."""
        about = {"COPYSTAND_HOME": self.line.home, "COPYSTAND_KAFKA_CREDENTIALS": self.file}
        settings = Settings.load({name: str(value) for name, value in about.items()})
        digest = manifest["checksums"]["manifest_sha256"]
        head = Head(
            event_id=ids.make_id(batch_id, digest),
            batch_id=batch_id,
            revision=1,
            occurred_at=datetime.now(UTC),
            producer=Producer(name="foreign/station", version="1"),
        )
        files = (ref_of(canonical_json(manifest), "manifest"),)
        fact = BatchSubmitted(head=head, manifest_sha256=digest, files=files)
        publisher(settings)(topic_of("BatchSubmitted").name, batch_id, encode(fact))

    def code_of(self, batch_id: str) -> str:
        """The code with which a batch is quarantined."""

        def records() -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = self.line.ask("quarantine", "list", "--batch", batch_id)
            return found

        wait_for(records, 60, self.line.logs)
        return str(records()[0]["code"])


def ref_of(content: bytes, use: str) -> FileRef:
    digest, size = hashlib.sha256(content).hexdigest(), len(content)
    return FileRef(
        use=use,
        key=staging_key(digest),
        sha256=digest,
        size_bytes=size,
        media_type="application/json",
    )


def content_of(one: Any) -> bytes:
    """The bytes of a file of a delivery."""
    return one.content if isinstance(one.content, bytes) else one.content.path.read_bytes()


def a_delivery(folder: Path, batch_id: str, first: int) -> Delivery:
    """An item of one page."""
    pages.write_item(folder / "vol-u", 1, first=first)
    return read_folder(folder, SubmissionOptions(batch_id))


@pytest.fixture(scope="module")
def station(line: Line, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    file = tmp_path_factory.mktemp("station") / "lab.json"
    line.ask("station", "add", "uploads", "--into", file)
    yield Station(line, file)
    line.run("station", "revoke", "uploads")


def test_what_a_station_uploads_is_packaged(line: Line, station: Station, tmp_path: Path):
    delivery = a_delivery(tmp_path, "uploaded-1", first=301)
    manifest = canonical_json(delivery.manifest)
    for one in delivery.files:
        station.http.upload(content_of(one))
    station.http.upload(manifest)
    proven = station.http.request("PUT", f"/manifests/{ref_of(manifest, 'manifest').sha256}")
    assert proven.status == 204, proven

    station.publish("uploaded-1", delivery.manifest)

    line.wait_for_figures("uploaded-1", seconds=60, registered=1, packaged=1, quarantined=0)


def test_a_batch_that_names_the_page_of_another_one_is_refused(
    line: Line, station: Station, delivered: Delivered, tmp_path: Path
):
    # The manifest is right in all but this: its page is one of another station's batch.
    theirs = read_folder(delivered.folder, SubmissionOptions("uploaded-2"))
    manifest = canonical_json(theirs.manifest)
    station.http.upload(manifest)
    proven = station.http.request("PUT", f"/manifests/{ref_of(manifest, 'manifest').sha256}")

    station.publish("uploaded-2", theirs.manifest)

    assert (proven.status, proven.code) == (409, "upload.files-missing")
    assert station.code_of("uploaded-2") == WITHOUT_RECORD
    assert not line.ask("packages", "list", "--batch", "uploaded-2")


def test_a_batch_is_taken_by_a_release_when_its_record_is_there(
    line: Line, station: Station, tmp_path: Path
):
    delivery = a_delivery(tmp_path, "uploaded-3", first=303)
    manifest = canonical_json(delivery.manifest)
    for one in (*map(content_of, delivery.files), manifest):
        station.http.upload(one)
    station.publish("uploaded-3", delivery.manifest)
    code = station.code_of("uploaded-3")
    (record,) = line.ask("quarantine", "list", "--batch", "uploaded-3")

    station.http.request("PUT", f"/manifests/{ref_of(manifest, 'manifest').sha256}")
    line.ask("quarantine", "release", record["quarantine_id"], "--by", "p-4", "--reason", "proven")

    assert code == WITHOUT_RECORD
    line.wait_for_figures("uploaded-3", seconds=60, registered=1, packaged=1, quarantined=0)


def test_a_release_with_the_file_of_another_batch_is_refused(
    line: Line, delivered: Delivered, tmp_path: Path
):
    pages.write_item(tmp_path / "vol-r", 1, first=305)
    pages.damage(tmp_path / "vol-r" / "f1.tif")
    line.run(*submission(tmp_path, "uploaded-4"))
    (record,) = line.ask("quarantine", "list", "--batch", "uploaded-4", "--state", "open")
    foreign = (delivered.folder / "vol-a" / "f1.tif").read_bytes()
    settings = Settings.load({"COPYSTAND_HOME": str(line.home)})
    request = make_request(
        RequestedAction("release", "p-4", "r", "f1.tif", ref_of(foreign, "capture")),
        RequestSubject((f"quarantine:{record['quarantine_id']}",), "uploaded-4"),
        "1",
    )

    (decided,) = send_requests(settings, [request], timeout=60)

    assert decided is not None
    assert (decided.granted, decided.code) == (False, WITHOUT_RECORD)


def test_a_revoked_station_uploads_nothing_more(line: Line, tmp_path: Path):
    line.ask("station", "add", "thief", "--into", tmp_path / "thief.json")
    thief = Station(line, tmp_path / "thief.json").http
    before = thief.create(b"x")
    line.ask("station", "revoke", "thief")

    assert before.status == 201
    assert thief.create(b"x").status == thief.head(before.headers["location"]).status == 401

"""Checks a folder at the station, stores its files and submits the batch."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from processors.page_list import canonical_json
from processors.profile import Profile, canonical, look_up
from processors.tools import Area, Storage
from schemas import ids
from schemas.catalogue import topic_of
from schemas.codec import encode
from schemas.models import BatchSubmitted, Diagnostic, FileRef, Head
from schemas.models import Producer as Software
from streams.clients.station.findings import finding, is_fatal
from streams.clients.station.folder import Delivery, SubmissionOptions, read_folder
from streams.clients.station.judging import judge_pages
from streams.clients.station.line_queries import LineQueries, line_queries
from streams.clients.station.preflight import PROFILES, preflight
from streams.clients.station.scan import Progress, silent
from streams.clients.station.storing import store_delivery
from streams.kafka.client import STATION
from streams.settings import NotUp, Settings, software_version
from streams.storage.factory import reachable_storage
from streams.storage.local import LocalStorage

PRODUCER = "copystand/station"
JSON = "application/json"
PUBLISH_SECONDS = 30
KAFKA_SETTINGS = {
    "acks": "all",
    "enable.idempotence": True,
    "partitioner": "murmur2_random",
    "message.timeout.ms": PUBLISH_SECONDS * 1000,
    "log_level": 2,
}
Publish = Callable[[str, str, bytes], None]
"""Publishes a message with a key to a topic; returns when the broker acknowledged it."""


class NotPublished(ConnectionError):
    """The broker did not acknowledge the submission."""


@dataclass
class Submission:
    """A submitted batch and its outcome."""

    batch_id: str
    state: str
    items: int = 0
    pages: int = 0
    size_bytes: int = 0
    seconds: float = 0.0
    event_id: str = ""
    quarantined: list[str] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """The document that `--json` prints."""
        return {
            "batch_id": self.batch_id,
            "state": self.state,
            "items": self.items,
            "pages": self.pages,
            "bytes": self.size_bytes,
            "seconds": round(self.seconds, 1),
            "quarantined": self.quarantined,
            "diagnostics": [one.model_dump() for one in self.diagnostics],
            "event_id": self.event_id,
        }

    @property
    def failed(self) -> bool:
        """Whether the batch was refused or some of it is quarantined."""
        return self.state == "refused" or bool(self.quarantined)


def check(
    folder: Path,
    options: SubmissionOptions,
    settings: Settings | None = None,
    progress: Progress = silent,
) -> list[Diagnostic]:
    """Everything that the line will find before it makes derivatives: in the folder, in pre-flight
    and in the pages; and ids that the line already knows if it is running."""
    delivery = read_folder(folder, options, progress)
    return examine(delivery, settings, progress)


def examine(
    delivery: Delivery, settings: Settings | None = None, progress: Progress = silent
) -> list[Diagnostic]:
    """Everything that the line will find in a delivery, as `check` reports it."""
    profiles = settings.home / PROFILES if settings else None
    found = [*delivery.diagnostics, *preflight(delivery, profiles)]
    document = look_up(delivery.manifest["scanner_profile"], profiles).document
    if document is not None and not any(is_fatal(one) for one in found):
        limits = settings or Settings.load({})
        profile = Profile.from_json(canonical(document))
        found += judge_pages(delivery, profile, limits.pool_size, limits.child_bytes, progress)
    if settings is not None:
        try:
            with line_queries(settings) as line:
                found += _hints(delivery, line)
        except (NotUp, psycopg.Error):
            pass  # Only hints: without the line, the folder is checked all the same.
    return found


def _hints(delivery: Delivery, line: LineQueries) -> list[Diagnostic]:
    """Ids that the tracker will probably refuse, because the line already knows them."""
    found: list[Diagnostic] = []
    batch_id = delivery.manifest["batch_id"]
    status = line.status(batch_id)
    if status and status.received_id not in (None, received_id(submission_id(delivery))):
        found.append(finding("batch.id-taken", "batch_id", f"{batch_id} is {status.state}"))
    new = [
        item
        for item in delivery.manifest.get("items", ())
        if isinstance(item["item_id"], str)
        and not (item.get("replaces") or item.get("supplements"))
    ]
    batch_of = line.known_items([item["item_id"] for item in new])
    for item in new:
        other = batch_of.get(item["item_id"].lower())
        if other not in (None, batch_id):
            delivered = f"{item['item_id']} was delivered with {other}"
            found.append(finding("item.already-delivered", "item_id", delivered))
    return found


def submission_id(delivery: Delivery) -> str:
    """event_id of the batch.submitted of a delivery."""
    manifest = delivery.manifest
    return ids.make_id(manifest["batch_id"], manifest["checksums"]["manifest_sha256"])


def received_id(submitted_id: str) -> str:
    """event_id of the batch.received that the router makes of a submission."""
    return ids.fact_id(ids.work_id(submitted_id, "router"), "BatchReceived")


def submit(
    folder: Path,
    options: SubmissionOptions,
    settings: Settings,
    *,
    release: str | None = None,
    progress: Progress = silent,
    publish: Publish | None = None,
) -> Submission:
    """Store the files, then the manifest, then publish the submission.

    Raises NotUp, NotPublished, StorageError, its kind NoSpace before anything is copied;
    LookupError for an unknown `release`."""
    began = time.monotonic()
    publish = publish or _publisher(settings)
    revision = _next_revision(release, settings) if release else 1
    delivery = read_folder(folder, options, progress)
    submission = Submission(options.batch_id, "refused", diagnostics=list(delivery.diagnostics))
    submission.diagnostics += preflight(delivery, settings.home / PROFILES)
    submission.items = len(delivery.manifest.get("items", ()))
    submission.pages = delivery.page_count
    submission.size_bytes = delivery.size_bytes
    if delivery.may_be_published:
        storage = reachable_storage(settings)
        if isinstance(storage, LocalStorage):
            storage.sweep()
        changed = store_delivery(delivery, storage, settings, progress)
        submission.diagnostics += changed
        if not changed:
            submission.event_id = submission_id(delivery)
            submission.state = _known_state(options.batch_id, submission.event_id, settings)
            fact = _submitted(delivery, storage, settings, release, revision)
            publish(topic_of("BatchSubmitted").name, options.batch_id, encode(fact))
    submission.seconds = time.monotonic() - began
    return submission


def _next_revision(release: str, settings: Settings) -> int:
    with line_queries(settings) as line:
        record = line.quarantine(release)
    if record is None:
        raise LookupError(f"quarantine record {release} does not exist")
    return int(record["revision"]) + 1


def _known_state(batch_id: str, event_id: str, settings: Settings) -> str:
    try:
        with line_queries(settings) as line:
            status = line.status(batch_id)
    except (NotUp, psycopg.Error):
        return "submitted"
    received = status is not None and status.received_id == received_id(event_id)
    return "already known" if received else "submitted"


def _submitted(
    delivery: Delivery,
    storage: Storage,
    settings: Settings,
    release: str | None,
    revision: int,
) -> BatchSubmitted:
    manifest: FileRef = storage.keep(
        canonical_json(delivery.manifest), area=Area.STAGING, use="manifest", media_type=JSON
    )
    return BatchSubmitted(
        head=Head(
            event_id=submission_id(delivery),
            cause_id=release,
            batch_id=delivery.manifest["batch_id"],
            revision=revision,
            occurred_at=datetime.now(UTC),
            producer=Software(name=PRODUCER, version=software_version()),
        ),
        manifest_sha256=delivery.manifest["checksums"]["manifest_sha256"],
        release=release,
        operator=delivery.manifest["operator"],
        station=settings.worker_id,
        files=(manifest,),
    )


def _publisher(settings: Settings) -> Publish:
    """Publishes to the broker of the home. Raises NotUp; the publisher raises NotPublished."""
    brokers = settings.kafka_as(STATION)

    def publish(topic: str, key: str, value: bytes) -> None:
        failures: list[str] = []

        def delivered(error: KafkaError | None, _: Message) -> None:
            if error is not None:
                failures.append(str(error))

        producer = Producer({**brokers.client, **KAFKA_SETTINGS})
        try:
            producer.produce(topic, key=key.encode(), value=value, on_delivery=delivered)
            left = producer.flush(PUBLISH_SECONDS + 5)
        except KafkaException as failed:
            raise NotPublished(str(failed)) from failed
        if failures or left:
            reason = "; ".join(failures) or "no response"
            raise NotPublished(f"{brokers} did not acknowledge the submission: {reason}")

    return publish

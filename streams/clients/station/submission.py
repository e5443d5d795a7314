"""What a workstation does: judge a folder, hand it over, wait for what becomes of it."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from processors.page_list import canonical_json, staging_key
from processors.rules.codes import is_fault
from processors.tools import Area, Storage
from schemas import ids
from schemas.catalogue import topic_of
from schemas.codec import encode
from schemas.models import BatchSubmitted, Diagnostic, FileRef, Head
from schemas.models import Producer as Software
from streams.clients.station.findings import finding
from streams.clients.station.folder import Delivery, DeliveryFolder, SubmissionOptions, read_folder
from streams.clients.station.line_queries import LineQueries, line_queries
from streams.clients.station.preflight import PROFILES, preflight
from streams.clients.station.scan import Progress, silent
from streams.settings import NotUp, Settings, software_version
from streams.storage.factory import reachable_storage

PRODUCER = "copystand/station"
JSON = "application/json"
PUBLISH_SECONDS = 30
STORING_THREADS = 4
KAFKA_SETTINGS = {
    "acks": "all",
    "enable.idempotence": True,
    "partitioner": "murmur2_random",
    "message.timeout.ms": PUBLISH_SECONDS * 1000,
    "log_level": 2,
}
Publish = Callable[[str, str, bytes], None]
"""Puts a message with a key on a topic and returns when the broker has it."""


class NotPublished(ConnectionError):
    """The broker did not take the submission."""


@dataclass
class Submission:
    """What was handed over, and what became of it."""

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
        """As `--json` gives it."""
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
        """Whether it was refused, or something of it is quarantined."""
        return self.state == "refused" or bool(self.quarantined)


def check(
    folder: Path,
    wishes: SubmissionOptions,
    settings: Settings | None = None,
    progress: Progress = silent,
) -> list[Diagnostic]:
    """All of pre-flight, and what the line knows already when it can be asked."""
    delivery = read_folder(folder, wishes, progress)
    profiles = settings.home / PROFILES if settings else None
    found = [*delivery.diagnostics, *preflight(delivery, profiles)]
    if settings is not None:
        try:
            with line_queries(settings) as line:
                found += _hints(delivery, line)
        except (NotUp, psycopg.Error):
            pass  # A hint only: without the line the folder is judged all the same.
    return found


def _hints(delivery: Delivery, line: LineQueries) -> list[Diagnostic]:
    """What the tracker will refuse as known; it alone decides."""
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
    known = line.known_items([item["item_id"] for item in new])
    for item in new:
        other = known.get(item["item_id"].lower())
        if other not in (None, batch_id):
            delivered = f"{item['item_id']} came with {other}"
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
    wishes: SubmissionOptions,
    settings: Settings,
    *,
    release: str | None = None,
    progress: Progress = silent,
    publish: Publish | None = None,
) -> Submission:
    """Store every file, then the manifest, then publish.

    Raises NotUp, NotPublished, StorageError; LookupError for an unknown release."""
    began = time.monotonic()
    publish = publish or _publisher(settings)
    revision = _next_revision(release, settings) if release else 1
    delivery = read_folder(folder, wishes, progress)
    made = Submission(wishes.batch_id, "refused", diagnostics=list(delivery.diagnostics))
    made.diagnostics += preflight(delivery, settings.home / PROFILES)
    made.items, made.pages = len(delivery.manifest.get("items", ())), delivery.page_count
    made.size_bytes = delivery.size_bytes
    if delivery.may_be_published:
        storage = reachable_storage(settings)
        changed = _store(delivery, storage, progress)
        made.diagnostics += changed
        if not changed:
            made.event_id = submission_id(delivery)
            made.state = _known_state(wishes.batch_id, made.event_id, settings)
            fact = _submitted(delivery, storage, settings, release, revision)
            publish(topic_of("BatchSubmitted").name, wishes.batch_id, encode(fact))
    made.seconds = time.monotonic() - began
    return made


def _next_revision(release: str, settings: Settings) -> int:
    with line_queries(settings) as line:
        record = line.quarantine(release)
    if record is None:
        raise LookupError(f"no quarantine record is called {release}")
    return int(record["revision"]) + 1


def _known_state(batch_id: str, event_id: str, settings: Settings) -> str:
    try:
        with line_queries(settings) as line:
            status = line.status(batch_id)
    except (NotUp, psycopg.Error):
        return "submitted"
    known = status is not None and status.received_id == received_id(event_id)
    return "already known" if known else "submitted"


def _store(delivery: Delivery, storage: Storage, progress: Progress) -> list[Diagnostic]:
    """Put every file in staging; those that changed since they were read are told."""
    total, done = delivery.size_bytes, 0
    found: list[Diagnostic] = []
    with ThreadPoolExecutor(STORING_THREADS) as threads:
        kept = threads.map(lambda source: _keep(source, storage), delivery.sources)
        for source, wrong in zip(delivery.sources, kept, strict=True):
            done += source.size_bytes
            progress("storing", done, total)
            if wrong:
                found.append(finding("file.changed-meanwhile", source.name, wrong))
    return found


def _keep(source: DeliveryFolder, storage: Storage) -> str | None:
    """Store one file; what is wrong with it, else None."""
    content = source.content
    if not isinstance(content, bytes) and not content.path.is_file():
        return "it went away"
    if not storage.holds(staging_key(source.sha256), source.size_bytes):
        stored = storage.keep(
            content if isinstance(content, bytes) else content.path,
            area=Area.STAGING,
            use=source.use,
            media_type=source.media_type,
        )
        if stored.sha256 != source.sha256:
            return f"it had {source.sha256}, then {stored.sha256}"
    if not isinstance(content, bytes) and not content.is_as_scanned():
        return "its size or time changed"
    return None


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
    """Publishes on the home's broker. Raises NotUp at once, NotPublished when used."""
    brokers = settings.kafka

    def publish(topic: str, key: str, value: bytes) -> None:
        failures: list[str] = []

        def delivered(error: KafkaError | None, _: Message) -> None:
            if error is not None:
                failures.append(str(error))

        producer = Producer({"bootstrap.servers": brokers, **KAFKA_SETTINGS})
        try:
            producer.produce(topic, key=key.encode(), value=value, on_delivery=delivered)
            left = producer.flush(PUBLISH_SECONDS + 5)
        except KafkaException as wrong:
            raise NotPublished(str(wrong)) from wrong
        if failures or left:
            raise NotPublished(f"{brokers} did not take it: {'; '.join(failures) or 'no answer'}")

    return publish


__all__ = ["NotPublished", "Submission", "check", "is_fault", "preflight", "submit"]

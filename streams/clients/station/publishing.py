"""Stores the files of a delivery and publishes its submission."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from processors.page_list import canonical_json
from processors.tools import Area
from schemas import ids
from schemas.catalogue import topic_of
from schemas.codec import encode
from schemas.models import BatchSubmitted, Diagnostic, FileRef, Head, PageCaptured
from schemas.models import Producer as Software
from streams.clients.signing import signature_headers
from streams.clients.station.folder import Delivery
from streams.clients.station.scan import Progress, silent
from streams.clients.station.storing import store_delivery
from streams.kafka.client import STATION
from streams.settings import Settings, software_version
from streams.storage.factory import reachable_storage
from streams.storage.local import LocalStorage
from streams.uploads.upload_record import write_record

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


@dataclass(frozen=True)
class Correction:
    """The quarantine record that a submission corrects, and the revision that it has then."""

    release: str | None = None
    revision: int = 1


def hand_over(
    delivery: Delivery,
    settings: Settings,
    corrects: Correction = Correction(),
    progress: Progress = silent,
    publish: Publish | None = None,
) -> list[Diagnostic]:
    """Store the files of a delivery, then publish it, whatever was found in it.

    Publishes nothing, and returns diagnostics, if a file changed meanwhile. Raises as `submit`."""
    publish = publish or publisher(settings)
    storage = reachable_storage(settings, limits=settings.traffic_folder)
    if isinstance(storage, LocalStorage):
        storage.sweep()
    changed = store_delivery(delivery, storage, settings, progress)
    if not changed:
        manifest = storage.keep(
            canonical_json(delivery.manifest), area=Area.STAGING, use="manifest", media_type=JSON
        )
        # After the last file: it states that the store has all of them.
        write_record(storage, settings.signing_key(STATION), manifest)
        for message in submission_messages(delivery, manifest, settings.worker_id, corrects):
            publish(message.topic, message.key, message.value)
    return changed


def submission_id(delivery: Delivery) -> str:
    """event_id of the batch.submitted of a delivery."""
    manifest = delivery.manifest
    return ids.make_id(manifest["batch_id"], manifest["checksums"]["manifest_sha256"])


def received_id(submitted_id: str) -> str:
    """event_id of the batch.received that the router makes of a submission."""
    return ids.fact_id(ids.work_id(submitted_id, "router"), "BatchReceived")


@dataclass(frozen=True)
class StationMessage:
    """A message that a station publishes."""

    topic: str
    key: str
    value: bytes
    event_id: str


def submission_messages(
    delivery: Delivery, manifest: FileRef, station: str, corrects: Correction = Correction()
) -> Iterator[StationMessage]:
    """What the station of this name publishes about a delivery when all is stored, in order: the
    submission is the last message."""
    # Captures first: a batch is then known to be uploading when its manifest arrives.
    for one in delivery.captures:
        yield _message("PageCaptured", str(one.head.page_id), one)
    fact = _submitted(delivery, manifest, station, corrects)
    yield _message("BatchSubmitted", str(fact.head.batch_id), fact)


def _message(record: str, key: str, fact: PageCaptured | BatchSubmitted) -> StationMessage:
    return StationMessage(topic_of(record).name, key, encode(fact), str(fact.head.event_id))


def _submitted(
    delivery: Delivery, manifest: FileRef, station: str, corrects: Correction
) -> BatchSubmitted:
    return BatchSubmitted(
        head=Head(
            event_id=submission_id(delivery),
            cause_id=corrects.release,
            batch_id=delivery.manifest["batch_id"],
            revision=corrects.revision,
            occurred_at=datetime.now(UTC),
            producer=Software(name=PRODUCER, version=software_version()),
        ),
        manifest_sha256=delivery.manifest["checksums"]["manifest_sha256"],
        release=corrects.release,
        operator=delivery.manifest["operator"],
        station=station,
        files=(manifest,),
    )


def publisher(settings: Settings) -> Publish:
    """Signs and publishes to the broker of the home. Raises NotUp; the publisher raises
    NotPublished."""
    brokers, signing_key = settings.kafka_as(STATION), settings.signing_key(STATION)
    # One connection for all messages: a batch may have thousands of captures.
    connected: list[Producer] = []

    def publish(topic: str, key: str, value: bytes) -> None:
        failures: list[str] = []

        def delivered(error: KafkaError | None, _: Message) -> None:
            if error is not None:
                failures.append(str(error))

        try:
            if not connected:
                connected.append(Producer({**brokers.client, **KAFKA_SETTINGS}))
            producer = connected[0]
            signed = signature_headers(signing_key, topic, key.encode(), value)
            producer.produce(topic, value, key.encode(), on_delivery=delivered, headers=signed)
            left = producer.flush(PUBLISH_SECONDS + 5)
        except KafkaException as failed:
            raise NotPublished(str(failed)) from failed
        if failures or left:
            reason = "; ".join(failures) or "no response"
            raise NotPublished(f"{brokers} did not acknowledge the submission: {reason}")

    return publish

"""Asks the tracker for decisions and waits for its answers."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

from confluent_kafka import Consumer, KafkaException, TopicPartition

from schemas.catalogue import key_of, topic_of
from schemas.codec import decode, encode
from schemas.ids import make_id
from schemas.models import ControlDecided, ControlRequested, FileRef, Head, Producer
from streams.kafka.client import CLIENT, librdkafka
from streams.kafka.messages import Outgoing
from streams.kafka.producer import KafkaPublisher
from streams.settings import NotUp, Settings

PRODUCER = "copystand/cli"


@dataclass(frozen=True)
class Asked:
    """Who asks for what, and why."""

    action: str
    by: str
    reason: str
    value: str | None = None
    file: FileRef | None = None


@dataclass(frozen=True)
class About:
    """The subjects of one request, and the narrowest thing that all of it is about."""

    subjects: tuple[str, ...]
    batch_id: str | None = None
    item_id: str | None = None
    page_id: str | None = None
    revision: int = 1


def request_for(asked: Asked, about: About, version: str) -> ControlRequested:
    """A request with an id of its own."""
    return ControlRequested(
        head=Head(
            event_id=str(uuid4()),
            batch_id=about.batch_id,
            item_id=about.item_id,
            page_id=about.page_id,
            revision=about.revision,
            occurred_at=datetime.now(UTC),
            producer=Producer(name=PRODUCER, version=version),
        ),
        action=asked.action,
        subjects=about.subjects,
        value=asked.value,
        by=asked.by,
        reason=asked.reason,
        files=(asked.file,) if asked.file else (),
    )


def ask(
    settings: Settings, requests: Sequence[ControlRequested], timeout: float
) -> list[ControlDecided | None]:
    """The tracker's answer to each request, None where it did not come in time. Raises NotUp."""
    topic = topic_of("ControlDecided").name
    consumer = Consumer(
        {
            "bootstrap.servers": settings.kafka,
            "group.id": "copystand.cli",
            "enable.auto.commit": False,
            **CLIENT,
        },
        logger=librdkafka,
    )
    try:
        _, end = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=timeout)
        consumer.assign([TopicPartition(topic, 0, end)])
        publisher = KafkaPublisher(settings.kafka)
        wanted = topic_of("ControlRequested").name
        publisher.publish([Outgoing(wanted, key_of(one), encode(one)) for one in requests])
        publisher.close()
        expected = [make_id(one.head.event_id, "ControlDecided") for one in requests]
        answers = _answers(consumer, set(expected), timeout)
        return [answers.get(event_id) for event_id in expected]
    except KafkaException as wrong:
        text = f"Kafka does not answer: {wrong.args[0].str()}; look with: copystand status"
        raise NotUp(text) from None
    finally:
        consumer.close()


def _answers(consumer: Consumer, expected: set[str], timeout: float) -> dict[str, ControlDecided]:
    found: dict[str, ControlDecided] = {}
    deadline = time.monotonic() + timeout
    while len(found) < len(expected) and time.monotonic() < deadline:
        for message in consumer.consume(500, 0.2):
            if message.error():
                continue
            decided = decode(message.value())
            if isinstance(decided, ControlDecided) and decided.head.event_id in expected:
                found[decided.head.event_id] = decided
                deadline = time.monotonic() + timeout
    return found

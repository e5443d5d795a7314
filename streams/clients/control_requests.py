"""Sends control requests to the tracker and waits for its decisions."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

import psycopg
from confluent_kafka import Consumer, KafkaException, TopicPartition

from schemas.catalogue import key_of, topic_of
from schemas.codec import decode, encode
from schemas.ids import make_id
from schemas.models import ControlDecided, ControlRequested, FileRef, Head, Producer
from streams import free_texts
from streams.kafka.client import CLIENT, OPERATOR, REQUESTS_GROUP, librdkafka
from streams.kafka.messages import Outgoing
from streams.kafka.producer import KafkaPublisher
from streams.settings import NotUp, Settings

PRODUCER = "copystand/cli"


@dataclass(frozen=True)
class RequestedAction:
    """What is requested, by whom and why."""

    action: str
    by: str
    reason: str
    value: str | None = None
    file: FileRef | None = None


@dataclass(frozen=True)
class RequestSubject:
    """The subjects of one request, and the batch, item and page that all of them belong to."""

    subjects: tuple[str, ...]
    batch_id: str | None = None
    item_id: str | None = None
    page_id: str | None = None
    revision: int = 1


def make_request(
    requested: RequestedAction, subject: RequestSubject, version: str
) -> ControlRequested:
    """A request with a new id."""
    return ControlRequested(
        head=Head(
            event_id=str(uuid4()),
            batch_id=subject.batch_id,
            item_id=subject.item_id,
            page_id=subject.page_id,
            revision=subject.revision,
            occurred_at=datetime.now(UTC),
            producer=Producer(name=PRODUCER, version=version),
        ),
        action=requested.action,
        subjects=subject.subjects,
        value=requested.value,
        by=requested.by,
        reason=requested.reason,
        files=(requested.file,) if requested.file else (),
    )


def send_requests(
    settings: Settings, requests: Sequence[ControlRequested], timeout: float
) -> list[ControlDecided | None]:
    """The tracker's decision on each request, None where it did not come in time. Raises NotUp.

    The reasons are stored first: what is published has references to them."""
    topic, brokers = topic_of("ControlDecided").name, settings.kafka_as(OPERATOR)
    consumer = Consumer(
        {
            **brokers.client,
            "group.id": REQUESTS_GROUP,
            "enable.auto.commit": False,
            **CLIENT,
        },
        logger=librdkafka,
    )
    try:
        # Read from here on: no decision on a request that is not sent yet can be missed.
        _, end = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=timeout)
        consumer.assign([TopicPartition(topic, 0, end)])
        published = _with_stored_reasons(settings, requests)
        publisher = KafkaPublisher(brokers)
        request_topic = topic_of("ControlRequested").name
        publisher.publish([Outgoing(request_topic, key_of(one), encode(one)) for one in published])
        publisher.close()
        expected = [make_id(one.head.event_id, "ControlDecided") for one in requests]
        decisions = _read_decisions(consumer, set(expected), timeout)
        return [
            decided and decided.model_copy(update={"reason": one.reason})
            for one, decided in zip(requests, map(decisions.get, expected), strict=True)
        ]
    except KafkaException as failed:
        text = f"Kafka does not respond: {failed.args[0].str()}; check the line: copystand status"
        raise NotUp(text) from None
    finally:
        consumer.close()


def _with_stored_reasons(
    settings: Settings, requests: Sequence[ControlRequested]
) -> list[ControlRequested]:
    """The requests with references to their reasons; a reason that many have is stored once."""
    dsn = settings.dsn("tracker")
    try:
        with psycopg.connect(dsn, connect_timeout=free_texts.CONNECT_SECONDS) as connection:
            pairs = dict.fromkeys((one.reason, one.by) for one in requests)
            stored = {pair: free_texts.put(connection, *pair) for pair in pairs}
    except psycopg.Error as down:
        text = f"PostgreSQL does not answer: {str(down).strip()}; check the line: copystand status"
        raise NotUp(text) from None
    return [one.model_copy(update={"reason": stored[one.reason, one.by]}) for one in requests]


def _read_decisions(
    consumer: Consumer, expected: set[str], timeout: float
) -> dict[str, ControlDecided]:
    """Decisions by event_id; the timeout starts again with each that arrives."""
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

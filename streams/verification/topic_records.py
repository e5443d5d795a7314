"""The sealed records of audit.premis, as the topic has them."""

import time
from collections.abc import Generator
from contextlib import closing, suppress

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from infra.kafka_access import Brokers
from schemas.catalogue import AUDIT_PREMIS
from streams.audit.sealed_record import BrokenSeal, SealedRecord, seal_of
from streams.kafka.messages import headers_of
from streams.kafka.partition_reader import PartitionReader, RecordsLost
from streams.sealer.clients import log_consumer
from streams.sealer.recovery import UNKNOWN

PROJECTOR = "copystand.projector"
SECONDS = 10.0
PAUSE_SECONDS = 0.2
STARTING = (
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
)


class MissingTopic(Exception):
    """The brokers do not have the topic."""


def intact_records(
    brokers: Brokers, topic: str = AUDIT_PREMIS.name
) -> Generator[tuple[int, bytes], None, None]:
    """Seq and leaf of each record with a seal, in the order of the topic. Raises KafkaException,
    MissingTopic."""
    with closing(committed_messages(brokers, topic)) as messages:
        for message in messages:
            with suppress(BrokenSeal):
                seal, value = seal_of(headers_of(message)), message.value() or b""
                yield seal.seq, SealedRecord("", value, seal).leaf


def committed_messages(
    brokers: Brokers, topic: str = AUDIT_PREMIS.name
) -> Generator[Message, None, None]:
    """Each record of the topic, in its order. Raises KafkaException, MissingTopic."""
    consumer = log_consumer(brokers)
    try:
        low, end = _watermarks(consumer, topic)
        partition, deadline = PartitionReader(consumer, topic, low), time.monotonic() + SECONDS
        while not partition.is_at(end):
            messages = partition.read()
            if messages:
                deadline = time.monotonic() + SECONDS
            elif time.monotonic() > deadline:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
            yield from messages
    except RecordsLost as lost:
        raise KafkaException(KafkaError(KafkaError.OFFSET_OUT_OF_RANGE, str(lost))) from None
    finally:
        consumer.close()


def projector_has_read_all(brokers: Brokers, topic: str = AUDIT_PREMIS.name) -> bool:
    """Whether the projector had read the topic to its end when this was asked.

    Raises KafkaException, MissingTopic."""
    consumer = Consumer({**brokers.client, "group.id": PROJECTOR, "enable.auto.commit": False})
    try:
        place = TopicPartition(topic, 0)
        _, end = _watermarks(consumer, topic)
        return _committed(consumer, place) >= end
    finally:
        consumer.close()


def _committed(consumer: Consumer, place: TopicPartition) -> int:
    """The committed offset; a broker that has just started may need a moment. Raises
    KafkaException."""
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            return int(consumer.committed([place], timeout=SECONDS)[0].offset)
        except KafkaException as failure:
            if failure.args[0].code() not in STARTING or time.monotonic() > deadline:
                raise
        time.sleep(PAUSE_SECONDS)


def _watermarks(consumer: Consumer, topic: str) -> tuple[int, int]:
    try:
        low, end = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=SECONDS)
    except KafkaException as failure:
        if failure.args[0].code() in UNKNOWN:
            raise MissingTopic(topic) from None
        raise
    return int(low), int(end)

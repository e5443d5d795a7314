"""Reads the tracker's topics from the offsets that stand in Postgres; Kafka's own are for show."""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from infra import topics
from infra.topics import Partition
from streams.kafka.client import CLIENT, librdkafka
from streams.kafka.messages import Incoming, incoming_of
from streams.kafka.stalled_partitions import IdleTimer

log = logging.getLogger(__name__)

GROUP = "copystand.tracker"
AT_ONCE = 500
FIRST_WAIT_SECONDS = 0.1
MORE_WAIT_SECONDS = 0.01
ANSWER_SECONDS = 30.0
SHOW_EVERY_SECONDS = 1.0
SETTINGS: dict[str, Any] = {
    "group.id": GROUP,
    "enable.auto.commit": False,
    "auto.offset.reset": "error",
    "queued.max.messages.kbytes": 16384,
    **CLIENT,
}


class TopicReader:
    """A consumer that is told where to read; nothing is lost when it dies, nobody else moves it."""

    def __init__(self, brokers: str) -> None:
        self._settings = {"bootstrap.servers": brokers, "error_cb": _on_error, **SETTINGS}
        self._consumer = Consumer(
            {**self._settings, "on_commit": self._on_commit}, logger=librdkafka
        )
        self._admin = topics.admin(brokers)
        self._reached: dict[Partition, int] = {}
        self._shown: dict[Partition, int] = {}
        self._shown_at = time.monotonic()
        self._idle = IdleTimer()

    def partitions(self, names: Sequence[str]) -> list[Partition]:
        """All partitions of these topics. Raises KeyError for a topic that is not there."""
        counts = topics.partition_counts(self._admin, names, ANSWER_SECONDS)
        return [(name, number) for name in names for number in range(counts[name])]

    def go_on(self, offsets: dict[Partition, int]) -> None:
        """Read these partitions from where the tables stand, and let Kafka show that they do."""
        self._consumer.assign(_places(offsets))
        self._reached = dict(offsets)

    def poll(self) -> list[Incoming]:
        """What has come, at most 500 messages; empty after a short wait."""
        first = self._consumer.poll(FIRST_WAIT_SECONDS)
        self._idle.polled(waits=first is None)
        if first is None:
            return []
        more = self._consumer.consume(AT_ONCE - 1, MORE_WAIT_SECONDS)
        return [incoming_of(one) for one in (first, *more) if _sound(one)]

    def idle_offsets(self) -> Mapping[Partition, int] | None:
        """The next offset wanted of each partition; None unless it has waited for a while."""
        return dict(self._reached) if self._idle else None

    def read_to_the_end(self, offsets: Mapping[Partition, int]) -> Iterator[list[Incoming]]:
        """Everything that stands in these partitions now, from these offsets on, in portions."""
        ends = topics.end_offsets(self._admin, offsets)
        left = {at: end for at, end in ends.items() if end > offsets[at]}
        # Not by the last record: after a stranger's transaction there is none at the last offset.
        consumer = Consumer({**self._settings, "enable.partition.eof": True}, logger=librdkafka)
        consumer.assign(_places({at: offsets[at] for at in left}))
        try:
            while left:
                portion = consumer.consume(AT_ONCE, FIRST_WAIT_SECONDS)
                yield [incoming_of(one) for one in portion if _sound(one)]
                for at, reached in filter(None, map(_reached, portion)):
                    if reached >= left.get(at, 0):
                        left.pop(at, None)
        finally:
            consumer.close()

    def show(self, messages: Sequence[Incoming]) -> None:
        """Tell Kafka how far the tracker is, now and then, so that its lag can be seen."""
        self._reached |= {(one.topic, one.partition): one.offset + 1 for one in messages}
        now = time.monotonic()
        if self._reached != self._shown and now - self._shown_at > SHOW_EVERY_SECONDS:
            offsets = [
                TopicPartition(*at, offset)
                for at, offset in self._reached.items()
                if self._shown.get(at) != offset
            ]
            self._consumer.commit(offsets=offsets, asynchronous=True)
            self._shown_at = now

    def _on_commit(self, error: KafkaError | None, partitions: list[TopicPartition]) -> None:
        """What Kafka did not take, perhaps since the broker was away, is told again."""
        self._shown |= {
            (one.topic, one.partition): one.offset
            for one in partitions
            if error is None and one.error is None
        }

    def close(self) -> None:
        """Leave."""
        self._consumer.close()


def _places(offsets: Mapping[Partition, int]) -> list[TopicPartition]:
    return [TopicPartition(*at, offset) for at, offset in offsets.items()]


def _reached(message: Message) -> tuple[Partition, int] | None:
    """Up to where a partition has been read, when this tells of its end."""
    error, topic, partition = message.error(), message.topic(), message.partition()
    if error is None or error.code() != KafkaError._PARTITION_EOF:
        return None
    assert topic is not None and partition is not None
    return (topic, partition), message.offset() or 0


def _sound(message: Message) -> bool:
    error = message.error()
    if error is None:
        return True
    if error.code() == KafkaError._PARTITION_EOF:
        return False
    if error.fatal() or error.code() in (
        KafkaError._AUTO_OFFSET_RESET,
        KafkaError.OFFSET_OUT_OF_RANGE,
    ):
        raise KafkaException(error)
    log.warning("broker", extra={"error": str(error)})
    return False


def _on_error(error: KafkaError) -> None:
    log.warning("broker", extra={"error": str(error)})

"""Reads topics from offsets in PostgreSQL; Kafka's offsets only show the lag."""

import logging
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from infra import topics
from infra.kafka_access import Brokers
from infra.topics import Partition
from streams.kafka.client import CLIENT, librdkafka
from streams.kafka.messages import Incoming, incoming_of
from streams.kafka.stalled_partitions import IdleTimer

log = logging.getLogger(__name__)

GROUP = "copystand.tracker"
PORTION = 500
FIRST_WAIT_SECONDS = 0.1
MORE_WAIT_SECONDS = 0.05
"""Messages of this time share a transaction, and what is published for them shares a flush."""
METADATA_SECONDS = 30.0
COMMIT_EVERY_SECONDS = 1.0
SETTINGS: dict[str, Any] = {
    "enable.auto.commit": False,
    "auto.offset.reset": "error",
    "queued.max.messages.kbytes": 16384,
    **CLIENT,
}


class TopicReader:
    """A consumer with assigned partitions: it takes part in no rebalance and keeps no offsets."""

    def __init__(self, brokers: Brokers, group: str = GROUP) -> None:
        """A reader that reads nothing yet; `group` is the name with which it may connect."""
        about = {"error_cb": _on_error, "group.id": group}
        self._settings = {**brokers.client, **about, **SETTINGS}
        self._consumer = Consumer(
            {**self._settings, "on_commit": self._on_commit}, logger=librdkafka
        )
        self._admin = topics.admin(brokers)
        self._next: dict[Partition, int] = {}
        self._committed: dict[Partition, int] = {}
        self._committed_at = time.monotonic()
        self._idle = IdleTimer()

    def partitions(self, names: Sequence[str]) -> list[Partition]:
        """All partitions of these topics. Raises KeyError for a topic that does not exist."""
        counts = topics.partition_counts(self._admin, names, METADATA_SECONDS)
        return [(name, number) for name in names for number in range(counts[name])]

    def assign(self, offsets: dict[Partition, int]) -> None:
        """Read these partitions from these offsets on."""
        self._consumer.assign(_topic_partitions(offsets))
        self._next = dict(offsets)

    def ends(self, partitions: Collection[Partition]) -> dict[Partition, int]:
        """The offset after the last record of each of these partitions."""
        return topics.settled_end_offsets(self._admin, partitions)

    def poll(self) -> list[Incoming]:
        """The next messages, at most PORTION; empty if none arrives within a short time."""
        first = self._consumer.poll(FIRST_WAIT_SECONDS)
        self._idle.polled(waits=first is None)
        if first is None:
            return []
        more = self._consumer.consume(PORTION - 1, MORE_WAIT_SECONDS)
        return [incoming_of(message) for message in (first, *more) if _is_message(message)]

    def idle_offsets(self) -> Mapping[Partition, int] | None:
        """The next offset of each partition while the reader is idle; None while it is not."""
        return dict(self._next) if self._idle else None

    def read_to_the_end(self, offsets: Mapping[Partition, int]) -> Iterator[list[Incoming]]:
        """All messages from these offsets to the present ends of the partitions, in portions."""
        ends = topics.settled_end_offsets(self._admin, offsets)
        left = {at: end for at, end in ends.items() if end > offsets[at]}
        # A transaction ends with a marker, so the last offset may hold no message: the consumer
        # reports the end of each partition instead.
        consumer = Consumer({**self._settings, "enable.partition.eof": True}, logger=librdkafka)
        consumer.assign(_topic_partitions({at: offsets[at] for at in left}))
        try:
            while left:
                portion = consumer.consume(PORTION, FIRST_WAIT_SECONDS)
                yield [incoming_of(message) for message in portion if _is_message(message)]
                for at, end in filter(None, map(_end_of_partition, portion)):
                    if end >= left.get(at, 0):
                        left.pop(at, None)
        finally:
            consumer.close()

    def commit(self, messages: Sequence[Incoming]) -> None:
        """Commit the offsets after these messages to Kafka from time to time, for the lag alone."""
        self._next |= {(one.topic, one.partition): one.offset + 1 for one in messages}
        now = time.monotonic()
        if self._next != self._committed and now - self._committed_at > COMMIT_EVERY_SECONDS:
            offsets = {
                at: offset for at, offset in self._next.items() if self._committed.get(at) != offset
            }
            self._consumer.commit(offsets=_topic_partitions(offsets), asynchronous=True)
            self._committed_at = now

    def _on_commit(self, error: KafkaError | None, partitions: list[TopicPartition]) -> None:
        """Record the committed offsets. A failed commit is repeated with the next one."""
        self._committed |= {
            (one.topic, one.partition): one.offset
            for one in partitions
            if error is None and one.error is None
        }

    def close(self) -> None:
        """Close the consumer."""
        self._consumer.close()


def _topic_partitions(offsets: Mapping[Partition, int]) -> list[TopicPartition]:
    return [TopicPartition(*at, offset) for at, offset in offsets.items()]


def _end_of_partition(message: Message) -> tuple[Partition, int] | None:
    """The partition and its end, if this is an end-of-partition event."""
    error, topic, partition = message.error(), message.topic(), message.partition()
    if error is None or error.code() != KafkaError._PARTITION_EOF:
        return None
    assert topic is not None and partition is not None
    return (topic, partition), message.offset() or 0


def _is_message(message: Message) -> bool:
    """Whether this is a message and no event. Raises KafkaException for an error that remains."""
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
    _on_error(error)
    return False


def _on_error(error: KafkaError) -> None:
    log.warning("consumer error", extra={"error": str(error)})

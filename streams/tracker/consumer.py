"""Reads the tracker's topics from the offsets that stand in Postgres; Kafka's own are for show."""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from schemas.catalogue import LANES, redone_topic, topic_of
from streams.kafka_client import CLIENT, Hunger, librdkafka
from streams.source import incoming_of
from streams.tracker.release import RELEASED
from streams.work import Incoming

log = logging.getLogger(__name__)

GROUP = "copystand.tracker"
FACTS_READ = tuple(
    topic_of(record).name
    for record in (
        *("BatchReceived", "CaptureAccepted", "ReceiptAccepted", "BatchAccepted"),
        *("ItemRegistered", "PageAcquired", "PageDerived", "PageRecognized", "PageDescribed"),
        *("PageEnriched", "PackagePublished", "WorkDeferred", "WorkQuarantined"),
        "ControlRequested",
    )
)
INPUTS = (*FACTS_READ, RELEASED)
OWN = tuple(
    topic_of(record).name
    for record in (
        *("PageAdmitted", "ItemCompleted", "BatchSettled", "ControlDecided"),
        "WorkQuarantined",
    )
)
"""Facts that the tracker writes; work.quarantined is shared with the driver."""
REDONE = tuple(redone_topic(lane) for lane in LANES)

AT_ONCE = 500
FIRST_WAIT_SECONDS = 0.1
MORE_WAIT_SECONDS = 0.01
ANSWER_SECONDS = 30.0
SHOW_EVERY_SECONDS = 1.0
Partition = tuple[str, int]


class Reader:
    """A consumer that is told where to read; nothing is lost when it dies, nobody else moves it."""

    def __init__(self, brokers: str) -> None:
        self._consumer = Consumer(
            {
                "bootstrap.servers": brokers,
                "group.id": GROUP,
                "enable.auto.commit": False,
                "on_commit": self._on_commit,
                "auto.offset.reset": "error",
                "queued.max.messages.kbytes": 16384,
                **CLIENT,
                "error_cb": _on_error,
            },
            logger=librdkafka,
        )
        settings: dict[str, Any] = {"bootstrap.servers": brokers, "error_cb": _on_error}
        self._admin = AdminClient(settings)
        self._reached: dict[Partition, int] = {}
        self._shown: dict[Partition, int] = {}
        self._shown_at = time.monotonic()
        self._hunger = Hunger()

    def partitions(self, topics: Sequence[str]) -> list[Partition]:
        """All partitions of these topics. Raises KeyError for a topic that is not there."""
        known = self._admin.list_topics(timeout=ANSWER_SECONDS).topics
        return [(name, number) for name in topics for number in sorted(known[name].partitions)]

    def ends(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        """The offset that the next message of each partition will get."""
        asked = {TopicPartition(*at): OffsetSpec.latest() for at in partitions}
        answers = self._admin.list_offsets(asked, request_timeout=ANSWER_SECONDS)
        return {(at.topic, at.partition): one.result().offset for at, one in answers.items()}

    def assign(self, offsets: dict[Partition, int]) -> None:
        """Read these partitions from these offsets on."""
        self._consumer.assign([TopicPartition(*at, offset) for at, offset in offsets.items()])

    def go_on(self, offsets: dict[Partition, int]) -> None:
        """Read these partitions from where the tables stand, and let Kafka show that they do."""
        self.assign(offsets)
        self._reached = dict(offsets)

    def poll(self) -> list[Incoming]:
        """What has come, at most 500 messages; empty after a short wait."""
        first = self._consumer.poll(FIRST_WAIT_SECONDS)
        self._hunger.polled(waits=first is None)
        if first is None:
            return []
        more = self._consumer.consume(AT_ONCE - 1, MORE_WAIT_SECONDS)
        return [incoming_of(one) for one in (first, *more) if _sound(one)]

    def hungry(self) -> Mapping[Partition, int] | None:
        """The next offset wanted of each partition; None unless it has waited for a while."""
        return dict(self._reached) if self._hunger else None

    def read_all(self, topics: Sequence[str]) -> Iterator[list[Incoming]]:
        """Everything that stands in these topics now, from the beginning, in portions."""
        ends = self.ends(self.partitions(topics))
        left = {at: end for at, end in ends.items() if end > 0}
        self.assign({at: 0 for at in left})
        while left:
            portion = self.poll()
            for one in portion:
                at = (one.topic, one.partition)
                if at in left and one.offset + 1 >= left[at]:
                    del left[at]
            yield portion

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


def _sound(message: Message) -> bool:
    error = message.error()
    if error is None:
        return True
    if error.fatal() or error.code() in (
        KafkaError._AUTO_OFFSET_RESET,
        KafkaError.OFFSET_OUT_OF_RANGE,
    ):
        raise KafkaException(error)
    log.warning("broker", extra={"error": str(error)})
    return False


def _on_error(error: KafkaError) -> None:
    log.warning("broker", extra={"error": str(error)})

"""Brings index and log up to the end of audit.premis, and checks that they agree with it."""

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import NoReturn

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from streams.kafka.partition_reader import PartitionReader, RecordsLost
from streams.runtime.run_loop import CannotContinue, ShutdownRequested
from streams.sealer.event_index import EventIndex, IndexedEvent, Position
from streams.sealer.log_order import LogOrder, LogRecord
from streams.sealer.sealed_log import SealedLog

log = logging.getLogger(__name__)

UNKNOWN = (
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError._UNKNOWN_PARTITION,
)
UNKNOWN_SECONDS = 20.0
"""A broker that has just started does not know its topics yet."""
MISMATCH = (
    "the topic {topic} and the sealed log in audit/log disagree: {why}. Nothing is sealed. Find out"
    " who changed the topic, and keep it as evidence: copystand audit verify. Then publish all"
    " events again: copystand audit restore-topic"
)


class LogsDisagree(CannotContinue):
    """The topic does not have what was sealed."""


def catch_up(
    index: EventIndex,
    sealed: SealedLog,
    consumer: Consumer,
    topic: str,
    stopping: threading.Event,
) -> Position:
    """Add to log and index what the topic has beyond them. The position is where the topic ends: if
    the log has more events, the topic lost the last ones.

    Raises LogsDisagree, and ShutdownRequested when asked to stop."""
    end = end_of(consumer, topic, stopping)
    position = index.position()
    if position.next_seq > sealed.size or end < position.next_offset:
        # The log is new, or the topic lost records: everything is read and compared.
        index.clear()
        position = index.position()
    reader = TopicReader(consumer, topic, position, sealed, stopping)
    while not reader.is_at(end):
        records = reader.read()
        if records:
            sealed.add_missing(records)
            position = _advance(index, position, records)
    index.flush()
    try:
        reader.check_gap()
    except LogsDisagree:
        index.clear()  # it may be wrong itself: the next time, everything is read
        raise
    # The index is not signed, so that its time could be any.
    return replace(position, sealed_at=sealed.last_sealed_at)


class TopicReader:
    """Reads sealed records from a position on, without those that others wrote."""

    def __init__(
        self,
        consumer: Consumer,
        topic: str,
        position: Position,
        sealed: SealedLog,
        stopping: threading.Event,
    ) -> None:
        self._topic, self._stopping, self._sealed = topic, stopping, sealed
        self._partition = PartitionReader(consumer, topic, position.next_offset)
        self.order = LogOrder(position.next_seq, sealed.agrees)

    def is_at(self, end: int) -> bool:
        """Whether everything before this offset was read."""
        return self._partition.is_at(end)

    def read(self) -> list[LogRecord]:
        """Some sealed records. Raises LogsDisagree, ShutdownRequested."""
        if self._stopping.is_set():
            raise ShutdownRequested
        try:
            messages = self._partition.read()
        except RecordsLost as lost:
            disagree(self._topic, str(lost))
        # The projector reports foreign records.
        return [sealed for message in messages if (sealed := self.order.take(message)[0])]

    def check_gap(self) -> None:
        """Raises LogsDisagree if records are missing before others."""
        if not self.order.ahead:
            return
        if self._sealed.size <= self.order.next_seq and self.order.next_seq > 0:
            # Nothing that was sealed is missing before them.
            log.error("foreign records in the log", extra={"found": self.order.gap()})
            return
        self.missing()

    def missing(self) -> NoReturn:
        """Raises LogsDisagree, since the next event is not on the topic."""
        order = self.order
        disagree(self._topic, order.other or order.gap() or f"seq {order.next_seq} is missing")


def end_of(consumer: Consumer, topic: str, stopping: threading.Event) -> int:
    """The end of a topic, from whose beginning nothing is missing. Raises LogsDisagree,
    ShutdownRequested."""
    given_up = time.monotonic() + UNKNOWN_SECONDS
    while not stopping.is_set():
        try:
            low, end = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=5)
        except KafkaException as failure:
            error = failure.args[0]
            log.warning("consumer error", extra={"error": str(error)})
            if error.code() in UNKNOWN and time.monotonic() > given_up:
                disagree(topic, "the topic does not exist")
            time.sleep(0.5)
            continue
        if low > 0:
            disagree(topic, f"the records before offset {low} are missing")
        return int(end)
    raise ShutdownRequested


def _advance(index: EventIndex, before: Position, records: Sequence[LogRecord]) -> Position:
    last = records[-1]
    after = Position(last.seal.seq + 1, last.offset + 1, last.seal.sealed_at)
    index.advance(before, map(_indexed, records), after, more_follow=True)
    return after


def _indexed(record: LogRecord) -> IndexedEvent:
    return IndexedEvent(record.event.event_id, record.seal.seq, record.event.digest)


def disagree(topic: str, why: str) -> NoReturn:
    """Raises LogsDisagree."""
    raise LogsDisagree(MISMATCH.format(topic=topic, why=why))

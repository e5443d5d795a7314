"""Brings the index up to the end of audit.premis, and checks that the two agree."""

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from schemas.codec import PREFIX
from streams.audit.sealed_record import Seal, seal_of
from streams.kafka.messages import offset_of
from streams.runtime.run_loop import CannotContinue, ShutdownRequested
from streams.sealer.event_index import EventIndex, IndexedEvent, Position
from streams.sealer.validation import content_digest

log = logging.getLogger(__name__)

BATCH = 5000
MISMATCH = (
    "audit/index.db and the topic {topic} disagree: {why}. Nothing was sealed. If the topic is"
    " correct, move audit/index.db to another folder; the sealer rebuilds it. If the topic lost"
    " sealed records, restore the broker's data first."
)
"""What to do when the log and the index differ."""


class LogIsShorter(Exception):
    """The log lost sealed records: it ends at the first offset, the index at the second."""


@dataclass(frozen=True)
class LogRecord:
    """A sealed record as read back from audit.premis."""

    offset: int
    event_id: str
    digest: bytes
    seal: Seal


def catch_up(
    index: EventIndex, consumer: Consumer, topic: str, stopping: threading.Event
) -> Position:
    """Add to the index what the log has beyond it. Raises CannotContinue when the topic and the
    index disagree, LogIsShorter when the topic ends before them, ShutdownRequested when asked to
    stop."""
    position = index.position()
    # Start one record earlier: the last indexed record must still be there.
    start = max(position.next_offset - 1, 0)
    end = _end_of(consumer, topic, stopping)
    if end < position.next_offset:
        raise LogIsShorter(end, position.next_offset)
    consumer.assign([TopicPartition(topic, 0, start)])
    compared = position.next_offset == 0
    while True:
        if stopping.is_set():
            raise ShutdownRequested
        records, reached = _read(consumer, topic)
        if records and not compared:
            _compare(topic, index, records.pop(0), position)
            compared = True
        if records:
            position = _advance(topic, index, position, records)
        if reached is not None and reached >= end:
            if not compared:
                _fail(topic, f"seq {position.next_seq - 1} is not there")
            return position


def _end_of(consumer: Consumer, topic: str, stopping: threading.Event) -> int:
    while not stopping.is_set():
        try:
            return int(consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=5)[1])
        except KafkaException as error:
            log.warning("consumer error", extra={"error": str(error)})
            time.sleep(0.5)
    raise ShutdownRequested


def _read(consumer: Consumer, topic: str) -> tuple[list[LogRecord], int | None]:
    """Some records, and the offset of the end of the topic when it was reached."""
    records, reached = [], None
    for message in consumer.consume(BATCH, timeout=0.5):
        error = message.error()
        if error is None:
            records.append(_record(message))
        elif error.code() == KafkaError._PARTITION_EOF:
            reached = message.offset()
        elif error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
            _fail(topic, str(error))
        else:
            log.warning("consumer error", extra={"error": str(error)})
    return records, reached


def _record(message: Message) -> LogRecord:
    seal = seal_of(message.headers())
    value = message.value() or b"\x00" * PREFIX.size
    digest = content_digest(seal.schema_sha256, value)
    return LogRecord(offset_of(message), (message.key() or b"").decode(), digest, seal)


def _compare(topic: str, index: EventIndex, last: LogRecord, position: Position) -> None:
    """The last indexed record must be the same in the log."""
    indexed = index.find([last.event_id]).get(last.event_id)
    in_log = IndexedEvent(last.event_id, last.seal.seq, last.digest)
    if indexed != in_log or last.seal.seq != position.next_seq - 1:
        _fail(topic, f"offset {last.offset} has {in_log}, the index has {indexed}")


def _advance(
    topic: str, index: EventIndex, before: Position, records: Sequence[LogRecord]
) -> Position:
    for expected, record in enumerate(records, before.next_seq):
        if record.seal.seq != expected:
            _fail(topic, f"offset {record.offset} has seq {record.seal.seq}, expected {expected}")
    last = records[-1]
    after = Position(last.seal.seq + 1, last.offset + 1, last.seal.sealed_at)
    sealed = [IndexedEvent(one.event_id, one.seal.seq, one.digest) for one in records]
    index.advance(before, sealed, after)
    return after


def _fail(topic: str, why: str) -> NoReturn:
    raise CannotContinue(MISMATCH.format(topic=topic, why=why))

"""Brings the index up to the end of audit.premis, and checks that the two agree."""

import logging
import threading
import time
from collections.abc import Sequence
from typing import NoReturn

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from streams.runtime.run_loop import CannotContinue, ShutdownRequested
from streams.sealer.event_index import EventIndex, IndexedEvent, Position
from streams.sealer.log_order import LogOrder, LogRecord

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


def catch_up(
    index: EventIndex, consumer: Consumer, topic: str, stopping: threading.Event
) -> Position:
    """Add to the index what the log has beyond it. Raises CannotContinue when the topic and the
    index disagree, LogIsShorter when the topic ends before them, ShutdownRequested when asked to
    stop."""
    position = index.position()
    is_new = position.next_offset == 0
    # Start one record earlier: the last indexed record must still be there.
    start = max(position.next_offset - 1, 0)
    end = _end_of(consumer, topic, stopping)
    if end < position.next_offset:
        raise LogIsShorter(end, position.next_offset)
    consumer.assign([TopicPartition(topic, 0, start)])
    order, compared = LogOrder(position.next_seq - (not is_new)), is_new
    while True:
        if stopping.is_set():
            raise ShutdownRequested
        records, reached = _read(consumer, topic, order)
        if records and not compared:
            _compare(topic, index, records.pop(0), position)
            compared = True
        if records:
            position = _advance(index, position, records)
        if reached is not None and reached >= end:
            _check_end(topic, order, position, is_new, compared)
            return position


def _check_end(
    topic: str, order: LogOrder, position: Position, is_new: bool, compared: bool
) -> None:
    if not compared:
        _fail(topic, f"seq {position.next_seq - 1} is not there. {order.gap()}".strip())
    if not order.ahead:
        return
    if is_new:
        _fail(topic, order.gap())
    # The index has every number that this sealer gave, so no sealed record is missing.
    log.error("foreign records in the log", extra={"found": order.gap()})


def _end_of(consumer: Consumer, topic: str, stopping: threading.Event) -> int:
    while not stopping.is_set():
        try:
            return int(consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=5)[1])
        except KafkaException as error:
            log.warning("consumer error", extra={"error": str(error)})
            time.sleep(0.5)
    raise ShutdownRequested


def _read(consumer: Consumer, topic: str, order: LogOrder) -> tuple[list[LogRecord], int | None]:
    """Some sealed records, and the offset of the end of the topic when it was reached."""
    records, reached = [], None
    for message in consumer.consume(BATCH, timeout=0.5):
        error = message.error()
        if error is None:
            sealed, _ = order.take(message)  # the projector reports foreign records
            records += [sealed] if sealed else []
        elif error.code() == KafkaError._PARTITION_EOF:
            reached = message.offset()
        elif error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
            _fail(topic, str(error))
        else:
            log.warning("consumer error", extra={"error": str(error)})
    return records, reached


def _indexed(record: LogRecord) -> IndexedEvent:
    return IndexedEvent(record.event.event_id, record.seal.seq, record.event.digest)


def _compare(topic: str, index: EventIndex, last: LogRecord, position: Position) -> None:
    """The last indexed record must be the same in the log."""
    in_log = _indexed(last)
    indexed = index.find([in_log.event_id]).get(in_log.event_id)
    if indexed != in_log or in_log.seq != position.next_seq - 1:
        _fail(topic, f"offset {last.offset} has {in_log}, the index has {indexed}")


def _advance(index: EventIndex, before: Position, records: Sequence[LogRecord]) -> Position:
    last = records[-1]
    after = Position(last.seal.seq + 1, last.offset + 1, last.seal.sealed_at)
    index.advance(before, map(_indexed, records), after)
    return after


def _fail(topic: str, why: str) -> NoReturn:
    raise CannotContinue(MISMATCH.format(topic=topic, why=why))

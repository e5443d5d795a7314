"""Brings the sealer's index up to the end of audit.premis, and proves that the two agree."""

import logging
import threading
import time
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from schemas.codec import PREFIX
from streams.audit.sealed_record import Seal, seal_of
from streams.kafka.client import CLIENT
from streams.kafka.messages import offset_of
from streams.runtime.run_loop import MustEnd, Stopping
from streams.sealer.event_index import Index, Known, Position
from streams.sealer.validation import content_digest

log = logging.getLogger(__name__)

BATCH = 5000
DIFFERS = (
    "audit/index.db and the topic {topic} disagree: {why}. Nothing was sealed. If the topic is the"
    " right one, move audit/index.db away: it is built anew. If sealed records are gone from the"
    " topic, restore the broker's data first."
)
"""What to do when the log is not what it was."""


@dataclass(frozen=True)
class Sealed:
    """A sealed record as read back."""

    offset: int
    event_id: str
    digest: bytes
    seal: Seal


def catch_up(index: Index, brokers: str, topic: str, stopping: threading.Event) -> Position:
    """Read what the index does not know yet, to the end of the topic. Raises MustEnd when the topic
    and the index tell different stories, Stopping when asked to stop."""
    reader = Consumer(
        {
            **CLIENT,
            "bootstrap.servers": brokers,
            "group.id": "copystand.sealer.reads-back",
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
        }
    )
    try:
        return _caught_up(index, reader, topic, stopping)
    finally:
        reader.close()


def _caught_up(index: Index, reader: Consumer, topic: str, stopping: threading.Event) -> Position:
    position = index.position()
    # One record back: the last known one must still stand there.
    start = max(position.next_offset - 1, 0)
    end = _end_of(reader, topic, stopping)
    if end < position.next_offset:
        _differ(topic, f"it ends at offset {end}, sealed up to {position.next_offset}")
    reader.assign([TopicPartition(topic, 0, start)])
    seen_last = position.next_offset == 0
    while True:
        if stopping.is_set():
            raise Stopping
        sealed, reached = _read(reader, topic)
        if sealed and not seen_last:
            _same(topic, index, sealed.pop(0), position)
            seen_last = True
        if sealed:
            position = _advance(topic, index, position, sealed)
        if reached is not None and reached >= end:
            if not seen_last:
                _differ(topic, f"seq {position.next_seq - 1} is not there")
            return position


def _end_of(reader: Consumer, topic: str, stopping: threading.Event) -> int:
    while not stopping.is_set():
        try:
            return int(reader.get_watermark_offsets(TopicPartition(topic, 0), timeout=5)[1])
        except KafkaException as error:
            log.warning("waiting for the broker: %s", error)
            time.sleep(0.5)
    raise Stopping


def _read(reader: Consumer, topic: str) -> tuple[list[Sealed], int | None]:
    """Some records, and the offset at which the topic ended, when it did."""
    sealed, reached = [], None
    for message in reader.consume(BATCH, timeout=0.5):
        error = message.error()
        if error is None:
            sealed.append(_sealed(message))
        elif error.code() == KafkaError._PARTITION_EOF:
            reached = message.offset()
        elif error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
            _differ(topic, str(error))
        else:
            log.warning("waiting for the broker: %s", error)
    return sealed, reached


def _sealed(message: Message) -> Sealed:
    seal = seal_of(message.headers())
    value = message.value() or b"\x00" * PREFIX.size
    digest = content_digest(seal.schema_sha256, value)
    return Sealed(offset_of(message), (message.key() or b"").decode(), digest, seal)


def _same(topic: str, index: Index, last: Sealed, position: Position) -> None:
    known = index.find([last.event_id]).get(last.event_id)
    wanted = Known(last.event_id, last.seal.seq, last.digest)
    if known != wanted or last.seal.seq != position.next_seq - 1:
        _differ(topic, f"offset {last.offset} has {wanted}, known is {known}")


def _advance(topic: str, index: Index, before: Position, sealed: list[Sealed]) -> Position:
    for expected, one in enumerate(sealed, before.next_seq):
        if one.seal.seq != expected:
            _differ(topic, f"offset {one.offset} has seq {one.seal.seq}, expected {expected}")
    last = sealed[-1]
    after = Position(last.seal.seq + 1, last.offset + 1, last.seal.sealed_at)
    known = [Known(one.event_id, one.seal.seq, one.digest) for one in sealed]
    index.advance(before, known, after)
    return after


def _differ(topic: str, why: str) -> None:
    raise MustEnd(DIFFERS.format(topic=topic, why=why))

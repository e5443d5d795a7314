"""Reads the only partition of a topic from an offset to its end, with a client that reports it."""

import logging

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

log = logging.getLogger(__name__)

BATCH = 5000
WAIT_SECONDS = 0.5


class RecordsLost(Exception):
    """The broker does not have the offset from which it was asked to read."""


class PartitionReader:
    """The records from an offset on. The consumer must have `enable.partition.eof`, since the end
    is behind the marker of the last transaction, which is no record."""

    def __init__(self, consumer: Consumer, topic: str, start: int) -> None:
        self._consumer, self._reached = consumer, start
        consumer.assign([TopicPartition(topic, 0, start)])

    def is_at(self, end: int) -> bool:
        """Whether everything before this offset was read."""
        return self._reached >= end

    def read(self) -> list[Message]:
        """The next records; none after a while without one. Raises RecordsLost."""
        found = []
        for message in self._consumer.consume(BATCH, timeout=WAIT_SECONDS):
            error = message.error()
            if error is None:
                found.append(message)
            elif error.code() == KafkaError._PARTITION_EOF:
                self._reached = message.offset() or 0
            elif error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
                raise RecordsLost(str(error))
            else:
                log.warning("consumer error", extra={"error": str(error)})
        return found

"""Reads the records of audit.intake that are to be sealed, from the committed offset on."""

import logging
import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from streams.runtime.run_loop import CannotContinue, ShutdownRequested
from streams.sealer.transactions import REQUEST_SECONDS, RETRY_SECONDS
from streams.sealer.validation import ReadRecord, read_record

log = logging.getLogger(__name__)

BATCH = 1000
BATCH_SECONDS = 0.4
"""A transaction takes about eight flushes of the broker, for one event or for a thousand."""


class Intake:
    """The intake of one sealer. Its offsets are committed with the sealer's transactions."""

    def __init__(self, consumer: Consumer, topic: str, stopping: threading.Event) -> None:
        self._consumer, self._topic, self._stopping = consumer, topic, stopping
        self._thread = ThreadPoolExecutor(1, "intake")
        self._ahead: Future[list[ReadRecord]] | None = None
        """The next records, while there are many: they are read while the last ones are sealed."""

    def seek(self, sealed_up_to: int | None) -> int:
        """Read on from the committed offset, but not behind what is certainly sealed. The offset is
        returned. Raises ShutdownRequested."""
        self._forget_ahead()
        # Without a committed offset everything is read again; sealed events are then dropped.
        start = max(self._committed(), 0)
        if sealed_up_to is not None and start > sealed_up_to:
            # Whoever may write to the group could let records be passed over.
            moved = {"committed": start, "sealed_up_to": sealed_up_to}
            log.error("the committed offset is not this sealer's", extra=moved)
            start = sealed_up_to
        self._consumer.assign([TopicPartition(self._topic, 0, start)])
        return start

    def poll(self) -> list[ReadRecord]:
        """The next records. Raises CannotContinue when some are lost."""
        ahead, self._ahead = self._ahead, None
        records = ahead.result() if ahead else self._read()
        if len(records) >= BATCH:
            self._ahead = self._thread.submit(self._read)
        return records

    def _read(self) -> list[ReadRecord]:
        records = []
        for message in self._consumer.consume(BATCH, timeout=BATCH_SECONDS):
            error = message.error()
            if error is None:
                records.append(read_record(message))
            elif error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
                self._continue_at_the_end(error)
            else:
                log.warning("consumer error", extra={"error": str(error)})
        return records

    def _forget_ahead(self) -> None:
        """The records are read again, from another offset."""
        ahead, self._ahead = self._ahead, None
        if ahead:
            wait([ahead])

    def _committed(self) -> int:
        """The committed offset; negative without one. Raises ShutdownRequested."""
        start = TopicPartition(self._topic, 0)
        while True:
            try:
                return int(self._consumer.committed([start], timeout=REQUEST_SECONDS)[0].offset)
            except KafkaException as error:
                log.warning("consumer error", extra={"error": str(error)})
            if self._stopping.wait(RETRY_SECONDS):
                raise ShutdownRequested

    def rewind(self, _: float) -> None:
        """Let everything be read again. Raises KafkaException."""
        start = TopicPartition(self._topic, 0, 0)
        self._consumer.commit(offsets=[start], asynchronous=False)

    def close(self) -> None:
        """Close the consumer."""
        self._forget_ahead()
        self._consumer.close()

    def _continue_at_the_end(self, error: KafkaError) -> None:
        """Continue where the intake ends, if it lost records that are sealed. Raises CannotContinue
        if it lost others."""
        intake = TopicPartition(self._topic, 0)
        _, end = self._consumer.get_watermark_offsets(intake, timeout=REQUEST_SECONDS)
        committed = self._consumer.committed([intake], timeout=REQUEST_SECONDS)[0].offset
        if committed <= end:
            raise CannotContinue(f"the intake lost records that were not sealed: {error}")
        log.error("intake lost sealed records", extra={"end": end, "sealed_up_to": committed})
        self._consumer.assign([TopicPartition(self._topic, 0, end)])

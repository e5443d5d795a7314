"""The sealer role: numbers every event of audit.intake once and writes it to audit.premis."""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)

from schemas.models import Producer as MadeBy
from streams.audit.sealed_record import Seal, headers_of
from streams.kafka.messages import offset_of
from streams.runtime.role_files import announce_ready
from streams.runtime.run_loop import CannotContinue, ShutdownRequested, run_until_shutdown
from streams.sealer.clients import SealerTopics
from streams.sealer.event_index import EventIndex, IndexedEvent, Position
from streams.sealer.plan import plan
from streams.sealer.recovery import LogIsShorter, catch_up
from streams.sealer.validation import ValidEvent, intake_record
from streams.settings import Settings

log = logging.getLogger(__name__)

PRODUCER_NAME = "copystand/sealer"
BATCH = 1000
BATCH_SECONDS = 0.5
"""A transaction takes about eight flushes of the broker, for one event or for a thousand."""
REQUEST_SECONDS = 5.0
RETRY_SECONDS = 0.2
FENCED = (
    KafkaError._FENCED,
    KafkaError.PRODUCER_FENCED,
    KafkaError.INVALID_PRODUCER_EPOCH,
)


@dataclass(frozen=True)
class SealerAdapters:
    """What the sealer works with."""

    producer: Producer
    consumer: Consumer
    open_log: Callable[[], Consumer]
    """Opens a consumer of audit.premis, which the sealer closes."""
    index: EventIndex
    anomalies: Path
    """Folder of the records that cannot be sealed."""


class TransactionAborted(Exception):
    """The transaction was aborted, or its outcome must be read from the log."""


def run_sealer(settings: Settings, make_sealer: Callable[[threading.Event], "Sealer"]) -> None:
    """Seal until SIGTERM. Ends the process with 70 when another sealer has taken over.

    `make_sealer` gets the event that is set when the sealer is to stop."""

    def work(stopping: threading.Event) -> None:
        sealer = make_sealer(stopping)
        sealer.start()
        announce_ready(settings, "sealer")
        sealer.run()

    run_until_shutdown(settings, "sealer", work)


class Sealer:
    """Seals events: records and intake offsets in one transaction, then the index."""

    def __init__(
        self,
        adapters: SealerAdapters,
        topics: SealerTopics,
        made_by: MadeBy,
        stopping: threading.Event,
    ) -> None:
        self._producer, self._consumer = adapters.producer, adapters.consumer
        self._open_log, self._index = adapters.open_log, adapters.index
        self._anomalies = adapters.anomalies
        self._topics, self._made_by, self._stopping = topics, made_by, stopping
        self._position = self._index.position()

    def start(self) -> None:
        """Fence the previous sealer, bring the index up to date, and seek the intake."""
        self._retry("init_transactions", self._producer.init_transactions)
        self._recover()

    def run(self) -> None:
        """Seal batch after batch until asked to stop."""
        while not self._stopping.is_set():
            messages = self.poll()
            if not messages:
                continue
            try:
                self.seal(messages)
            except TransactionAborted as aborted:
                log.warning("transaction aborted", extra={"error": str(aborted)})
                self._recover()
        self.close()

    def close(self) -> None:
        """Close the consumer and the index."""
        self._consumer.close()
        self._index.close()

    def poll(self) -> list[Message]:
        """The next records of the intake. Raises CannotContinue when some are lost."""
        messages = []
        for message in self._consumer.consume(BATCH, timeout=BATCH_SECONDS):
            error = message.error()
            if error is None:
                messages.append(message)
            elif error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
                self._continue_at_the_end(error)
            else:
                log.warning("consumer error", extra={"error": str(error)})
        return messages

    def seal(self, messages: list[Message]) -> None:
        """Seal these records of the intake. Raises TransactionAborted."""
        before = self._position
        events = plan(
            [intake_record(message) for message in messages],
            self._index.find,
            before.next_seq,
            self._anomalies,
            self._made_by,
        )
        # After a clock was set back, an event must not be dated before the previous one.
        sealed_at = max(time.time_ns() // 1000, before.sealed_at)
        offsets = self._transact(events, sealed_at, offset_of(messages[-1]) + 1)
        last_offset = max(offsets, default=before.next_offset - 1)
        after = Position(before.next_seq + len(events), last_offset + 1, sealed_at)
        sealed = [
            IndexedEvent(one.event_id, seq, one.digest)
            for seq, one in enumerate(events, before.next_seq)
        ]
        self._index.advance(before, sealed, after)
        self._position = after

    def _transact(self, events: list[ValidEvent], sealed_at: int, next_intake: int) -> list[int]:
        """Write events in one transaction; the offsets that they got on audit.premis."""
        offsets: list[int] = []

        def delivered(error: KafkaError | None, message: Message) -> None:
            if error is None:
                offsets.append(offset_of(message))

        reached = [TopicPartition(self._topics.intake, 0, next_intake)]
        group = self._consumer.consumer_group_metadata()
        try:
            self._producer.begin_transaction()
            for seq, one in enumerate(events, self._position.next_seq):
                self._producer.produce(
                    self._topics.premis,
                    key=one.event_id.encode(),
                    value=one.value,
                    partition=0,
                    headers=headers_of(Seal(seq, sealed_at, one.schema_sha256)),
                    on_delivery=delivered,
                )
        except KafkaException as error:
            self._abort(error)
        self._retry(
            "send_offsets",
            lambda seconds: self._producer.send_offsets_to_transaction(reached, group, seconds),
        )
        self._retry("commit", self._producer.commit_transaction)
        if len(offsets) != len(events):  # committed, but the offsets are unknown: read the topic
            raise TransactionAborted("delivery reports are missing")
        return offsets

    def _retry(self, call_name: str, call: Callable[[float], object]) -> None:
        """Repeat a call while the broker is unavailable. Raises TransactionAborted, CannotContinue,
        ShutdownRequested."""
        while True:
            try:
                call(REQUEST_SECONDS)
                return
            except KafkaException as failure:
                error = failure.args[0]
                _check_fatal(error, failure)
                if not error.retriable():
                    self._abort(failure)
                log.warning("producer error", extra={"call": call_name, "error": str(error)})
            if self._stopping.wait(RETRY_SECONDS):
                raise ShutdownRequested

    def _abort(self, failure: KafkaException) -> NoReturn:
        """Abort the transaction. Raises TransactionAborted, CannotContinue, ShutdownRequested."""
        _check_fatal(failure.args[0], failure)
        while True:
            try:
                self._producer.abort_transaction(REQUEST_SECONDS)
                break
            except KafkaException as again:
                if not again.args[0].retriable():
                    raise CannotContinue(_reason(again.args[0])) from again
            if self._stopping.wait(RETRY_SECONDS):
                raise ShutdownRequested
        raise TransactionAborted(str(failure.args[0])) from failure

    def _recover(self) -> None:
        """Bring the index up to the log, and seek the intake to the offset committed with it."""
        try:
            self._catch_up()
        except LogIsShorter as shorter:
            # What is missing is sealed again from the intake, with new numbers.
            self._read_intake_again(shorter)
            self._catch_up()
        start = TopicPartition(self._topics.intake, 0)
        while True:
            try:
                committed = self._consumer.committed([start], timeout=REQUEST_SECONDS)[0]
                break
            except KafkaException as error:
                log.warning("consumer error", extra={"error": str(error)})
            if self._stopping.wait(RETRY_SECONDS):
                raise ShutdownRequested
        # Without a committed offset everything is read again; sealed events are then dropped.
        start.offset = max(committed.offset, 0)
        self._consumer.assign([start])
        log.info(
            "sealing",
            extra={"next_seq": self._position.next_seq, "intake_offset": start.offset},
        )

    def _catch_up(self) -> None:
        with closing(self._open_log()) as consumer:
            topic = self._topics.premis
            self._position = catch_up(self._index, consumer, topic, self._stopping)

    def _read_intake_again(self, shorter: LogIsShorter) -> None:
        """Forget the index, after the intake is set to its beginning: a crash repeats both."""
        end, sealed = shorter.args
        log.error("log lost sealed records", extra={"end": end, "sealed_up_to": sealed})
        start = TopicPartition(self._topics.intake, 0, 0)
        self._retry("rewind", lambda _: self._consumer.commit(offsets=[start], asynchronous=False))
        self._index.clear()

    def _continue_at_the_end(self, error: KafkaError) -> None:
        """Continue where the intake ends, if it lost records that are sealed. Raises CannotContinue
        if it lost others."""
        intake = TopicPartition(self._topics.intake, 0)
        _, end = self._consumer.get_watermark_offsets(intake, timeout=REQUEST_SECONDS)
        committed = self._consumer.committed([intake], timeout=REQUEST_SECONDS)[0].offset
        if committed <= end:
            raise CannotContinue(f"the intake lost records that were not sealed: {error}")
        log.error("intake lost sealed records", extra={"end": end, "sealed_up_to": committed})
        self._consumer.assign([TopicPartition(self._topics.intake, 0, end)])


def _check_fatal(error: KafkaError, failure: KafkaException) -> None:
    """Raises CannotContinue for an error that no retry removes."""
    if error.fatal() or error.code() in FENCED:
        raise CannotContinue(_reason(error)) from failure


def _reason(error: KafkaError) -> str:
    if error.code() in FENCED:
        return f"another sealer has taken over; this one seals nothing more: {error}"
    return f"the transactional producer failed: {error}"

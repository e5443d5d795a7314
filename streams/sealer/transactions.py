"""Writes sealed records to the log in transactions, each with the offset of the intake that it
reaches."""

import logging
import threading
from collections.abc import Callable, Iterable
from typing import NoReturn

from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)

from streams.audit.sealed_record import SealedRecord, headers_of
from streams.kafka.messages import offset_of
from streams.runtime.run_loop import CannotContinue, ShutdownRequested
from streams.sealer.clients import SealerTopics
from streams.sealer.record_proofs import HEADER, proof_of

log = logging.getLogger(__name__)

REQUEST_SECONDS = 5.0
RETRY_SECONDS = 0.2
FENCED = (
    KafkaError._FENCED,
    KafkaError.PRODUCER_FENCED,
    KafkaError.INVALID_PRODUCER_EPOCH,
)


class TransactionAborted(Exception):
    """The transaction was aborted, or its outcome must be read from the log."""


class Transactions:
    """The transactions of one sealer."""

    def __init__(
        self,
        producer: Producer,
        consumer: Consumer,
        topics: SealerTopics,
        stopping: threading.Event,
        proof_key: Callable[[], bytes],
    ) -> None:
        """`proof_key` gives the present key of the proofs about records."""
        self._producer, self._consumer = producer, consumer
        self._topics, self._stopping = topics, stopping
        self._proof_key = proof_key

    def use(self, topics: SealerTopics) -> None:
        """Write to other topics from here on."""
        self._topics = topics

    def begin(self) -> None:
        """Fence the previous sealer. Raises CannotContinue, ShutdownRequested."""
        self.retry("init_transactions", self._producer.init_transactions)

    def write(self, records: Iterable[SealedRecord], next_intake: int | None = None) -> list[int]:
        """Write records in one transaction; the offsets that they got on audit.premis. The intake
        is read up to an offset, if that is given.

        Raises TransactionAborted, CannotContinue, ShutdownRequested."""
        offsets: list[int] = []
        written, key = 0, self._proof_key()

        def delivered(error: KafkaError | None, message: Message) -> None:
            if error is None:
                offsets.append(offset_of(message))

        try:
            self._producer.begin_transaction()
            for record in records:
                self._producer.produce(
                    self._topics.premis,
                    key=record.event_id.encode(),
                    value=record.value,
                    partition=0,
                    headers=[*headers_of(record.seal), (HEADER, proof_of(record.leaf, key))],
                    on_delivery=delivered,
                )
                written += 1
        except KafkaException as error:
            self._abort(error)
        if next_intake is not None:
            self._send_offset(next_intake)
        self.retry("commit", self._producer.commit_transaction)
        if len(offsets) != written:  # committed, but the offsets are unknown: read the topic
            raise TransactionAborted("delivery reports are missing")
        return offsets

    def retry(self, call_name: str, call: Callable[[float], object]) -> None:
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

    def _send_offset(self, next_intake: int) -> None:
        reached = [TopicPartition(self._topics.intake, 0, next_intake)]
        group = self._consumer.consumer_group_metadata()
        self.retry(
            "send_offsets",
            lambda seconds: self._producer.send_offsets_to_transaction(reached, group, seconds),
        )

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


def _check_fatal(error: KafkaError, failure: KafkaException) -> None:
    """Raises CannotContinue for an error that no retry removes."""
    if error.fatal() or error.code() in FENCED:
        raise CannotContinue(_reason(error)) from failure


def _reason(error: KafkaError) -> str:
    if error.code() in FENCED:
        return f"another sealer has taken over; this one seals nothing more: {error}"
    return f"the transactional producer failed: {error}"

"""The role that seals: numbers every event of audit.intake once and writes it to audit.premis."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)

from schemas.catalogue import AUDIT_INTAKE, AUDIT_PREMIS
from schemas.models import Producer as MadeBy
from streams.audit.sealed_record import Seal, headers_of
from streams.kafka.client import CLIENT
from streams.kafka.messages import offset_of
from streams.runtime.role_files import announce_ready
from streams.runtime.run_loop import MustEnd, Stopping, live
from streams.runtime.worker_name import worker_name
from streams.sealer.event_index import Index, Known, Position
from streams.sealer.plan import plan
from streams.sealer.recovery import catch_up
from streams.sealer.validation import Sealable, arrival_of
from streams.settings import Settings, software_version

log = logging.getLogger(__name__)

PRODUCER_NAME = "copystand/sealer"
BATCH = 256
BATCH_SECONDS = 0.2
PATIENCE_SECONDS = 5.0
TRANSACTION_MS = 30_000
FENCED = (
    KafkaError._FENCED,
    KafkaError.PRODUCER_FENCED,
    KafkaError.INVALID_PRODUCER_EPOCH,
)


@dataclass(frozen=True)
class SealingLine:
    """Between which topics events are sealed, and under which names."""

    intake: str = AUDIT_INTAKE.name
    premis: str = AUDIT_PREMIS.name
    group: str = "copystand.sealer"
    transactional_id: str = "copystand-sealer"


class Aborted(Exception):
    """The transaction was given up, or its outcome must be read from the log."""


def run_sealer(settings: Settings, line: SealingLine | None = None) -> None:
    """Seal until SIGTERM. Ends the process with 70 when another sealer has taken over."""

    def work(stopping: threading.Event) -> None:
        worker = worker_name(settings, "sealer")
        between = line or SealingLine()
        sealer = Sealer(settings.kafka, settings.home / "audit", between, stopping, worker)
        sealer.start()
        announce_ready(settings, "sealer")
        sealer.run()

    live(settings, "sealer", work)


class Sealer:
    """Seals what comes: records and intake offsets in one transaction, then the index."""

    def __init__(
        self,
        brokers: str,
        folder: Path,
        line: SealingLine,
        stopping: threading.Event,
        worker: str | None = None,
    ) -> None:
        self._brokers, self._folder, self._line, self._stopping = brokers, folder, line, stopping
        self._index = Index(folder / "index.db")
        self._position = self._index.position()
        self._made_by = MadeBy(name=PRODUCER_NAME, version=software_version(), worker=worker)
        self._producer = Producer(
            {
                **CLIENT,
                "bootstrap.servers": brokers,
                "transactional.id": line.transactional_id,
                "transaction.timeout.ms": TRANSACTION_MS,
                "message.timeout.ms": TRANSACTION_MS,
                "linger.ms": 5,
                "compression.type": "lz4",
                "partitioner": "murmur2_random",
            }
        )
        self._consumer = Consumer(
            {
                **CLIENT,
                "bootstrap.servers": brokers,
                "group.id": line.group,
                "enable.auto.commit": False,
                "auto.offset.reset": "error",
            }
        )

    def start(self) -> None:
        """Fence who sealed before, learn what is sealed, and stand where the intake was left."""
        self._patiently("init_transactions", self._producer.init_transactions)
        self._recover()

    def run(self) -> None:
        """Seal batch after batch until asked to stop."""
        while not self._stopping.is_set():
            messages = self._arrived()
            if not messages:
                continue
            try:
                self.seal(messages)
            except Aborted as aborted:
                log.warning("transaction aborted, sealing again: %s", aborted)
                self._recover()
        self._consumer.close()
        self._index.close()

    def seal(self, messages: list[Message]) -> None:
        """Seal these records of the intake. Raises Aborted: the log must say what is sealed."""
        before = self._position
        chosen = plan(
            [arrival_of(message) for message in messages],
            self._index.find,
            before.next_seq,
            self._folder / "anomalies",
            self._made_by,
        )
        # A clock that was set back must not date an event before the one sealed earlier.
        sealed_at = max(time.time_ns() // 1000, before.sealed_at)
        offsets = self._transact(chosen, sealed_at, offset_of(messages[-1]) + 1)
        last_offset = max(offsets, default=before.next_offset - 1)
        after = Position(before.next_seq + len(chosen), last_offset + 1, sealed_at)
        known = [
            Known(one.event_id, seq, one.digest) for seq, one in enumerate(chosen, before.next_seq)
        ]
        self._index.advance(before, known, after)
        self._position = after

    def _arrived(self) -> list[Message]:
        messages = []
        for message in self._consumer.consume(BATCH, timeout=BATCH_SECONDS):
            error = message.error()
            if error is None:
                messages.append(message)
            elif error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
                raise MustEnd(f"the intake lost records that were not sealed yet: {error}")
            else:
                log.warning("waiting for the broker: %s", error)
        return messages

    def _transact(self, chosen: list[Sealable], sealed_at: int, next_intake: int) -> list[int]:
        """One transaction; the offsets that its records got on audit.premis."""
        offsets: list[int] = []

        def delivered(error: KafkaError | None, message: Message) -> None:
            if error is None:
                offsets.append(offset_of(message))

        reached = [TopicPartition(self._line.intake, 0, next_intake)]
        group = self._consumer.consumer_group_metadata()
        try:
            self._producer.begin_transaction()
            for seq, one in enumerate(chosen, self._position.next_seq):
                self._producer.produce(
                    self._line.premis,
                    key=one.event_id.encode(),
                    value=one.value,
                    partition=0,
                    headers=headers_of(Seal(seq, sealed_at, one.schema_sha256)),
                    on_delivery=delivered,
                )
        except KafkaException as error:
            self._abort(error)
        self._patiently(
            "send_offsets",
            lambda seconds: self._producer.send_offsets_to_transaction(reached, group, seconds),
        )
        self._patiently("commit", self._producer.commit_transaction)
        if len(offsets) != len(chosen):  # committed, yet not told where: the topic tells
            raise Aborted("delivery reports are missing")
        return offsets

    def _patiently(self, what: str, call: Callable[[float], object]) -> None:
        """Repeat a call while the broker is away. Raises Aborted, MustEnd or Stopping."""
        while True:
            try:
                call(PATIENCE_SECONDS)
                return
            except KafkaException as error:
                told = error.args[0]
                if told.fatal() or told.code() in FENCED:
                    raise MustEnd(_why(told)) from error
                if not told.retriable():
                    self._abort(error)
                log.warning("waiting for the broker in %s: %s", what, told)
            if self._stopping.wait(0.2):
                raise Stopping

    def _abort(self, error: KafkaException) -> None:
        """Give the transaction up. Always raises."""
        told = error.args[0]
        if told.fatal() or told.code() in FENCED:
            raise MustEnd(_why(told)) from error
        while True:
            try:
                self._producer.abort_transaction(PATIENCE_SECONDS)
                break
            except KafkaException as again:
                if not again.args[0].retriable():
                    raise MustEnd(_why(again.args[0])) from again
            if self._stopping.wait(0.2):
                raise Stopping
        raise Aborted(str(told)) from error

    def _recover(self) -> None:
        """Agree with the log again, and read the intake from the last offset committed with it."""
        self._position = catch_up(self._index, self._brokers, self._line.premis, self._stopping)
        start = TopicPartition(self._line.intake, 0)
        while True:
            try:
                committed = self._consumer.committed([start], timeout=PATIENCE_SECONDS)[0]
                break
            except KafkaException as error:
                log.warning("waiting for the broker: %s", error)
            if self._stopping.wait(0.2):
                raise Stopping
        # Without a committed offset everything is read again; what is sealed is known and dropped.
        start.offset = max(committed.offset, 0)
        self._consumer.assign([start])
        log.info(
            "sealing",
            extra={"next_seq": self._position.next_seq, "intake_offset": start.offset},
        )


def _why(error: KafkaError) -> str:
    if error.code() in FENCED:
        return f"another sealer has taken over, nothing more is sealed here: {error}"
    return f"the transactional producer cannot go on: {error}"

"""The sealer role: numbers every event of audit.intake once and writes it to audit.premis."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from confluent_kafka import Consumer, Producer

from schemas.models import Producer as MadeBy
from streams.audit.generations import is_later, topic_of
from streams.audit.sealed_record import Seal, SealedRecord
from streams.runtime.role_files import announce_ready
from streams.runtime.run_loop import ShutdownRequested, run_until_shutdown
from streams.sealer.checkpoints import Checkpoints
from streams.sealer.clients import SealerTopics
from streams.sealer.event_index import EventIndex, IndexedEvent, Position
from streams.sealer.intake import BATCH, Intake
from streams.sealer.later_checkpoints import LaterCheckpoints
from streams.sealer.log_requests import RESTORE_TOPIC, LogRequest, LogRequests, event_of
from streams.sealer.plan import plan
from streams.sealer.recovery import LogsDisagree, catch_up
from streams.sealer.sealed_log import SealedLog
from streams.sealer.signing import SigningKeys
from streams.sealer.topic_check import EVERY_SECONDS, TopicCheck
from streams.sealer.transactions import (
    RETRY_SECONDS,
    TransactionAborted,
    Transactions,
)
from streams.sealer.validation import ReadRecord, ValidEvent
from streams.settings import Settings

log = logging.getLogger(__name__)

PRODUCER_NAME = "copystand/sealer"
LOOK_SECONDS = 0.5


@dataclass(frozen=True)
class SealerAdapters:
    """What the sealer works with."""

    producer: Producer
    consumer: Consumer
    open_log: Callable[[], Consumer]
    """Opens a consumer of audit.premis, which the sealer closes."""
    index: EventIndex
    sealed: SealedLog
    checkpoints: Checkpoints
    keys: SigningKeys
    requests: LogRequests
    anomalies: Path
    """Folder of the records that cannot be sealed."""
    wait_for: Callable[[str], None]
    """Tells the operator why nothing is sealed; an empty text when it is."""


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
    """Seals events: records and intake offsets in one transaction, then log, index, checkpoint."""

    def __init__(
        self,
        adapters: SealerAdapters,
        topics: SealerTopics,
        made_by: MadeBy,
        stopping: threading.Event,
    ) -> None:
        self._intake = Intake(adapters.consumer, topics.intake, stopping)
        self._open_log = adapters.open_log
        self._index, self._sealed = adapters.index, adapters.sealed
        self._checkpoints, self._anomalies = adapters.checkpoints, adapters.anomalies
        self._keys, self._requests = adapters.keys, adapters.requests
        self._wait_for = adapters.wait_for
        self._first_topic, self._made_by, self._stopping = topics.premis, made_by, stopping
        self._topics = replace(topics, premis=topic_of(self._checkpoints.newest, topics.premis))
        proof_key = self._checkpoints.proof_key
        self._transactions = Transactions(
            adapters.producer, adapters.consumer, self._topics, stopping, proof_key
        )
        self._sealed.trust(proof_key)
        self._topic_check = TopicCheck(self._open_log, self._topics.premis, self._index, stopping)
        self._later = LaterCheckpoints(self._open_log, topics.checkpoints, stopping)
        self._position = self._index.position()

    def start(self) -> None:
        """Fence the previous sealer, bring log and index up to date, and seek the intake."""
        self._transactions.begin()
        self._recover_until_logs_agree()
        self._checkpoints.publish_newest(self._sealed.store)

    def run(self) -> None:
        """Seal batch after batch until asked to stop. While topic and log disagree, wait."""
        while not self._stopping.is_set():
            try:
                if records := self.poll():
                    self.seal(records)
                self._checkpoints.sign_if_due(self._sealed.store)
                self._topic_check.check_if_due(self._sealed)
                self._carry_out_requests()
            except TransactionAborted as aborted:
                log.warning("transaction aborted", extra={"error": str(aborted)})
                self._recover_until_logs_agree()
            except LogsDisagree as different:
                self._wait(different)
                self._recover_until_logs_agree()
        self.close()

    def close(self) -> None:
        """Sign what was sealed, and close the files and the consumer."""
        self._checkpoints.close(self._sealed.store)
        self._intake.close()
        self._index.close()
        self._sealed.store.close()

    def poll(self) -> list[ReadRecord]:
        """The next records of the intake. Raises CannotContinue when some are lost."""
        return self._intake.poll()

    def seal(self, records: list[ReadRecord]) -> None:
        """Seal these records of the intake. Raises TransactionAborted."""
        events = plan(
            records,
            self._index.find,
            self._position.next_seq,
            self._anomalies,
            self._made_by,
        )
        first, last = records[0].offset, records[-1].offset
        self._write(events, (first, last + 1), more_follow=len(records) >= BATCH)

    def _write(
        self,
        events: Sequence[ValidEvent],
        intake: tuple[int, int] | None = None,
        more_follow: bool = False,
    ) -> None:
        """Give events the next numbers. `intake` is the first offset that they were read from, and
        the one behind the last. Raises TransactionAborted."""
        before = self._position
        # After a clock was set back, an event must not be dated before the previous one.
        sealed_at = max(time.time_ns() // 1000, before.sealed_at)
        records = [
            SealedRecord(one.event_id, one.value, Seal(seq, sealed_at, one.schema_sha256))
            for seq, one in enumerate(events, before.next_seq)
        ]
        self._sealed.plan(records, intake)
        offsets = self._transactions.write(records, intake[1] if intake else None)
        self._sealed.append_planned()
        last_offset = max(offsets, default=before.next_offset - 1)
        after = Position(before.next_seq + len(events), last_offset + 1, sealed_at)
        indexed = [
            IndexedEvent(one.event_id, seq, one.digest)
            for seq, one in enumerate(events, before.next_seq)
        ]
        self._index.advance(before, indexed, after, more_follow)
        self._position = after

    def _recover_until_logs_agree(self) -> None:
        """Recover; while the topic does not have what was sealed, wait and look again."""
        while True:
            try:
                if request := self._requests.get(RESTORE_TOPIC):
                    self._restore_topic(request)
                self._recover()
                self._wait_for("")
                return
            except LogsDisagree as different:
                self._wait(different)
            except TransactionAborted as aborted:
                log.warning("transaction aborted", extra={"error": str(aborted)})
                if self._stopping.wait(RETRY_SECONDS):
                    raise ShutdownRequested from None

    def _wait(self, different: LogsDisagree) -> None:
        log.error("topic and sealed log disagree", extra={"found": str(different)})
        self._wait_for(str(different))
        # A request that has failed is tried again after the same time as everything else.
        known, until = self._requests.get(RESTORE_TOPIC), time.monotonic() + EVERY_SECONDS
        while time.monotonic() < until and self._requests.get(RESTORE_TOPIC) == known:
            if self._stopping.wait(LOOK_SECONDS):
                raise ShutdownRequested

    def _carry_out_requests(self) -> None:
        """Do what an operator has asked for. Raises LogsDisagree, TransactionAborted."""
        for request in self._requests.open():
            if request.kind == RESTORE_TOPIC:
                self._restore_topic(request)
            else:
                self._rotate_key(request)

    def _restore_topic(self, request: LogRequest) -> None:
        """Publish all sealed events again, as another topic, and name it in a checkpoint. After a
        crash, the request is still there, and what the new topic has already is not sent again."""
        if is_later(request.subject, topic_of(self._checkpoints.newest, self._first_topic)):
            self._topics = replace(self._topics, premis=request.subject)
            self._transactions.use(self._topics)
            self._topic_check.use(self._topics.premis)
            self._index.clear()
            self._recover()
            self._record(request)
            self._checkpoints.name_topic(self._sealed.store, request.subject)
            log.warning("log published again", extra={"topic": request.subject})
        self._requests.close(request)

    def _rotate_key(self, request: LogRequest) -> None:
        """Let a new key sign. A request that was carried out before a crash names an older key."""
        if request.subject == self._checkpoints.key:
            self._record(request)
            following = self._keys.following(self._checkpoints.name)
            self._keys.complete(self._checkpoints.hand_over(self._sealed.store, following))
            log.warning("key replaced", extra={"key": self._checkpoints.key})
        self._requests.close(request)

    def _record(self, request: LogRequest) -> None:
        """Seal the event about a request, unless that was done before a crash."""
        event = event_of(request, self._sealed.size, self._made_by)
        if not self._index.find([event.event_id]):
            self._write([event])

    def _recover(self) -> None:
        """Bring log and index up to the topic, the topic up to the log, and seek the intake."""
        known = self._index.position().next_seq
        self._catch_up()
        self._checkpoints.check(self._sealed.store)
        self._later.check(self._sealed.store, self._checkpoints.newest)
        if self._position.next_seq < self._sealed.size:
            self._publish_again()
            self._catch_up()
        elif self._position.next_seq < known:
            # Only an index without a log knew them: they are sealed again, with new numbers.
            lost = {"end": self._position.next_seq, "sealed_up_to": known}
            log.error("log lost sealed records", extra=lost)
            self._transactions.retry("rewind", self._intake.rewind)
        self._topic_check.check_end(self._sealed)
        start = self._intake.seek(self._sealed.intake_end())
        log.info("sealing", extra={"next_seq": self._position.next_seq, "intake_offset": start})

    def _catch_up(self) -> None:
        self._sealed.read_plan()
        with closing(self._open_log()) as consumer:
            self._position = catch_up(
                self._index, self._sealed, consumer, self._topics.premis, self._stopping
            )

    def _publish_again(self) -> None:
        """Write the events that the topic lost at its end, with their numbers."""
        lost = {"end": self._position.next_seq, "sealed_up_to": self._sealed.size}
        log.error("log lost sealed records", extra=lost)
        for records in self._sealed.portions(self._position.next_seq):
            self._transactions.write(records)

"""The projector role: copies audit.premis to PostgreSQL, every event once and in order."""

import logging
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import psycopg
from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from schemas.models import Producer
from streams.audit.sealed_record import SealedRecord
from streams.audit.signed_leaves import NotSignedYet, SignedLeaves
from streams.kafka.messages import offset_of
from streams.projector.findings import Report, of_record, of_rows
from streams.projector.log_topic import commit_offset, is_end
from streams.projector.position import Position
from streams.projector.row_writer import Batch, RowWriter
from streams.projector.rows import QUERY, Row, row_of_fields
from streams.projector.signed_rows import SignedRows
from streams.runtime.fatal_errors import PROJECTION_AHEAD
from streams.runtime.role_files import announce_ready
from streams.runtime.run_loop import CannotContinue, ShutdownRequested, run_until_shutdown
from streams.sealer.log_order import ForeignRecord, LogOrder, LogRecord
from streams.settings import Settings
from streams.transparency_log.note import BadNote
from streams.transparency_log.tiles import DamagedLog

log = logging.getLogger(__name__)

BATCH = 2000
BATCH_SECONDS = 0.2
REQUEST_SECONDS = 30.0
FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 10.0
LOOK_SECONDS = 5.0
"""Between two looks for rows that the projector did not write."""
SWITCH_SECONDS = 0.0005
"""After which a thread lets another one run; Python has 5 ms. The thread that writes rows waits for
its turn after each 128 KB that the server has taken, and the server waits for it."""

Connection = psycopg.Connection[Any]


def run_projector(
    settings: Settings,
    make_projector: Callable[[], "Projector"],
    connect: Callable[[], Connection],
) -> None:
    """Project until SIGTERM. At a gap of the log it waits and skips nothing."""

    def work(stopping: threading.Event) -> None:
        projector = make_projector()
        ready = False
        pause = FIRST_PAUSE_SECONDS
        sys.setswitchinterval(SWITCH_SECONDS)
        while not stopping.is_set():
            try:
                with connect() as connection:
                    projector.resume(connection)
                    if not ready:
                        announce_ready(settings, "projector")
                        ready = True
                    pause = FIRST_PAUSE_SECONDS
                    while not stopping.is_set():
                        projector.step(connection)
                    projector.finish()
            except psycopg.OperationalError as error:
                log.warning("database unavailable", extra={"error": str(error).strip()})
                if stopping.wait(pause):
                    raise ShutdownRequested from None
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
        projector.close()

    run_until_shutdown(settings, "projector", work)


class ProjectionAhead(CannotContinue):
    """The table has events that the log does not have."""

    code = PROJECTION_AHEAD


class Projector:
    """Copies sealed events; rows and position change in one transaction."""

    def __init__(
        self,
        consumer: Consumer,
        leaves: SignedLeaves,
        report: Report,
        wait_for: Callable[[str], None],
        made_by: Producer,
    ) -> None:
        """A projector of the topic that the log names, which it does not read yet. `report`
        publishes findings, and `wait_for` tells the operator what it waits for."""
        self._consumer, self._leaves, self._topic = consumer, leaves, ""
        self._signed = SignedRows(leaves)
        self._report, self._wait_for, self._made_by = report, wait_for, made_by
        self._writer = RowWriter(self._report_rows)
        self._position = self._planned = Position(-1, 0)
        """Up to where rows are written, and up to where they are written or being written."""
        self._order = LogOrder(0)
        self._held: list[Message] = []
        """Records that no checkpoint covers yet, and those after them."""
        self._gap = ""
        self._looked_at = 0.0

    def resume(self, connection: Connection) -> None:
        """Continue where the table ends."""
        connection.execute(QUERY("make_partitions"))
        row = connection.execute(QUERY("position")).fetchone()
        if row is None:
            raise CannotContinue("audit.projector_position has no row; rebuild the projection")
        self._position = self._planned = Position(*row)
        self._topic = self._leaves.topic()
        start = TopicPartition(self._topic, 0, self._position.next_offset)
        next_seq = self._position.last_seq + 1
        if self._position.topic != self._topic:
            # In another topic the next event has another offset, so it is read from the beginning.
            start.offset = next_seq = 0
        _, end = self._consumer.get_watermark_offsets(start, timeout=REQUEST_SECONDS)
        if start.offset > end:
            raise self._ahead(f"offset {end}", f"offset {start.offset}")
        self._order = LogOrder(next_seq, self._is_sealed)
        self._held, self._gap = [], ""
        self._report_rows(connection)
        self._set_reason(connection, "")
        self._consumer.assign([start])
        extra = {"topic": self._topic, "last_seq": self._position.last_seq}
        log.info("projecting", extra=extra)

    def step(self, connection: Connection) -> int:
        """Project the next events, if any arrive soon; the number of events. While there are many,
        those of one step are written during the next one."""
        before = self._planned
        rows: list[Row | bytes] = []
        foreign: list[ForeignRecord] = []
        after, reached = before, None
        messages = self._next_messages()
        for place, message in enumerate(messages):
            if is_end(message):
                reached = message.offset()
            elif self._is_event(connection, message):
                try:
                    row, others = self._take(message)
                except NotSignedYet:
                    self._held = messages[place:]
                    break
                foreign += others
                if row is not None and self._order.next_seq - 1 > before.last_seq:
                    rows.append(row)
                last_seq = self._order.next_seq - 1
                if not self._order.ahead and last_seq >= before.last_seq:
                    after = Position(last_seq, offset_of(message) + 1, self._topic)
        self.finish()
        self._report_records(foreign)
        if after != before:
            self._planned = after
            self._writer.start(connection, Batch(rows, before, after))
        is_time_to_look = time.monotonic() - self._looked_at > LOOK_SECONDS
        if len(messages) < BATCH or reached is not None or self._held or is_time_to_look:
            self._catch_up(connection, reached, is_time_to_look)
        return len(rows)

    def _take(self, message: Message) -> tuple[Row | bytes | None, Sequence[ForeignRecord]]:
        """The row of a record if it is the next sealed event, and what is known to be foreign.
        Raises NotSignedYet."""
        order = self._order
        if not order.ahead and (row := self._signed.row(message, order.next_seq)) is not None:
            order.next_seq += 1
            return row, ()
        sealed, foreign = order.take(message)
        if sealed is None:
            return None, foreign
        return row_of_fields(sealed.seal, sealed.event.value, sealed.event.event), foreign

    def finish(self) -> None:
        """Return when the rows of all steps are written."""
        if batch := self._writer.finish():
            self._position = batch.after
            commit_offset(self._consumer, self._topic, batch.after.next_offset)

    def close(self) -> None:
        """Close the consumer."""
        self._consumer.close()

    def _catch_up(self, connection: Connection, reached: int | None, look: bool) -> None:
        """Write all rows, and report how far they go."""
        self.finish()
        if reached is not None:
            known = self._position.next_offset if self._position.topic == self._topic else 0
            commit_offset(self._consumer, self._topic, max(known, reached))
        if reached is not None or self._gap:
            self._report_gap(connection, at_end=reached is not None)
        if look:
            self._report_rows(connection)
            if self._leaves.topic() != self._topic:
                self.resume(connection)

    def _next_messages(self) -> list[Message]:
        held, self._held = self._held, []
        if held:
            time.sleep(BATCH_SECONDS)
            return held
        return self._consumer.consume(BATCH, timeout=BATCH_SECONDS)

    def _is_sealed(self, record: LogRecord) -> bool:
        """Whether the log has this record under its seq. Raises NotSignedYet."""
        event = record.event
        try:
            return self._leaves.has(SealedRecord(event.event_id, event.value, record.seal))
        except (DamagedLog, BadNote) as damaged:
            log.error("sealed log damaged", extra={"found": str(damaged)})
            raise NotSignedYet(str(damaged)) from None

    def _is_event(self, connection: Connection, message: Message) -> bool:
        error = message.error()
        if error is None:
            return True
        if error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
            lost = f"{self._topic} lost sealed events that were not projected: {error}"
            self.finish()
            self._set_reason(connection, f"{lost}. Run: copystand audit restore-topic")
        log.warning("consumer error", extra={"error": str(error)})
        return False

    def _ahead(self, end: str, known: str) -> ProjectionAhead:
        return ProjectionAhead(
            f"{self._topic} ends at {end}, and the table has events up to {known}: the log lost"
            " events. The table must be projected again."
        )

    def _report_records(self, foreign: Sequence[ForeignRecord]) -> None:
        """Report records that the sealer did not write, before the position passes them."""
        for record in foreign:
            place = {"offset": record.offset, "found": record.found}
            log.error("foreign record in the log", extra=place)
        if foreign:
            self._report([of_record(self._topic, one, self._made_by) for one in foreign])

    def _report_rows(self, connection: Connection) -> int:
        self._looked_at = time.monotonic()
        moved = of_rows(connection, self._report, self._made_by)
        if moved:
            log.error("foreign rows in audit.events", extra={"rows": moved})
        return moved

    def _report_gap(self, connection: Connection, at_end: bool) -> None:
        """Nothing behind a gap is projected. Its first record is reported. If the report is sealed
        with the missing number, the record is foreign. At a true gap it gets a higher number."""
        gap = self._order.gap() or (self._lost_end() if at_end else "")
        if gap == self._gap:
            return
        if gap:
            log.error("the log has a gap", extra={"topic": self._topic, "found": gap})
        if self._order.ahead:
            self._report([of_record(self._topic, self._order.ahead[0], self._made_by)])
        self._gap = gap
        self._set_reason(connection, f"the log has a gap: {gap}" if gap else "")

    def _lost_end(self) -> str:
        """What a topic that ends before the rows lacks; empty if it does not. Raises
        ProjectionAhead if the sealed log on this machine does not have these rows either."""
        last, known = self._order.next_seq - 1, self._position.last_seq
        if self._held or last >= known:
            return ""
        if known >= self._leaves.size:
            raise self._ahead(f"seq {last}", f"seq {known}")
        return f"seq {last + 1} is not on the topic. Run: copystand audit restore-topic"

    def _set_reason(self, connection: Connection, reason: str) -> None:
        connection.execute(QUERY("wait_for"), {"reason": reason or None})
        self._wait_for(reason)

"""The role that projects audit.premis into Postgres: every event once and in order."""

import logging
import threading
from dataclasses import dataclass
from typing import Any

import psycopg
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from schemas.catalogue import AUDIT_PREMIS
from schemas.codec import Undecodable
from streams.audit.sealed_record import BrokenSeal, seal_of
from streams.kafka.client import CLIENT
from streams.kafka.messages import offset_of
from streams.projector.rows import Row, copy_in, row_of
from streams.runtime.role_files import announce_ready
from streams.runtime.run_loop import MustEnd, Stopping, live
from streams.settings import Settings

log = logging.getLogger(__name__)

GROUP = "copystand.projector"
BATCH = 2000
BATCH_SECONDS = 0.2
PARTITION = 1_000_000
LONGEST_WAIT_SECONDS = 10.0


@dataclass(frozen=True)
class Position:
    """The last seq in the table, and the offset of audit.premis to read on from."""

    last_seq: int
    next_offset: int


def run_projector(settings: Settings, topic: str = AUDIT_PREMIS.name) -> None:
    """Project until SIGTERM. Ends the process with 70 when the log has a gap; it never skips."""

    def work(stopping: threading.Event) -> None:
        projector = Projector(settings.kafka, settings.dsn("projector"), topic)
        ready = False
        wait = 0.2
        while not stopping.is_set():
            try:
                with psycopg.connect(projector.dsn, autocommit=True) as connection:
                    projector.resume(connection)
                    if not ready:
                        announce_ready(settings, "projector")
                        ready = True
                    wait = 0.2
                    while not stopping.is_set():
                        projector.step(connection)
            except psycopg.OperationalError as away:
                log.warning("waiting for the database: %s", away)
                if stopping.wait(wait):
                    raise Stopping from None
                wait = min(wait * 2, LONGEST_WAIT_SECONDS)
        projector.close()

    live(settings, "projector", work)


class Projector:
    """Copies sealed events; rows and position change in one transaction."""

    def __init__(self, brokers: str, dsn: str, topic: str) -> None:
        self.dsn = dsn
        self._topic = topic
        self._position = Position(-1, 0)
        self._consumer = Consumer(
            {
                **CLIENT,
                "bootstrap.servers": brokers,
                "group.id": GROUP,
                "enable.auto.commit": False,
                "auto.offset.reset": "error",
                "isolation.level": "read_committed",
                # The end stands behind the sealer's last transaction marker, which is no message.
                "enable.partition.eof": True,
            }
        )

    def resume(self, connection: psycopg.Connection[Any]) -> None:
        """Stand where the table ends."""
        connection.execute("SELECT audit.make_partitions()")
        row = connection.execute(
            "SELECT last_seq, next_offset FROM audit.projector_position"
        ).fetchone()
        if row is None:
            raise MustEnd("audit.projector_position has no row; rebuild the projection")
        self._position = Position(*row)
        start = TopicPartition(self._topic, 0, self._position.next_offset)
        self._consumer.assign([start])
        log.info("projecting", extra={"last_seq": self._position.last_seq})

    def step(self, connection: psycopg.Connection[Any]) -> int:
        """Project what has come within a moment; how many events that were."""
        before = self._position
        rows: list[Row] = []
        after, reached = before, None
        for message in self._consumer.consume(BATCH, timeout=BATCH_SECONDS):
            if _is_end(message):
                reached = message.offset()
            elif _is_event(message):
                rows.append(self._row(message, after.last_seq + 1))
                after = Position(after.last_seq + 1, offset_of(message) + 1)
        if rows:
            self._put(connection, rows, before, after)
        if rows or reached is not None:
            self._tell_lag(max(after.next_offset, reached or 0))
        return len(rows)

    def close(self) -> None:
        """Let go of the broker."""
        self._consumer.close()

    def _put(
        self,
        connection: psycopg.Connection[Any],
        rows: list[Row],
        before: Position,
        after: Position,
    ) -> None:
        with connection.transaction(), connection.cursor() as cursor:
            self._move(cursor, before, after)
            copy_in(cursor, rows)
        self._position = after
        if (before.last_seq + 1) // PARTITION != (after.last_seq + 1) // PARTITION:
            connection.execute("SELECT audit.make_partitions()")

    def _row(self, message: Message, expected: int) -> Row:
        where = f"{self._topic}, offset {message.offset()}"
        try:
            seal = seal_of(message.headers())
            row = row_of(seal, message.value() or b"")
        except (BrokenSeal, Undecodable) as wrong:
            raise MustEnd(f"{where} is no sealed event: {wrong}") from wrong
        if seal.seq != expected:
            raise MustEnd(
                f"{where} has seq {seal.seq}, expected {expected}: the log or the table is not"
                " whole. Nothing was skipped. If the topic is whole, rebuild the projection."
            )
        return row

    def _move(self, cursor: psycopg.Cursor[Any], before: Position, after: Position) -> None:
        """Move the position on; it also holds off a second projector until this one has ended."""
        moved = cursor.execute(
            "UPDATE audit.projector_position SET last_seq = %s, next_offset = %s"
            " WHERE last_seq = %s AND next_offset = %s",
            (after.last_seq, after.next_offset, before.last_seq, before.next_offset),
        )
        if moved.rowcount != 1:
            raise MustEnd(f"the position is no longer {before}: another projector is at work")

    def _tell_lag(self, offset: int) -> None:
        """Commit the offset for `status`; what counts stands in the position row."""
        reached = TopicPartition(self._topic, 0, offset)
        try:
            self._consumer.commit(offsets=[reached], asynchronous=True)
        except KafkaException as error:
            log.warning("offset for status not committed: %s", error)


def _is_end(message: Message) -> bool:
    error = message.error()
    return error is not None and error.code() == KafkaError._PARTITION_EOF


def _is_event(message: Message) -> bool:
    error = message.error()
    if error is None:
        return True
    if error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
        raise MustEnd(f"sealed events that are not projected yet are gone from the topic: {error}")
    log.warning("waiting for the broker: %s", error)
    return False

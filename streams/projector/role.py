"""The projector role: copies audit.premis to PostgreSQL, every event once and in order."""

import logging
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import psycopg
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from infra.kafka_access import Brokers
from schemas.codec import Undecodable
from streams.audit.sealed_record import BrokenSeal, seal_of
from streams.kafka.client import CLIENT
from streams.kafka.messages import offset_of
from streams.projector.rows import QUERY, Row, copy_in, row_of
from streams.runtime.role_files import announce_ready
from streams.runtime.run_loop import CannotContinue, ShutdownRequested, run_until_shutdown
from streams.settings import Settings

log = logging.getLogger(__name__)

GROUP = "copystand.projector"
BATCH = 2000
BATCH_SECONDS = 0.2
PARTITION_ROWS = 1_000_000
FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 10.0

Connection = psycopg.Connection[Any]


@dataclass(frozen=True)
class Position:
    """The last seq in the table, and the next offset to read from audit.premis."""

    last_seq: int
    next_offset: int


def log_consumer(brokers: Brokers) -> Consumer:
    """Reads audit.premis, committed records only, with a notice at its end."""
    return Consumer(
        {
            **CLIENT,
            **brokers.client,
            "group.id": GROUP,
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            "isolation.level": "read_committed",
            # The end lies behind the sealer's last transaction marker, which is no message.
            "enable.partition.eof": True,
        }
    )


def run_projector(
    settings: Settings,
    make_projector: Callable[[], "Projector"],
    connect: Callable[[], Connection],
) -> None:
    """Project until SIGTERM. Ends the process with 70 when the log has a gap; it never skips."""

    def work(stopping: threading.Event) -> None:
        projector = make_projector()
        ready = False
        pause = FIRST_PAUSE_SECONDS
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
            except psycopg.OperationalError as error:
                log.warning("database unavailable", extra={"error": str(error).strip()})
                if stopping.wait(pause):
                    raise ShutdownRequested from None
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
        projector.close()

    run_until_shutdown(settings, "projector", work)


class Projector:
    """Copies sealed events; rows and position change in one transaction."""

    def __init__(self, consumer: Consumer, topic: str) -> None:
        """A projector of this topic, which it does not read yet."""
        self._consumer, self._topic = consumer, topic
        self._position = Position(-1, 0)

    def resume(self, connection: Connection) -> None:
        """Continue where the table ends."""
        connection.execute(QUERY("make_partitions"))
        row = connection.execute(QUERY("position")).fetchone()
        if row is None:
            raise CannotContinue("audit.projector_position has no row; rebuild the projection")
        self._position = Position(*row)
        start = TopicPartition(self._topic, 0, self._position.next_offset)
        self._consumer.assign([start])
        log.info("projecting", extra={"last_seq": self._position.last_seq})

    def step(self, connection: Connection) -> int:
        """Project the next events, if any arrive soon; the number of events."""
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
            self._write(connection, rows, before, after)
        if rows or reached is not None:
            self._commit_offset(max(after.next_offset, reached or 0))
        return len(rows)

    def close(self) -> None:
        """Close the consumer."""
        self._consumer.close()

    def _write(
        self, connection: Connection, rows: list[Row], before: Position, after: Position
    ) -> None:
        with connection.transaction(), connection.cursor() as cursor:
            advance(cursor, before, after)
            copy_in(cursor, rows)
        self._position = after
        if (before.last_seq + 1) // PARTITION_ROWS != (after.last_seq + 1) // PARTITION_ROWS:
            connection.execute(QUERY("make_partitions"))

    def _row(self, message: Message, expected: int) -> Row:
        where = f"{self._topic}, offset {message.offset()}"
        try:
            seal = seal_of(message.headers())
            row = row_of(seal, message.value() or b"")
        except (BrokenSeal, Undecodable) as wrong:
            raise CannotContinue(f"{where} is not a sealed event: {wrong}") from wrong
        if seal.seq != expected:
            raise CannotContinue(
                f"{where} has seq {seal.seq}, expected {expected}: the log or the table is not"
                " complete. Nothing was skipped. If the topic is complete, rebuild the projection."
            )
        return row

    def _commit_offset(self, offset: int) -> None:
        """Commit the offset, from which `status` computes the lag; the position is in the table."""
        reached = TopicPartition(self._topic, 0, offset)
        try:
            self._consumer.commit(offsets=[reached], asynchronous=True)
        except KafkaException as error:
            log.warning("offset not committed", extra={"error": str(error)})


def advance(cursor: psycopg.Cursor[Any], before: Position, after: Position) -> None:
    """Advance the position in the table. Raises CannotContinue if another projector has done so."""
    values = asdict(after) | {f"{name}_before": value for name, value in asdict(before).items()}
    if cursor.execute(QUERY("advance_position"), values).rowcount != 1:
        raise CannotContinue(f"the position is no longer {before}: another projector is running")


def _is_end(message: Message) -> bool:
    error = message.error()
    return error is not None and error.code() == KafkaError._PARTITION_EOF


def _is_event(message: Message) -> bool:
    error = message.error()
    if error is None:
        return True
    if error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
        raise CannotContinue(f"the topic lost sealed events that were not projected: {error}")
    log.warning("consumer error", extra={"error": str(error)})
    return False

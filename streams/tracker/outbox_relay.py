"""Publishes what stands in the outbox and is due: at least once, in the order of the decisions."""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any

import psycopg
from confluent_kafka import KafkaError, Message, Producer

from streams.kafka.client import librdkafka
from streams.kafka.producer import PRODUCER_SETTINGS
from streams.runtime.fatal_errors import end_process
from streams.tracker.database import CONNECT_SECONDS, end_tracker
from streams.tracker.queries import query
from streams.tracker.unit_of_work import Connection

log = logging.getLogger(__name__)

LIMIT = 500
LONGEST_PAUSE_SECONDS = 1.0

Row = tuple[int, str, str | None, list[list[str]], bytes]
"""Id, topic, key, headers, value of an outbox row."""


def publish_due(conn: Connection, send: Callable[[Sequence[Row]], bool]) -> int:
    """Send what is due, at most LIMIT rows of each kind, and drop it once the broker has it all.

    `send` returns when it is durable, or False when it may not be. However many retries wait, only
    those that are due are read. Returns how many rows were sent."""
    rows: list[Any] = conn.execute(query("due"), {"limit": LIMIT}).fetchall()
    if not rows or not send(rows):
        return 0
    conn.execute(query("sent"), {"ids": [row[0] for row in rows]})
    return len(rows)


class OutboxRelay(threading.Thread):
    """A thread with its own connection and producer, alive only while its tracker has the lock."""

    def __init__(self, dsn: str, brokers: str) -> None:
        super().__init__(name="relay", daemon=True)
        self._dsn = dsn
        self._producer = Producer(
            {"bootstrap.servers": brokers, "error_cb": _on_error, **PRODUCER_SETTINGS},
            logger=librdkafka,
        )
        self._wake, self._ending = threading.Event(), threading.Event()

    def wake(self) -> None:
        """Say that there is something new in the outbox."""
        self._wake.set()

    def stop(self) -> None:
        """Finish what is under way and end; what is not acknowledged stays in the outbox."""
        self._ending.set()
        self._wake.set()
        self.join()

    def run(self) -> None:
        """Publish until told to stop; whatever goes wrong ends the process."""
        try:
            with psycopg.connect(
                self._dsn, autocommit=True, connect_timeout=CONNECT_SECONDS
            ) as conn:
                while not self._ending.is_set():
                    self._wake.clear()
                    if not publish_due(conn, self._send):
                        self._wake.wait(_pause(conn))
        except Exception as failure:
            end_tracker(failure, "the outbox keeps what the relay did not publish")

    def drain(self, conn: Connection) -> None:
        """Publish all that is due now, in the caller's thread; for a rebuild."""
        while publish_due(conn, self._send):
            pass

    def _send(self, rows: Sequence[Row]) -> bool:
        for _, topic, key, headers, value in rows:
            self._enqueue(topic, key, headers, value)
        while self._producer.flush(0.5):
            if self._ending.is_set():
                return False  # the broker is away; a later tracker publishes these again
        return True

    def _enqueue(self, topic: str, key: str | None, headers: list[list[str]], value: bytes) -> None:
        pairs: list[tuple[str, str | bytes | None]] = [(name, text) for name, text in headers]
        while True:
            try:
                self._producer.produce(
                    topic,
                    key=None if key is None else key.encode(),
                    value=value,
                    headers=pairs,
                    on_delivery=_delivered,
                )
                return
            except BufferError:
                self._producer.poll(0.1)


def _pause(conn: Connection) -> float:
    row = conn.execute(query("next_due")).fetchone()
    if row is None or row[0] is None:
        return LONGEST_PAUSE_SECONDS
    return float(min(max(row[0], 0.01), LONGEST_PAUSE_SECONDS))


def _delivered(error: KafkaError | None, message: Message) -> None:
    if error is not None:
        end_process("message refused by the broker", topic=message.topic(), error=str(error))


def _on_error(error: KafkaError) -> None:
    if error.fatal():
        end_process("the relay's producer failed", error=str(error))
    log.warning("broker", extra={"error": str(error)})

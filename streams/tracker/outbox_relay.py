"""Publishes the due messages of the outbox, at least once, in the order of the decisions."""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any

from confluent_kafka import KafkaError, Message, Producer

from infra.kafka_access import Brokers
from streams.kafka.client import librdkafka
from streams.kafka.producer import PRODUCER_SETTINGS
from streams.runtime.fatal_errors import end_process
from streams.tracker.database import end_tracker
from streams.tracker.queries import query
from streams.tracker.unit_of_work import Connection

log = logging.getLogger(__name__)

LIMIT = 500
LONGEST_PAUSE_SECONDS = 1.0

Row = tuple[int, str, str | None, list[list[str]], bytes]
"""Id, topic, key, headers and value of an outbox row."""


def publish_due(conn: Connection, send: Callable[[Sequence[Row]], bool]) -> int:
    """Send due messages, at most LIMIT of each kind, and delete them once they are acknowledged.

    `send` returns True when the broker has acknowledged all, False when it may not have. Retries
    that are not due are not read. Returns the number of rows sent."""
    rows: list[Any] = conn.execute(query("due_messages"), {"limit": LIMIT}).fetchall()
    if not rows or not send(rows):
        return 0
    conn.execute(query("delete_sent"), {"ids": [row[0] for row in rows]})
    return len(rows)


class OutboxRelay(threading.Thread):
    """A thread with its own connection and producer. It runs while its tracker holds the lock."""

    def __init__(self, connect: Callable[[], Connection], brokers: Brokers) -> None:
        super().__init__(name="relay", daemon=True)
        self._connect = connect
        self._producer = Producer(
            {**brokers.client, "error_cb": _on_error, **PRODUCER_SETTINGS},
            logger=librdkafka,
        )
        self._wake, self._ending = threading.Event(), threading.Event()

    def wake(self) -> None:
        """Make the relay read the outbox now."""
        self._wake.set()

    def stop(self) -> None:
        """Finish the current portion and end. Unacknowledged messages stay in the outbox."""
        self._ending.set()
        self._wake.set()
        self.join()

    def run(self) -> None:
        """Publish until `stop` is called. Any error ends the process."""
        try:
            with self._connect() as conn:
                while not self._ending.is_set():
                    self._wake.clear()
                    if not publish_due(conn, self._send):
                        self._wake.wait(_pause_seconds(conn))
        except Exception as failure:
            end_tracker(failure, "unpublished messages stay in the outbox")

    def drain(self, conn: Connection) -> None:
        """Publish everything that is due, in the thread of the caller."""
        while publish_due(conn, self._send):
            pass

    def _send(self, rows: Sequence[Row]) -> bool:
        for _, topic, key, headers, value in rows:
            self._enqueue(topic, key, headers, value)
        while self._producer.flush(0.5):
            if self._ending.is_set():
                return False  # The broker is unavailable. A later tracker publishes these again.
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
                    on_delivery=_on_delivery,
                )
                return
            except BufferError:
                self._producer.poll(0.1)


def _pause_seconds(conn: Connection) -> float:
    row = conn.execute(query("seconds_to_next_due")).fetchone()
    if row is None or row[0] is None:
        return LONGEST_PAUSE_SECONDS
    return float(min(max(row[0], 0.01), LONGEST_PAUSE_SECONDS))


def _on_delivery(error: KafkaError | None, message: Message) -> None:
    if error is not None:
        end_process("message refused by the broker", topic=message.topic(), error=str(error))


def _on_error(error: KafkaError) -> None:
    if error.fatal():
        end_process("the relay's producer failed", error=str(error))
    log.warning("producer error", extra={"error": str(error)})

"""Publishes messages and waits until the broker has acknowledged them."""

import logging
import threading
from collections.abc import Sequence
from typing import Protocol

from confluent_kafka import KafkaError, Message, Producer

from infra.kafka_access import Brokers
from streams.kafka.client import CLIENT, librdkafka
from streams.kafka.messages import Outgoing
from streams.runtime.fatal_errors import end_process

log = logging.getLogger(__name__)

PRODUCER_SETTINGS: dict[str, object] = {
    **CLIENT,
    "acks": "all",
    "enable.idempotence": True,
    # No time limit: an outage pauses the line and loses no message.
    "message.timeout.ms": 0,
    "linger.ms": 2,
    "partitioner": "murmur2_random",
    "compression.type": "lz4",
}


class Publisher(Protocol):
    """Where facts are published."""

    def publish(self, messages: Sequence[Outgoing]) -> None:
        """Return when the broker has stored all messages durably."""
        ...


class MemoryPublisher:
    """Keeps messages in a list, for unit tests."""

    def __init__(self) -> None:
        self.messages: list[Outgoing] = []

    def publish(self, messages: Sequence[Outgoing]) -> None:
        self.messages.extend(messages)


class KafkaPublisher:
    """Idempotent, acknowledged by all replicas, safe to call from several threads."""

    def __init__(self, brokers: Brokers, **settings: object) -> None:
        self._producer = Producer(
            {**brokers.client, "error_cb": _on_error, **PRODUCER_SETTINGS, **settings},
            logger=librdkafka,
        )
        self._stop = threading.Event()
        self._poller = threading.Thread(target=self._poll, name="publisher", daemon=True)
        self._poller.start()

    def publish(self, messages: Sequence[Outgoing]) -> None:
        """Enqueue all messages, then wait for all acknowledgements.

        A message that the broker refuses ends the process, so that it is not lost."""
        acknowledgements = Acknowledgements(len(messages))
        for message in messages:
            self._enqueue(message, acknowledgements)
        acknowledgements.wait()

    def close(self) -> None:
        """Wait for messages in flight and stop the poller."""
        self._producer.flush()
        self._stop.set()
        self._poller.join()

    def _enqueue(self, message: Outgoing, acknowledgements: "Acknowledgements") -> None:
        while True:
            try:
                self._producer.produce(
                    message.topic,
                    key=message.key.encode(),
                    value=message.value,
                    on_delivery=acknowledgements.delivered,
                )
                return
            except BufferError:
                self._producer.poll(0.1)

    def _poll(self) -> None:
        while not self._stop.is_set():
            self._producer.poll(0.1)


class Acknowledgements:
    """Waits for a number of delivery reports."""

    def __init__(self, expected: int) -> None:
        self._outstanding = expected
        self._lock = threading.Lock()
        self._complete = threading.Event()
        if not expected:
            self._complete.set()

    def delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            end_process("message refused by the broker", topic=message.topic(), error=str(error))
        with self._lock:
            self._outstanding -= 1
            if not self._outstanding:
                self._complete.set()

    def wait(self) -> None:
        self._complete.wait()


def _on_error(error: KafkaError) -> None:
    if error.fatal():
        end_process("the producer failed", error=str(error))
    log.warning("producer error", extra={"error": str(error)})

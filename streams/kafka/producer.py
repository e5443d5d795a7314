"""Publishes messages and waits until the broker has acknowledged them."""

import logging
import threading
from collections.abc import Sequence
from typing import Protocol
from zlib import crc32

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
    # A single broker flushes each batch to disk: work that ends at the same time shares a batch.
    "linger.ms": 5,
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

    def __init__(self, brokers: Brokers, connections: int = 1, **settings: object) -> None:
        """A publisher with this many connections. A broker handles the requests of one connection
        one by one, each with the flushes of its partitions."""
        self._producers = [
            Producer(
                brokers.client | {"error_cb": _on_error} | PRODUCER_SETTINGS | settings,
                logger=librdkafka,
            )
            for _ in range(connections)
        ]
        self._stop = threading.Event()
        self._pollers = [
            threading.Thread(target=self._poll, args=(one,), name="publisher", daemon=True)
            for one in self._producers
        ]
        for poller in self._pollers:
            poller.start()

    def publish(self, messages: Sequence[Outgoing]) -> None:
        """Enqueue all messages, then wait for all acknowledgements.

        A message that the broker refuses ends the process, so that it is not lost."""
        acknowledgements = Acknowledgements(len(messages))
        for message in messages:
            self._enqueue(message, acknowledgements)
        acknowledgements.wait()

    def close(self) -> None:
        """Wait for messages in flight and stop the pollers."""
        for producer in self._producers:
            producer.flush()
        self._stop.set()
        for poller in self._pollers:
            poller.join()

    def _enqueue(self, message: Outgoing, acknowledgements: "Acknowledgements") -> None:
        # By topic: the messages of a partition share batches, and keep their order.
        producer = self._producers[crc32(message.topic.encode()) % len(self._producers)]
        while True:
            try:
                producer.produce(
                    message.topic,
                    key=message.key.encode(),
                    value=message.value,
                    on_delivery=acknowledgements.delivered,
                )
                return
            except BufferError:
                producer.poll(0.1)

    def _poll(self, producer: Producer) -> None:
        while not self._stop.is_set():
            producer.poll(0.1)


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

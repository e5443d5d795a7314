"""Publishes messages and returns when the broker has them all."""

import logging
import threading
from collections.abc import Sequence
from typing import Protocol

from confluent_kafka import KafkaError, Message, Producer

from streams.kafka.client import CLIENT, librdkafka
from streams.kafka.messages import Outgoing
from streams.runtime.fatal_errors import end_process

log = logging.getLogger(__name__)

PRODUCER_SETTINGS: dict[str, object] = {
    **CLIENT,
    "acks": "all",
    "enable.idempotence": True,
    # An outage pauses the line; nothing is given up.
    "message.timeout.ms": 0,
    "linger.ms": 2,
    "partitioner": "murmur2_random",
    "compression.type": "lz4",
}


class Publisher(Protocol):
    """Where facts go."""

    def publish(self, messages: Sequence[Outgoing]) -> None:
        """Returns when all of these are durable at the broker."""
        ...


class MemoryPublisher:
    """Keeps messages in a list, for unit tests."""

    def __init__(self) -> None:
        self.messages: list[Outgoing] = []

    def publish(self, messages: Sequence[Outgoing]) -> None:
        self.messages.extend(messages)


class KafkaPublisher:
    """Idempotent, acknowledged by all replicas, safe to call from several threads."""

    def __init__(self, brokers: str, **settings: object) -> None:
        self._producer = Producer(
            {"bootstrap.servers": brokers, "error_cb": _on_error, **PRODUCER_SETTINGS, **settings},
            logger=librdkafka,
        )
        self._stop = threading.Event()
        self._poller = threading.Thread(target=self._poll, name="publisher", daemon=True)
        self._poller.start()

    def publish(self, messages: Sequence[Outgoing]) -> None:
        """Enqueue all, then await all. A refused message ends the process: it must not be lost."""
        waiting = _Countdown(len(messages))
        for message in messages:
            self._enqueue(message, waiting)
        waiting.wait()

    def close(self) -> None:
        """Wait for what is under way and stop the poller."""
        self._producer.flush()
        self._stop.set()
        self._poller.join()

    def _enqueue(self, message: Outgoing, waiting: "_Countdown") -> None:
        while True:
            try:
                self._producer.produce(
                    message.topic,
                    key=message.key.encode(),
                    value=message.value,
                    on_delivery=waiting.delivered,
                )
                return
            except BufferError:
                self._producer.poll(0.1)

    def _poll(self) -> None:
        while not self._stop.is_set():
            self._producer.poll(0.1)


class _Countdown:
    """Waits for a number of delivery reports."""

    def __init__(self, expected: int) -> None:
        self._left = expected
        self._lock = threading.Lock()
        self._all = threading.Event()
        if not expected:
            self._all.set()

    def delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            end_process(f"the broker refused a message for {message.topic()}: {error}")
        with self._lock:
            self._left -= 1
            if not self._left:
                self._all.set()

    def wait(self) -> None:
        self._all.wait()


def _on_error(error: KafkaError) -> None:
    if error.fatal():
        end_process(f"the producer cannot go on: {error}")
    log.warning("broker: %s", error)

"""A durable consumer of one topic: retries during outages and commits only on request."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, KafkaException, Message

from infra.topics import provision
from streams.kafka.client import CLIENT, REPOSITORY, librdkafka
from streams.settings import NotUp, Settings

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
PROBE_SECONDS = 5.0
CONSUMER_SETTINGS: dict[str, object] = {
    **CLIENT,
    "enable.auto.commit": False,
    # The start offset is committed before the first read, so a missing offset is an error.
    "auto.offset.reset": "error",
    "session.timeout.ms": 45_000,
    # A package may take hours; a dead process is detected by its missing heartbeat.
    "max.poll.interval.ms": 86_400_000,
    "log_level": 2,
}
REASSIGNED = (
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError.REBALANCE_IN_PROGRESS,
    KafkaError._NO_OFFSET,
)
"""The partition was assigned to another member, which reads the message again."""


class Expired(Exception):
    """Stopped, or out of time, while waiting for a service."""


@dataclass(frozen=True)
class Retries:
    """Retries with growing pauses until a stop signal or a deadline."""

    stop: threading.Event
    deadline: float | None
    """By the monotonic clock."""
    on_wait: Callable[[str], None]
    """Called with the reason of each wait."""

    def expired(self) -> bool:
        """Whether it was stopped or the deadline has passed."""
        late = self.deadline is not None and time.monotonic() >= self.deadline
        return late or self.stop.is_set()

    def attempts(self) -> Iterator[None]:
        """Once, then again after growing pauses. Raises Expired."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            yield
            left = pause if self.deadline is None else min(pause, self.deadline - time.monotonic())
            if self.stop.wait(max(0.0, left)) or self.expired():
                raise Expired
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


class Subscription:
    """One member of a consumer group on one topic."""

    def __init__(self, settings: Settings, group: str, topic: str, retries: Retries) -> None:
        self._settings, self._group, self._topic = settings, group, topic
        self._retries = retries
        self._consumer: Consumer | None = None

    def start(self, since_now: bool) -> None:
        """Join the group; a new one starts at the beginning, or now. Waits for the broker.

        Raises Expired; NotUp for a broker without the topic."""
        brokers = self._settings.kafka_as(REPOSITORY)
        client = Consumer({**brokers.client, "group.id": "-", "log_level": 2})
        with closing(client):
            for _ in self._retries.attempts():
                try:
                    found = client.list_topics(self._topic, timeout=PROBE_SECONDS)
                    if found.topics[self._topic].error is not None:
                        raise NotUp(f"{brokers} has no topic {self._topic}; check KAFKA_BROKERS")
                    provision(brokers, (), {self._group: [self._topic]}, fresh=not since_now)
                    break
                except KafkaException as failed:
                    self._retries.on_wait(f"Kafka does not respond: {failed.args[0].str()}")
        self._consumer = Consumer(
            {
                **brokers.client,
                "group.id": self._group,
                # Static membership: a consumer that was killed gets its partitions back at once.
                "group.instance.id": f"{self._group}.{self._settings.worker_id}",
                "error_cb": lambda error: self._retries.on_wait(f"Kafka: {error.str()}"),
                **CONSUMER_SETTINGS,
            },
            logger=librdkafka,
        )
        self._consumer.subscribe([self._topic])

    def messages(self) -> Iterator[Message]:
        """Messages, until expired. Raises KafkaException when the broker rejects this client."""
        assert self._consumer is not None
        while not self._retries.expired():
            message = self._consumer.poll(0.2)
            if message is None:
                continue
            error = message.error()
            if error is None:
                yield message
            elif error.fatal() or error.code() == KafkaError._AUTO_OFFSET_RESET:
                raise KafkaException(error)
            else:
                self._retries.on_wait(f"Kafka: {error.str()}")

    def commit(self, message: Message) -> None:
        """Commit the offset after this message. Raises Expired."""
        assert self._consumer is not None
        for _ in self._retries.attempts():
            try:
                self._consumer.commit(message=message, asynchronous=False)
                return
            except KafkaException as failed:
                error = failed.args[0]
                if error.code() in REASSIGNED:
                    return
                self._retries.on_wait(f"Kafka did not commit an offset: {error.str()}")

    def close(self) -> None:
        """Close the consumer; the group continues at its committed offset later."""
        if self._consumer is not None:
            self._consumer.close()

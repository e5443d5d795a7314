"""A durable reader of one topic: waits out outages, and commits only what it is told to."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, KafkaException, Message

from infra.topics import provision
from streams.kafka.client import CLIENT, librdkafka
from streams.settings import NotUp, Settings

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
PROBE_SECONDS = 5.0
CONSUMER_SETTINGS: dict[str, object] = {
    **CLIENT,
    "enable.auto.commit": False,
    # The start is committed before the first read: a missing offset is a fault.
    "auto.offset.reset": "error",
    "session.timeout.ms": 45_000,
    # What is read may take hours to work on; a dead process is known by its heartbeat.
    "max.poll.interval.ms": 86_400_000,
    "log_level": 2,
}
LEFT_TO_OTHERS = (
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError.REBALANCE_IN_PROGRESS,
    KafkaError._NO_OFFSET,
)
"""The partition is another member's now: it will read the message again."""


class GivenUp(Exception):
    """Told to stop, or out of time, while waiting for a part."""


@dataclass(frozen=True)
class Patience:
    """How long to go on, and whom to tell what is waited for."""

    stop: threading.Event
    deadline: float | None
    """By the monotonic clock."""
    trouble: Callable[[str], None]

    def over(self) -> bool:
        """Whether it is to end."""
        late = self.deadline is not None and time.monotonic() >= self.deadline
        return late or self.stop.is_set()

    def tries(self) -> Iterator[None]:
        """Once, and again after longer and longer pauses. Raises GivenUp when it is over."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            yield
            left = pause if self.deadline is None else min(pause, self.deadline - time.monotonic())
            if self.stop.wait(max(0.0, left)) or self.over():
                raise GivenUp
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


class Subscription:
    """One member of a consumer group on one topic."""

    def __init__(self, settings: Settings, group: str, topic: str, patience: Patience) -> None:
        self._settings, self._group, self._topic = settings, group, topic
        self._patience = patience
        self._consumer: Consumer | None = None

    def start(self, since_now: bool) -> None:
        """Join; a new group starts at the beginning, or now. Waits for a broker that is away.

        Raises GivenUp; NotUp for a broker that is no line's."""
        brokers = self._settings.kafka
        client = Consumer({"bootstrap.servers": brokers, "group.id": "-", "log_level": 2})
        with closing(client):
            for _ in self._patience.tries():
                try:
                    found = client.list_topics(self._topic, timeout=PROBE_SECONDS)
                    if found.topics[self._topic].error is not None:
                        raise NotUp(f"{brokers} has no topic {self._topic}; is it a line's broker?")
                    provision(brokers, (), {self._group: [self._topic]}, fresh=not since_now)
                    break
                except KafkaException as away:
                    self._patience.trouble(f"Kafka gives no answer: {away.args[0].str()}")
        self._consumer = Consumer(
            {
                "bootstrap.servers": brokers,
                "group.id": self._group,
                # With a name of its own a reader that was killed is back at once.
                "group.instance.id": f"{self._group}.{self._settings.worker_id}",
                "error_cb": lambda error: self._patience.trouble(f"Kafka: {error.str()}"),
                **CONSUMER_SETTINGS,
            },
            logger=librdkafka,
        )
        self._consumer.subscribe([self._topic])

    def messages(self) -> Iterator[Message]:
        """What comes, until it is over. Raises KafkaException: the broker refuses us."""
        assert self._consumer is not None
        while not self._patience.over():
            message = self._consumer.poll(0.2)
            if message is None:
                continue
            error = message.error()
            if error is None:
                yield message
            elif error.fatal() or error.code() == KafkaError._AUTO_OFFSET_RESET:
                raise KafkaException(error)
            else:
                self._patience.trouble(f"Kafka: {error.str()}")

    def commit(self, message: Message) -> None:
        """Never read this message again. Raises GivenUp."""
        assert self._consumer is not None
        for _ in self._patience.tries():
            try:
                self._consumer.commit(message=message, asynchronous=False)
                return
            except KafkaException as refused:
                error = refused.args[0]
                if error.code() in LEFT_TO_OTHERS:
                    return
                self._patience.trouble(f"Kafka has not taken an offset: {error.str()}")

    def close(self) -> None:
        """End the membership; under the same name it goes on later."""
        if self._consumer is not None:
            self._consumer.close()

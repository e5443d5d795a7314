"""A broker in memory, and the clients of confluent-kafka as far as the roles use them.

Kept are offsets, committed positions, transactions with their fence, and one outage: what was
enqueued and not delivered is gone with its producer."""

import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from tests.support.reader import Raw

Headers = Sequence[tuple[str, Any]] | None
Delivered = Callable[[KafkaError | None, "Message"], None] | None


class Message:
    """A message as a client sees it, or the news that a partition has ended."""

    def __init__(self, raw: Raw, error: KafkaError | None = None) -> None:
        self.raw, self._error = raw, error

    def topic(self) -> str:
        return self.raw.topic

    def partition(self) -> int:
        return self.raw.partition

    def offset(self) -> int:
        return self.raw.offset

    def key(self) -> bytes | None:
        return self.raw.key

    def value(self) -> bytes | None:
        return self.raw.value

    def headers(self) -> list[tuple[str, Any]]:
        return list(self.raw.headers)

    def timestamp(self) -> tuple[int, int]:
        return 1, 1_800_000_000_000

    def error(self) -> KafkaError | None:
        return self._error


class Broker:
    """One partition for each topic."""

    def __init__(self) -> None:
        self.topics: dict[str, list[Raw]] = defaultdict(list)
        self.committed: dict[tuple[str, str], int] = {}
        self.epochs: dict[str, int] = defaultdict(int)
        self.lock = threading.Condition()
        self.away = False

    def append(self, topic: str, key: Any, value: bytes | None, headers: Headers = ()) -> Raw:
        """Keep a message; from now on it is told to all who read."""
        pairs = tuple((name, _bytes(text)) for name, text in headers or ())
        with self.lock:
            raw = Raw(topic, 0, len(self.topics[topic]), _bytes(key), value, pairs)
            self.topics[topic].append(raw)
        return raw

    def raws(self) -> list[Raw]:
        """Everything that it keeps."""
        return [raw for name in sorted(self.topics) for raw in self.topics[name]]

    def size(self) -> int:
        """How many messages it keeps."""
        return sum(map(len, self.topics.values()))


def _bytes(text: Any) -> bytes | None:
    return text.encode() if isinstance(text, str) else text


class Producer:
    """Delivers when polled, unless the broker is away or the process was killed."""

    def __init__(self, broker: Broker, config: dict[str, Any]) -> None:
        self.broker, self.dead = broker, False
        self.before_commit: Callable[[], None] = lambda: None
        self._waiting: list[tuple[str, Any, bytes | None, Headers, Delivered]] = []
        self._transaction: str | None = config.get("transactional.id")
        self._epoch, self._offsets = 0, list[tuple[str, TopicPartition]]()

    def produce(
        self,
        topic: str,
        value: bytes | None = None,
        key: Any = None,
        partition: int = 0,
        headers: Headers = None,
        on_delivery: Delivered = None,
    ) -> None:
        with self.broker.lock:
            self._waiting.append((topic, key, value, headers, on_delivery))
            self.broker.lock.notify_all()

    def poll(self, seconds: float = 0) -> int:
        with self.broker.lock:
            ready = lambda: self.dead or (self._waiting and not self.broker.away)  # noqa: E731
            self.broker.lock.wait_for(ready, seconds)
            return 0 if self.broker.away and not self.dead else self._deliver()

    def flush(self, seconds: float = -1) -> int:
        if not self.broker.away:
            self._deliver()
        return len(self._waiting)

    @property
    def has_waiting(self) -> bool:
        """Whether something is not delivered yet."""
        return bool(self._waiting)

    def kill(self) -> None:
        """The process is gone, and what was not delivered with it."""
        with self.broker.lock:
            self.dead = True
            self.broker.lock.notify_all()

    def _deliver(self) -> int:
        waiting, self._waiting = self._waiting, []
        for topic, key, value, headers, told in waiting:
            # Whoever waits for a dead producer waits in a thread that nobody hears any more.
            raw = (
                Raw(topic, 0, -1, None, None)
                if self.dead
                else self.broker.append(topic, key, value, headers)
            )
            if told is not None:
                told(None, Message(raw))
        return len(waiting)

    def init_transactions(self, seconds: float) -> None:
        assert self._transaction is not None
        self.broker.epochs[self._transaction] += 1
        self._epoch = self.broker.epochs[self._transaction]

    def begin_transaction(self) -> None:
        self._offsets = []

    def send_offsets_to_transaction(self, offsets: Any, group: str, seconds: float) -> None:
        self._offsets = [(group, place) for place in offsets]

    def commit_transaction(self, seconds: float) -> None:
        assert self._transaction is not None
        self.before_commit()
        if self.broker.epochs[self._transaction] != self._epoch:
            raise KafkaException(KafkaError(KafkaError._FENCED, "fenced", fatal=True))
        self._deliver()
        for group, place in self._offsets:
            self.broker.committed[group, place.topic] = place.offset

    def abort_transaction(self, seconds: float) -> None:
        self._waiting = []


class Consumer:
    """Reads on from where it was told to, or where its group stands."""

    def __init__(self, broker: Broker, config: dict[str, Any]) -> None:
        self.broker, self.group = broker, str(config["group.id"])
        self._tells_ends = bool(config.get("enable.partition.eof"))
        self._next: dict[str, int] = {}

    def assign(self, places: list[TopicPartition]) -> None:
        self._next = {place.topic: self._start_of(place) for place in places}

    def _start_of(self, place: TopicPartition) -> int:
        if place.offset >= 0:
            return place.offset
        return self.broker.committed.get((self.group, place.topic), 0)

    def consume(self, most: int, timeout: float = 0) -> list[Message]:
        found: list[Message] = []
        for topic, at in self._next.items():
            new = self.broker.topics[topic][at : at + most - len(found)]
            found += map(Message, new)
            self._next[topic] = at + len(new)
            if self._tells_ends and self._next[topic] == len(self.broker.topics[topic]):
                end = Raw(topic, 0, self._next[topic], None, None)
                found.append(Message(end, KafkaError(KafkaError._PARTITION_EOF)))
        return found

    def committed(self, places: list[TopicPartition], timeout: float = 0) -> list[TopicPartition]:
        stands = self.broker.committed
        return [
            TopicPartition(p.topic, 0, stands.get((self.group, p.topic), -1001)) for p in places
        ]

    def commit(self, offsets: list[TopicPartition], asynchronous: bool = True) -> None:
        for place in offsets:
            self.broker.committed[self.group, place.topic] = place.offset

    def get_watermark_offsets(self, place: TopicPartition, timeout: float = 0) -> tuple[int, int]:
        return 0, len(self.broker.topics[place.topic])

    def consumer_group_metadata(self) -> str:
        return self.group

    def close(self) -> None:
        pass

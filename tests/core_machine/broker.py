"""A broker in memory: topics with a few partitions, and consumer groups that can lose their
uncommitted offsets."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from zlib import crc32

from infra.topics import Partition
from schemas.catalogue import TOPICS
from streams.kafka.messages import Incoming
from tests.core_machine.dying import Crash

PARTITIONS = {topic.name: min(topic.partitions, 2) for topic in TOPICS}
AHEAD = 16
"""How many messages after the first unfinished one of a partition a worker takes."""


class Broker:
    """Messages by topic and partition, in the order in which they were acknowledged."""

    def __init__(self) -> None:
        self.partitions: dict[Partition, list[Incoming]] = {
            (topic, number): [] for topic, count in PARTITIONS.items() for number in range(count)
        }

    def append(
        self, topic: str, key: str | None, value: bytes, headers: Sequence[Sequence[str]] = ()
    ) -> None:
        """Append a message to its partition."""
        number = crc32((key or "").encode()) % PARTITIONS[topic]
        messages = self.partitions[topic, number]
        named = {name: text.encode() for name, text in headers}
        raw_key = None if key is None else key.encode()
        messages.append(Incoming(topic, number, len(messages), raw_key, value, named))

    def all(self) -> Iterator[Incoming]:
        """All messages."""
        for messages in self.partitions.values():
            yield from messages

    def partitions_of(self, topics: Sequence[str]) -> list[Partition]:
        """All partitions of these topics."""
        return [(topic, number) for topic in topics for number in range(PARTITIONS[topic])]


@dataclass
class Group:
    """A consumer group: its committed offsets, and the messages that are done after them."""

    broker: Broker
    topics: tuple[str, ...]

    def __post_init__(self) -> None:
        self._committed = dict.fromkeys(self.broker.partitions_of(self.topics), 0)
        self._done: dict[Partition, set[int]] = {partition: set() for partition in self._committed}

    def open(self) -> list[Incoming]:
        """The messages that may be processed now, those of each partition in order."""
        found = []
        for partition, first in self._committed.items():
            window = self.broker.partitions[partition][first : first + AHEAD]
            found += [one for one in window if one.offset not in self._done[partition]]
        return found

    def delivered_before(self) -> list[Incoming]:
        """The messages that are done and could be delivered again."""
        return [
            one
            for partition, first in self._committed.items()
            for one in self.broker.partitions[partition]
            if one.offset < first or one.offset in self._done[partition]
        ]

    def ack(self, message: Incoming) -> None:
        """Mark a message as done; commit up to the first message that is not."""
        partition = (message.topic, message.partition)
        self._done[partition].add(message.offset)
        while self._committed[partition] in self._done[partition]:
            self._done[partition].remove(self._committed[partition])
            self._committed[partition] += 1

    def lose_uncommitted(self) -> None:
        """The process died: the next one starts at the committed offsets."""
        for done in self._done.values():
            done.clear()


class MemoryReader:
    """Reads the broker in memory for a rebuild; see streams.tracker.rebuild.Topics."""

    def __init__(self, broker: Broker, portion: int = 50, dies_after: int | None = None) -> None:
        self._broker, self._portion, self._left = broker, portion, dies_after

    def partitions(self, topics: Sequence[str]) -> list[Partition]:
        """All partitions of these topics."""
        return self._broker.partitions_of(topics)

    def read_to_the_end(self, offsets: Mapping[Partition, int]) -> Iterator[list[Incoming]]:
        """All messages of these partitions, in portions. The process may die before a portion."""
        reached = dict(offsets)
        while portion := self._next_portion(reached):
            yield portion

    def _next_portion(self, reached: dict[Partition, int]) -> list[Incoming]:
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                raise Crash
        found: list[Incoming] = []
        for partition, offset in reached.items():
            missing = self._portion - len(found)
            found += self._broker.partitions[partition][offset : offset + missing]
        for one in found:
            reached[one.topic, one.partition] = one.offset + 1
        return found

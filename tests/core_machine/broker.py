"""A broker in memory: topics of a few partitions, groups that read them, and the ways to lose one's
place."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from zlib import crc32

from schemas.catalogue import TOPICS
from streams.kafka.messages import Incoming
from tests.core_machine.dying import Crash

PARTITIONS = {topic.name: min(topic.partitions, 2) for topic in TOPICS}
AHEAD = 16
"""How far beyond the first unfinished message of a partition a worker takes work."""
Place = tuple[str, int]


class Broker:
    """Messages by topic and partition, in the order in which they were acknowledged."""

    def __init__(self) -> None:
        self.partitions: dict[Place, list[Incoming]] = {
            (topic, number): [] for topic, count in PARTITIONS.items() for number in range(count)
        }

    def append(
        self, topic: str, key: str | None, value: bytes, headers: Sequence[Sequence[str]] = ()
    ) -> None:
        """Take a message."""
        number = crc32((key or "").encode()) % PARTITIONS[topic]
        messages = self.partitions[topic, number]
        named = {name: text.encode() for name, text in headers}
        raw_key = None if key is None else key.encode()
        messages.append(Incoming(topic, number, len(messages), raw_key, value, named))

    def all(self) -> Iterator[Incoming]:
        """Every message there is."""
        for messages in self.partitions.values():
            yield from messages

    def places(self, topics: Sequence[str]) -> list[Place]:
        """All partitions of these topics."""
        return [(topic, number) for topic in topics for number in range(PARTITIONS[topic])]


@dataclass
class Group:
    """How far a group has come: what is committed, and what is done beyond that."""

    broker: Broker
    topics: tuple[str, ...]

    def __post_init__(self) -> None:
        self._committed = dict.fromkeys(self.broker.places(self.topics), 0)
        self._done: dict[Place, set[int]] = {place: set() for place in self._committed}

    def open(self) -> list[Incoming]:
        """What may be worked on now, the messages of each partition in their order."""
        found = []
        for place, first in self._committed.items():
            window = self.broker.partitions[place][first : first + AHEAD]
            found += [one for one in window if one.offset not in self._done[place]]
        return found

    def read_before(self) -> list[Incoming]:
        """What was done already and could be delivered again."""
        return [
            one
            for place, first in self._committed.items()
            for one in self.broker.partitions[place]
            if one.offset < first or one.offset in self._done[place]
        ]

    def done(self, message: Incoming) -> None:
        """Let go of a message; only the finished prefix is committed."""
        place = (message.topic, message.partition)
        self._done[place].add(message.offset)
        while self._committed[place] in self._done[place]:
            self._done[place].remove(self._committed[place])
            self._committed[place] += 1

    def forget_what_is_not_committed(self) -> None:
        """The process died: another begins where the last commit stands."""
        for done in self._done.values():
            done.clear()


class MemoryReader:
    """What `rebuild` reads with, as streams.tracker.topic_reader.TopicReader does from Kafka."""

    def __init__(self, broker: Broker, portion: int = 50, dies_after: int | None = None) -> None:
        self._broker, self._portion, self._left = broker, portion, dies_after
        self._offsets: dict[Place, int] = {}

    def partitions(self, topics: Sequence[str]) -> list[Place]:
        """All partitions of these topics."""
        return self._broker.places(topics)

    def assign(self, offsets: dict[Place, int]) -> None:
        """Read these from here on."""
        self._offsets = dict(offsets)

    def poll(self) -> list[Incoming]:
        """The next portion."""
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                raise Crash
        found: list[Incoming] = []
        for place, offset in self._offsets.items():
            room = self._portion - len(found)
            found += self._broker.partitions[place][offset : offset + room]
        for one in found:
            self._offsets[one.topic, one.partition] = one.offset + 1
        return found

    def read_to_the_end(self, offsets: Mapping[Place, int]) -> Iterator[list[Incoming]]:
        """All that stands in these partitions, in portions."""
        self.assign(dict(offsets))
        while portion := self.poll():
            yield portion

"""How far each consumer group is: what it has still to finish, and since when it has not moved."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from confluent_kafka import Consumer, TopicPartition

from infra import topics
from streams import topology
from streams.kafka.client import Partition

ANSWER_SECONDS = 5.0
TAIL = 16
"""Where so little is left for some looks, it may be no message at all."""
CHECKS = 3


@dataclass(frozen=True)
class GroupLag:
    """One group at one moment."""

    lag: int
    """Records it has still to finish."""
    committed: int
    """Sum of its offsets, which grows with each record it finishes."""


class ConsumerGroups:
    """Asks the broker how far the groups are; keeps its connections, since each costs a while."""

    def __init__(self, brokers: str) -> None:
        """Asks nothing yet."""
        self._client = topics.admin(brokers)
        self._groups = topology.groups()
        self._consumers: dict[str, Consumer] = {}
        self._open = ExitStack()
        self._tails: dict[tuple[str, Partition], _Tail] = {}
        self._asked = False

    def standing(self) -> dict[str, GroupLag]:
        """Every group. Raises KafkaException while the broker is away."""
        names = {name for group in self._groups.values() for name in group}
        counts = topics.partition_counts(self._client, names, ANSWER_SECONDS)
        every = [(name, number) for name in names for number in range(counts[name])]
        ends = topics.end_offsets(self._client, every)
        self._asked = False
        return {group: self._of(group, ends) for group in self._groups}

    def close(self) -> None:
        """Let go of the broker."""
        self._open.close()

    def _of(self, group: str, ends: Mapping[Partition, int]) -> GroupLag:
        if group not in self._consumers:
            client = topics.group_client(self._client, group)
            self._consumers[group] = self._open.enter_context(client)
        own = [TopicPartition(*at) for at in ends if at[0] in self._groups[group]]
        found = self._consumers[group].committed(own, timeout=ANSWER_SECONDS)
        known = {(one.topic, one.partition): max(one.offset, 0) for one in found}
        lag = sum(self._left(group, at, offset, ends[at]) for at, offset in known.items())
        return GroupLag(lag, sum(known.values()))

    def _left(self, group: str, at: Partition, offset: int, end: int) -> int:
        """Records from an offset to the end; none when only markers of transactions stand there."""
        tail = self._tails.pop((group, at), None)
        if not 0 < end - offset <= TAIL:
            return max(0, end - offset)
        if tail is None or (tail.offset, tail.end) != (offset, end):
            tail = _Tail(offset, end)
        tail.looks += 1
        # One at a look, since it takes a while.
        if tail.looks >= CHECKS and tail.holds is None and not self._asked:
            self._asked = True
            tail.holds = topics.holds_a_message(self._client, at, offset)
        self._tails[group, at] = tail
        return 0 if tail.holds is False else end - offset


@dataclass
class _Tail:
    """The little that a group has left in one partition, and at how many looks it was the same."""

    offset: int
    end: int
    looks: int = 0
    holds: bool | None = None
    """Whether there is a message in it; None while that is not known."""


@dataclass
class _Seen:
    committed: int
    since: float


class StallDetector:
    """Since when each group has had work and not moved; only time in which it could have counts."""

    def __init__(self) -> None:
        """Has seen nothing yet."""
        self._seen: dict[str, _Seen] = {}

    def still_for(
        self, standing: Mapping[str, GroupLag], able: Callable[[str], bool], now: float
    ) -> dict[str, float]:
        """Seconds, by group. `able` tells whether a group has all that it needs to move."""
        for group, one in standing.items():
            seen = self._seen.get(group)
            if seen is None or seen.committed != one.committed or one.lag == 0 or not able(group):
                self._seen[group] = _Seen(one.committed, now)
        return {group: now - self._seen[group].since for group in standing}

"""How far each consumer group is: what it has still to finish, and since when it has not moved."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from confluent_kafka import Consumer, TopicPartition

from infra import topics
from infra.topics import Partition
from streams import topology
from streams.kafka.stalled_partitions import StalledPartitions

ANSWER_SECONDS = 5.0
TAIL = 16
"""The most records that may all be transaction markers; a larger lag is not checked for them."""
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
        self._stalled = {group: StalledPartitions(CHECKS) for group in self._groups}

    def standing(self) -> dict[str, GroupLag]:
        """Every group. Raises KafkaException while the broker is away."""
        names = {name for group in self._groups.values() for name in group}
        counts = topics.partition_counts(self._client, names, ANSWER_SECONDS)
        every = [(name, number) for name in names for number in range(counts[name])]
        ends = topics.end_offsets(self._client, every)
        committed = {group: self._committed(group, ends) for group in self._groups}
        self._find_markers(committed, ends)
        return {group: self._lag(group, offsets, ends) for group, offsets in committed.items()}

    def close(self) -> None:
        """Let go of the broker."""
        self._open.close()

    def _committed(self, group: str, ends: Mapping[Partition, int]) -> dict[Partition, int]:
        if group not in self._consumers:
            client = topics.group_client(self._client, group)
            self._consumers[group] = self._open.enter_context(client)
        own = [TopicPartition(*at) for at in ends if at[0] in self._groups[group]]
        found = self._consumers[group].committed(own, timeout=ANSWER_SECONDS)
        return {(one.topic, one.partition): max(one.offset, 0) for one in found}

    def _find_markers(
        self, committed: Mapping[str, Mapping[Partition, int]], ends: Mapping[Partition, int]
    ) -> None:
        """Ask about one suspect partition, since an answer takes a while."""
        suspects = []
        for group, offsets in committed.items():
            tails = {at: offset for at, offset in offsets.items() if ends[at] - offset <= TAIL}
            suspects += [(group, at) for at in self._stalled[group].suspects(tails, ends)]
        for group, at in suspects[:1]:
            found = topics.holds_a_message(self._client, at, committed[group][at])
            self._stalled[group].answer(at, found)

    def _lag(
        self, group: str, offsets: Mapping[Partition, int], ends: Mapping[Partition, int]
    ) -> GroupLag:
        """Records from each offset to the end; none where only transaction markers follow."""
        only_markers = self._stalled[group].only_markers
        lag = sum(
            max(0, ends[at] - offset) for at, offset in offsets.items() if not only_markers(at)
        )
        return GroupLag(lag, sum(offsets.values()))


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

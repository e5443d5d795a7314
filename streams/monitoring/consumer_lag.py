"""The lag of each consumer group, and for how long a group with a lag has made no progress."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from confluent_kafka import Consumer, TopicPartition

from infra import topics
from infra.kafka_access import Brokers
from infra.topics import Partition
from schemas.catalogue import AUDIT_PREMIS
from streams import topology
from streams.kafka.stalled_partitions import StalledPartitions

REQUEST_SECONDS = 5.0
TAIL_RECORDS = 16
"""A lag this small may consist of transaction markers, which no consumer is given."""
CHECKS = 3
"""A tail that is the same at this many checks is read."""


@dataclass(frozen=True)
class GroupLag:
    """One group at one moment."""

    lag: int
    """Records between its offsets and the ends of its partitions."""
    committed: int
    """Sum of its offsets, which grows with each record it finishes."""


class ConsumerGroups:
    """The groups of a line on the broker. Keeps its connections, which are slow to open."""

    def __init__(
        self, brokers: Brokers, sealed_topic: Callable[[], str] = lambda: AUDIT_PREMIS.name
    ) -> None:
        """Sends no request yet. `sealed_topic` gives the topic that the projector reads."""
        self._client, self._sealed_topic = topics.admin(brokers), sealed_topic
        self._groups = topology.groups()
        self._consumers: dict[str, Consumer] = {}
        self._open = ExitStack()
        self._stalled = {group: StalledPartitions(CHECKS) for group in self._groups}

    def lags(self) -> dict[str, GroupLag]:
        """The lag of every group. Raises KafkaException while the broker is unavailable, KeyError
        for a missing topic."""
        self._groups = topology.groups(self._sealed_topic())
        names = {name for group in self._groups.values() for name in group}
        counts = topics.partition_counts(self._client, names, REQUEST_SECONDS)
        every = [(name, number) for name in names for number in range(counts[name])]
        ends = topics.end_offsets(self._client, every)
        committed = {group: self._committed(group, ends) for group in self._groups}
        self._find_markers(committed, ends)
        return {group: self._lag(group, offsets, ends) for group, offsets in committed.items()}

    def close(self) -> None:
        """Close the connections."""
        self._open.close()

    def _committed(self, group: str, ends: Mapping[Partition, int]) -> dict[Partition, int]:
        if group not in self._consumers:
            client = topics.group_client(self._client, group)
            self._consumers[group] = self._open.enter_context(client)
        own = [TopicPartition(*at) for at in ends if at[0] in self._groups[group]]
        found = self._consumers[group].committed(own, timeout=REQUEST_SECONDS)
        return {(one.topic, one.partition): max(one.offset, 0) for one in found}

    def _find_markers(
        self, committed: Mapping[str, Mapping[Partition, int]], ends: Mapping[Partition, int]
    ) -> None:
        """Ask about one suspect partition, since an answer takes a while."""
        suspects = []
        for group, offsets in committed.items():
            tails = {
                at: offset for at, offset in offsets.items() if ends[at] - offset <= TAIL_RECORDS
            }
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
class _Progress:
    committed: int
    since: float


class StallDetector:
    """For how long each group has had a lag without finishing a record."""

    def __init__(self) -> None:
        """Knows no group yet."""
        self._progress: dict[str, _Progress] = {}

    def stalled_seconds(
        self, lags: Mapping[str, GroupLag], can_progress: Callable[[str], bool], now: float
    ) -> dict[str, float]:
        """Seconds, by group. Time in which `can_progress` is false for a group does not count."""
        for group, one in lags.items():
            last = self._progress.get(group)
            if (
                last is None
                or last.committed != one.committed
                or one.lag == 0
                or not can_progress(group)
            ):
                self._progress[group] = _Progress(one.committed, now)
        return {group: now - self._progress[group].since for group in lags}

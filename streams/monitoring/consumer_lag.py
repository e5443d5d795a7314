"""The lag of each consumer group, and for how long a group with a lag has made no progress."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from confluent_kafka import Consumer, TopicPartition

from infra import topics
from streams import topology
from streams.kafka.client import Partition

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

    def __init__(self, brokers: str) -> None:
        """Sends no request yet."""
        self._client = topics.admin(brokers)
        self._groups = topology.groups()
        self._consumers: dict[str, Consumer] = {}
        self._open = ExitStack()
        self._tails: dict[tuple[str, Partition], _Tail] = {}
        self._tail_was_read = False

    def lags(self) -> dict[str, GroupLag]:
        """The lag of every group. Raises KafkaException while the broker is unavailable, KeyError
        for a missing topic."""
        names = {name for group in self._groups.values() for name in group}
        counts = topics.partition_counts(self._client, names, REQUEST_SECONDS)
        partitions = [(name, number) for name in names for number in range(counts[name])]
        ends = topics.end_offsets(self._client, partitions)
        self._tail_was_read = False
        return {group: self._lag_of(group, ends) for group in self._groups}

    def close(self) -> None:
        """Close the connections."""
        self._open.close()

    def _lag_of(self, group: str, ends: Mapping[Partition, int]) -> GroupLag:
        if group not in self._consumers:
            client = topics.group_client(self._client, group)
            self._consumers[group] = self._open.enter_context(client)
        own = [TopicPartition(*at) for at in ends if at[0] in self._groups[group]]
        committed = self._consumers[group].committed(own, timeout=REQUEST_SECONDS)
        offsets = {(one.topic, one.partition): max(one.offset, 0) for one in committed}
        lag = sum(self._unfinished(group, at, offset, ends[at]) for at, offset in offsets.items())
        return GroupLag(lag, sum(offsets.values()))

    def _unfinished(self, group: str, at: Partition, offset: int, end: int) -> int:
        """Records from an offset to the end; 0 when these are only transaction markers."""
        tail = self._tails.pop((group, at), None)
        if not 0 < end - offset <= TAIL_RECORDS:
            return max(0, end - offset)
        if tail is None or (tail.offset, tail.end) != (offset, end):
            tail = _Tail(offset, end)
        tail.checks += 1
        # Reading takes a while, so at most one tail is read at each check.
        if tail.checks >= CHECKS and tail.has_message is None and not self._tail_was_read:
            self._tail_was_read = True
            tail.has_message = topics.holds_a_message(self._client, at, offset)
        self._tails[group, at] = tail
        return 0 if tail.has_message is False else end - offset


@dataclass
class _Tail:
    """The last records of a partition that a group has not finished."""

    offset: int
    end: int
    checks: int = 0
    """At how many checks it was the same."""
    has_message: bool | None = None
    """Whether it contains a message; None until it is read."""


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

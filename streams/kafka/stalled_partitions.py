"""Detects partitions that are not read although their consumer waits for messages.

After a broker failure librdkafka 2.16 sometimes does not fetch one of many partitions again
(docs/decisions/0015)."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from confluent_kafka import KafkaException

from infra import topics
from infra.kafka_access import Brokers
from infra.topics import Partition
from streams.runtime.fatal_errors import end_process

CHECK_EVERY_SECONDS = 5.0
IDLE_AFTER_SECONDS = 2.0
CHECKS = 6
"""Number of consecutive checks with an unchanged offset after which the broker is asked."""
IdleOffsets = Callable[[], Mapping[Partition, int] | None]
"""The next offset that a consumer wants of each partition; None while it receives messages or does
not want any."""


class IdleTimer:
    """Measures for how long a consumer has wanted messages and received none."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: float | None = None

    def polled(self, *, waits: bool) -> None:
        """The consumer asked for a message; `waits` when it wanted one and received none."""
        if not waits:
            self._since = None
        elif self._since is None:
            self._since = self._clock()

    def __bool__(self) -> bool:
        """Whether it has waited so long that no message is on its way."""
        since = self._since
        return since is not None and self._clock() - since > IDLE_AFTER_SECONDS


@dataclass
class _Stall:
    """A partition whose offset does not change although records follow it."""

    offset: int
    end: int
    checks: int = 0
    holds_message: bool | None = None


class StalledPartitions:
    """Finds partitions whose offset stays the same for several checks although records follow it.

    These records may be transaction markers, which no consumer receives. The caller asks the broker
    about each suspect and reports the answer."""

    def __init__(self, checks: int = CHECKS) -> None:
        """A partition is suspect after this number of consecutive checks."""
        self._checks = checks
        self._stalls: dict[Partition, _Stall] = {}

    def suspects(
        self, offsets: Mapping[Partition, int], ends: Mapping[Partition, int]
    ) -> list[Partition]:
        """Partitions to ask the broker about now; one that is missing here is forgotten."""
        self._stalls = {
            partition: self._checked(partition, offset, ends[partition])
            for partition, offset in offsets.items()
            if offset < ends[partition]
        }
        return [
            partition
            for partition, stall in self._stalls.items()
            if stall.checks >= self._checks and stall.holds_message is None
        ]

    def answer(self, partition: Partition, holds_message: bool | None) -> None:
        """The answer of the broker about a suspect; None begins its count again."""
        stall = self._stalls[partition]
        stall.holds_message = holds_message
        if holds_message is None:
            stall.checks = 0

    def only_markers(self, partition: Partition) -> bool:
        """Whether the broker answered that no message follows the offset."""
        stall = self._stalls.get(partition)
        return stall is not None and stall.holds_message is False

    def _checked(self, partition: Partition, offset: int, end: int) -> _Stall:
        stall = self._stalls.get(partition)
        if stall is None or stall.offset != offset:
            stall = _Stall(offset, end)
        if stall.end != end and stall.holds_message is False:
            # A message may have come after the markers; the consumer has all the time to read it.
            stall.holds_message, stall.checks = None, 0
        stall.end = end
        stall.checks += 1
        return stall


def watch_partitions(brokers: Brokers, consumers: Iterable[IdleOffsets]) -> None:
    """Check consumers in a thread and end the process when a partition is not read.

    The next process reads it; no offset of unfinished work was committed."""
    threading.Thread(
        target=_watch, args=(brokers, consumers), name="stalled-partitions", daemon=True
    ).start()


def _watch(brokers: Brokers, consumers: Iterable[IdleOffsets]) -> None:
    client, pause = topics.admin(brokers), threading.Event()
    watched = [(idle_offsets, StalledPartitions()) for idle_offsets in consumers]
    while not pause.wait(CHECK_EVERY_SECONDS):
        for idle_offsets, stalled in watched:
            wanted = idle_offsets()
            if not wanted:
                continue
            try:
                suspects = stalled.suspects(wanted, topics.end_offsets(client, wanted))
            except KafkaException:
                continue  # the broker is down
            for partition in suspects:
                found = topics.holds_a_message(client, partition, wanted[partition])
                stalled.answer(partition, found)
                if found:
                    topic, number = partition
                    end_process(
                        "partition is not read",
                        topic=topic,
                        partition=number,
                        offset=wanted[partition],
                    )

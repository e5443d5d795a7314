"""Notices a partition that is not read although its consumer waits for messages: now and then
librdkafka 2.16 does not fetch one of many again after its broker died (docs/decisions/0015)."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping

from confluent_kafka import KafkaException

from infra import topics
from streams.kafka.client import Partition
from streams.runtime.fatal_errors import end_process

LOOK_EVERY_SECONDS = 5.0
IDLE_AFTER_SECONDS = 2.0
CHECKS = 6
"""So many looks in a row must find it unread, and as many again before it is told again."""
IdleOffsets = Callable[[], Mapping[Partition, int] | None]
"""The next offset that a consumer wants of each partition; None while it is given messages, or
wants none."""


class IdleTimer:
    """Since when a consumer has waited in vain for messages that it wants."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Has not waited yet."""
        self._clock = clock
        self._since: float | None = None

    def polled(self, *, waits: bool) -> None:
        """It asked for a message; `waits` when it wanted one and got none."""
        if not waits:
            self._since = None
        elif self._since is None:
            self._since = self._clock()

    def __bool__(self) -> bool:
        """Whether it has waited so long that nothing is on its way to it."""
        since = self._since
        return since is not None and self._clock() - since > IDLE_AFTER_SECONDS


class StalledPartitions:
    """Counts the looks at which a message stood ready that a waiting consumer did not get."""

    def __init__(self) -> None:
        """Has not looked yet."""
        self._seen: dict[Partition, tuple[int, int]] = {}

    def look(
        self, wanted: Mapping[Partition, int], ends: Mapping[Partition, int]
    ) -> list[Partition]:
        """Partitions that their waiting consumer is not given, each told at every LOOKS-th look."""
        before = {place: self._seen.get(place, (-1, 0)) for place in wanted}
        self._seen = {
            place: (offset, before[place][1] + 1 if before[place][0] == offset else 1)
            for place, offset in wanted.items()
            if offset < ends[place]
        }
        return [place for place, (_, looks) in self._seen.items() if looks % CHECKS == 0]


def watch_partitions(brokers: str, consumers: Iterable[IdleOffsets]) -> None:
    """Look again and again, in a thread of its own, and end the process when one is not given what
    stands ready: the next process reads it, and nothing unfinished was committed."""
    threading.Thread(target=_watch, args=(brokers, consumers), name="unread", daemon=True).start()


def _watch(brokers: str, consumers: Iterable[IdleOffsets]) -> None:
    client, pause = topics.admin(brokers), threading.Event()
    looks = [(hungry, StalledPartitions()) for hungry in consumers]
    while not pause.wait(LOOK_EVERY_SECONDS):
        for hungry, unread in looks:
            wanted = hungry()
            if not wanted:
                continue
            try:
                stuck = unread.look(wanted, topics.end_offsets(client, wanted))
            except KafkaException:
                continue  # the broker is away
            for place in stuck:
                if topics.holds_a_message(client, place, wanted[place]):
                    end_process(f"{place} is not read from {wanted[place]}; the next process does")

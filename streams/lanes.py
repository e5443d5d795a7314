"""What a worker does next: rush before normal, masters before what is made of them, and a minimum
for whatever has waited longest."""

import heapq
import itertools
import threading
from dataclasses import dataclass, field

from schemas.catalogue import LANES
from streams.driver import Driver
from streams.source import Ticket

LANE_RANK = {lane: rank for rank, lane in enumerate(LANES)}
"""Lower goes first: what secures a master comes before what is made from it."""
PRIORITY_RANK = {"rush": 0, "normal": 1, "night": 2}
MINIMUM_EVERY = 3
"""Each third choice is the oldest task of all, so that no lane starves."""


@dataclass(frozen=True)
class Task:
    """One message that waits for a child."""

    lane: str
    priority: str
    driver: Driver
    ticket: Ticket


@dataclass(order=True)
class _Entry:
    order: tuple[int, int, int]
    task: Task = field(compare=False)


class TaskQueue:
    """Tasks of all lanes; safe to use from several threads."""

    def __init__(self) -> None:
        self._by_order: list[_Entry] = []
        self._by_age: list[tuple[int, _Entry]] = []
        self._gone: set[int] = set()
        self._numbers, self._choices = itertools.count(), itertools.count(1)
        self._changed = threading.Condition()

    def put(self, task: Task) -> None:
        """Add a task."""
        with self._changed:
            number = next(self._numbers)
            rank = PRIORITY_RANK.get(task.priority, 1)
            entry = _Entry((rank, LANE_RANK[task.lane], number), task)
            heapq.heappush(self._by_order, entry)
            heapq.heappush(self._by_age, (number, entry))
            self._changed.notify()

    def get(self) -> Task:
        """The next task; waits for one."""
        with self._changed:
            while True:
                entry = (
                    self._oldest() if next(self._choices) % MINIMUM_EVERY == 0 else self._first()
                )
                if entry is not None:
                    return entry.task
                self._changed.wait()

    def _first(self) -> _Entry | None:
        while self._by_order:
            entry = heapq.heappop(self._by_order)
            if self._is_new(entry.order[2]):
                return entry
        return None

    def _oldest(self) -> _Entry | None:
        while self._by_age:
            number, entry = heapq.heappop(self._by_age)
            if self._is_new(number):
                return entry
        return None

    def _is_new(self, number: int) -> bool:
        """Whether it was not given out through the other order; each stands in both, once."""
        if number in self._gone:
            self._gone.discard(number)
            return False
        self._gone.add(number)
        return True

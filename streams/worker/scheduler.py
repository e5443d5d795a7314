"""What a worker does next: urgent work first, then what secures masters, and regularly the oldest
task."""

import heapq
import itertools
import threading
from collections import deque
from dataclasses import dataclass
from typing import Protocol

from schemas.catalogue import LANES
from streams.execution.driver import Driver
from streams.kafka.consumer import Delivery

LANE_RANK = {lane: rank for rank, lane in enumerate(LANES)}
"""Lower is first: masters are secured before anything is derived from them."""
PRIORITY_RANK = {"rush": 0, "normal": 1, "night": 2}
CHECK_EVERY_SECONDS = 0.5
OLDEST_EVERY = 3
"""Every third choice is the oldest task, so that no lane starves."""


@dataclass(frozen=True)
class Task:
    """One message that waits for a child process."""

    lane: str
    priority: str
    driver: Driver
    delivery: Delivery


class AdmissionGate(Protocol):
    """Holds lanes back, while what they depend on fails or beyond a limit."""

    def admits(self, lane: str) -> bool:
        """Whether the lane may begin work now; asked repeatedly."""
        ...

    def began(self, lane: str) -> None:
        """Work of the lane begins, in the thread that calls."""
        ...

    def ended(self, lane: str) -> None:
        """Work of the lane has ended, in the thread in which it began."""
        ...


class _Lane:
    """The tasks of one lane, in order of priority and in order of age."""

    def __init__(self) -> None:
        self._by_priority: list[tuple[int, int]] = []
        self._by_age: deque[int] = deque()
        self._tasks: dict[int, Task] = {}

    def put(self, number: int, task: Task) -> None:
        self._tasks[number] = task
        heapq.heappush(self._by_priority, (PRIORITY_RANK.get(task.priority, 1), number))
        self._by_age.append(number)

    def first(self) -> tuple[int, int] | None:
        """Priority and number of the most urgent task; None when there is none."""
        while self._by_priority and self._by_priority[0][1] not in self._tasks:
            heapq.heappop(self._by_priority)
        return self._by_priority[0] if self._by_priority else None

    def oldest(self) -> int | None:
        """Number of the task that has waited longest; None when there is none."""
        while self._by_age and self._by_age[0] not in self._tasks:
            self._by_age.popleft()
        return self._by_age[0] if self._by_age else None

    def take(self, number: int) -> Task:
        return self._tasks.pop(number)


class TaskQueue:
    """Tasks of all lanes; safe to use from several threads."""

    def __init__(self, *gates: AdmissionGate) -> None:
        """A lane is served while all gates admit it."""
        self._lanes = {lane: _Lane() for lane in LANES}
        self._gates = gates
        self._numbers, self._choices = itertools.count(), itertools.count(1)
        self._changed = threading.Condition()

    def put(self, task: Task) -> None:
        """Add a task."""
        with self._changed:
            self._lanes[task.lane].put(next(self._numbers), task)
            self._changed.notify()

    def get(self) -> Task:
        """The next task; waits for one."""
        with self._changed:
            while True:
                task = self._choose()
                if task is not None:
                    return task
                self._changed.wait(CHECK_EVERY_SECONDS)

    def ended(self, task: Task) -> None:
        """A task has ended, in the thread that got it: another one of its lane may begin."""
        with self._changed:
            for gate in self._gates:
                gate.ended(task.lane)
            self._changed.notify()

    def open_gates(self) -> None:
        """Serve all lanes from now on: at shutdown waiting tasks are returned, not executed."""
        with self._changed:
            self._gates = ()
            self._changed.notify_all()

    def _choose(self) -> Task | None:
        candidates = []
        for lane, tasks in self._lanes.items():
            first, oldest = tasks.first(), tasks.oldest()
            if first is not None and oldest is not None and self._admits(lane):
                priority, number = first
                candidates.append(((priority, LANE_RANK[lane]), number, oldest, tasks))
        if not candidates:
            return None
        if next(self._choices) % OLDEST_EVERY == 0:
            _, _, number, lane_tasks = min(candidates, key=lambda one: one[2])
        else:
            _, number, _, lane_tasks = min(candidates, key=lambda one: one[0])
        task = lane_tasks.take(number)
        for gate in self._gates:
            gate.began(task.lane)
        return task

    def _admits(self, lane: str) -> bool:
        return all(gate.admits(lane) for gate in self._gates)

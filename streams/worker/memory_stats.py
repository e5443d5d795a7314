"""How much memory the tasks of each step leave behind in the child processes of the pool."""

import ctypes
import json
import logging
import os
import sys
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from infra.files import write_atomic

log = logging.getLogger(__name__)

WRITE_AFTER_SECONDS = 5.0
CHILDREN_REMEMBERED = 256
WARM_UP_TASKS = 50
"""First tasks of a child that do not count: libraries are loaded, heaps reach their size."""
WARM_UP_TASKS_OF_STEP = 5
SMALL_BLOCK_BYTES = 64
"""The approximate size of one of Python's small blocks, which do not come from malloc."""


class Mallinfo(ctypes.Structure):
    """struct mallinfo2 of glibc's malloc.h."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks",
            "fordblks", "keepcost",
        )
    )  # fmt: skip


def _mallinfo2() -> Callable[[], Mallinfo] | None:
    try:
        function = ctypes.CDLL(None).mallinfo2
    except AttributeError:
        return None  # before glibc 2.33
    function.restype = Mallinfo
    typed: Callable[[], Mallinfo] = function
    return typed


_malloc_info = _mallinfo2()


def resident_bytes() -> int:
    """Resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def malloced_bytes() -> int:
    """Memory that malloc has allocated, mapped blocks included; 0 when it does not say."""
    if _malloc_info is None:
        return 0
    found = _malloc_info()
    return int(found.uordblks + found.hblkhd)


@dataclass(frozen=True)
class MemoryLevel:
    """Memory of this process at one moment."""

    resident: int
    held: int
    """In use by malloc and by Python. Resident memory varies with the fragmentation of the heap;
    this value does not."""


def memory_level() -> MemoryLevel:
    """Memory of this process now."""
    resident = resident_bytes()
    if _malloc_info is None:
        return MemoryLevel(resident, resident)
    return MemoryLevel(resident, malloced_bytes() + SMALL_BLOCK_BYTES * sys.getallocatedblocks())


@dataclass(frozen=True)
class MemoryDelta:
    """Memory of a child before and after a task."""

    pid: int
    step: str
    before: MemoryLevel
    after: MemoryLevel
    settled: bool
    """Whether the child was warmed up, so that growth is significant."""

    @property
    def grown(self) -> int:
        """Resident memory that the task left behind, in bytes."""
        return self.after.resident - self.before.resident

    @property
    def held(self) -> int:
        """Memory that the task did not free, in bytes."""
        return self.after.held - self.before.held


class TaskProbe:
    """Lives in a child: records what each task left behind until the worker takes the records."""

    def __init__(self) -> None:
        self._done: Counter[str] = Counter()
        self._deltas: list[MemoryDelta] = []

    def record(self, step: str, before: MemoryLevel) -> None:
        """A task of a step has ended with any outcome, and has freed what it does not need."""
        settled = self._done.total() >= WARM_UP_TASKS and self._done[step] >= WARM_UP_TASKS_OF_STEP
        self._done[step] += 1
        self._deltas.append(MemoryDelta(os.getpid(), step, before, memory_level(), settled))

    def drain(self) -> tuple[MemoryDelta, ...]:
        """The records since the last call; those of tasks that raised an error come late."""
        deltas, self._deltas = tuple(self._deltas), []
        return deltas


@dataclass
class StepMemory:
    """The figures of one step."""

    tasks: int = 0
    settled_tasks: int = 0
    grown_bytes: int = 0
    """Resident memory that all settled tasks left behind."""
    held_bytes: int = 0
    """Memory that they did not free."""
    most_bytes: int = 0
    """Size of the largest child after a task of this step."""
    recycles: int = 0
    """Children that were replaced because of their size, which grew most in this step."""

    def add(self, delta: MemoryDelta) -> None:
        """Count a task."""
        self.tasks += 1
        self.most_bytes = max(self.most_bytes, delta.after.resident)
        if delta.settled:
            self.settled_tasks += 1
            self.grown_bytes += delta.grown
            self.held_bytes += delta.held


@dataclass
class StepMemoryStats:
    """Lives in the worker: the figures of all its children, regularly written to a file."""

    path: Path
    about: dict[str, Any]
    """Further fields of the file: whose figures these are."""
    steps: dict[str, StepMemory] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        # Growth of each child, by step: shows which step made it too large.
        self._children: OrderedDict[int, Counter[str]] = OrderedDict()
        self._since = _now()

    def add(self, deltas: Iterable[MemoryDelta]) -> None:
        """Count tasks."""
        with self._lock:
            for delta in deltas:
                self._of(delta.step).add(delta)
                child = self._children.setdefault(delta.pid, Counter())
                child[delta.step] += delta.grown
                self._children.move_to_end(delta.pid)
            while len(self._children) > CHILDREN_REMEMBERED:
                self._children.popitem(last=False)
            self._write_later()

    def recycled(self, pid: int | None) -> str | None:
        """A child is replaced because of its size; the step in which it grew most, if known."""
        with self._lock:
            grown = self._children.pop(pid or 0, None)
            if not grown:
                return None
            step = max(sorted(grown), key=lambda name: grown[name])
            self._of(step).recycles += 1
            self._write_later()
            return step

    def close(self) -> None:
        """Write the final figures."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
        self._write()

    def _of(self, step: str) -> StepMemory:
        return self.steps.setdefault(step, StepMemory())

    def _write_later(self) -> None:
        if self._timer is None:
            self._timer = threading.Timer(WRITE_AFTER_SECONDS, self._write)
            self._timer.daemon = True
            self._timer.start()

    def _write(self) -> None:
        with self._lock:
            self._timer = None
            if not self.steps:
                return  # the figures of the previous worker are still of use
            steps = {name: asdict(figures) for name, figures in sorted(self.steps.items())}
            text = json.dumps(
                {**self.about, "since": self._since, "written_at": _now(), "steps": steps}, indent=1
            )
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                write_atomic(self.path, text + "\n", durable=False)
            except OSError as error:
                # The figures are for people: no work fails because of them.
                log.warning("memory statistics not written", extra={"error": str(error)})


def stats_of(run: Path, worker_id: str, recycle_bytes: int) -> StepMemoryStats:
    """The statistics of a worker that starts now; they replace those of its predecessor."""
    about = {"worker": worker_id, "pid": os.getpid(), "recycle_bytes": recycle_bytes}
    return StepMemoryStats(run / "memory" / f"{quote(worker_id, safe='')}.json", about)


def read_stats(run: Path) -> list[dict[str, Any]]:
    """What the workers of a home have written last, by their names."""
    found = []
    for path in sorted((run / "memory").glob("*.json")):
        try:
            found.append(json.loads(path.read_text("utf-8")))
        except (OSError, ValueError):
            continue  # the home may be removed at this moment
    return found


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

"""What tasks leave behind in the memory of the pool's children, as running figures by step."""

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
SETTLED_AFTER_TASKS = 50
"""Tasks of a child that do not count: libraries are loaded, heaps reach their size."""
SETTLED_AFTER_TASKS_OF_STEP = 5


SMALL_BLOCK_BYTES = 64
"""What one of Python's small blocks takes, about; they are not malloc's."""


class Mallinfo(ctypes.Structure):
    """struct mallinfo2 of glibc's malloc.h."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks",
            "fordblks", "keepcost",
        )
    )  # fmt: skip


def _mallinfo() -> Callable[[], Mallinfo] | None:
    try:
        found = ctypes.CDLL(None).mallinfo2
    except AttributeError:
        return None  # before glibc 2.33
    found.restype = Mallinfo
    told: Callable[[], Mallinfo] = found
    return told


_told_by_malloc = _mallinfo()


def resident_bytes() -> int:
    """Resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def malloced_bytes() -> int:
    """What malloc has handed out and not got back, mapped blocks too; 0 when it cannot tell."""
    if _told_by_malloc is None:
        return 0
    found = _told_by_malloc()
    return int(found.uordblks + found.hblkhd)


@dataclass(frozen=True)
class MemoryLevel:
    """Memory of this process at a moment."""

    resident: int
    held: int
    """In use, by malloc and by Python. Resident memory goes up and down with the pieces in which a
    heap lies; this does not."""


def memory_level() -> MemoryLevel:
    """Memory of this process now."""
    resident = resident_bytes()
    if _told_by_malloc is None:
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
    """Whether the child had done enough before that growth means something."""

    @property
    def grown(self) -> int:
        """Bytes of resident memory that the task left behind."""
        return self.after.resident - self.before.resident

    @property
    def held(self) -> int:
        """Bytes that the task did not free."""
        return self.after.held - self.before.held


class TaskProbe:
    """Lives in a child: notes what each task left behind until somebody is told."""

    def __init__(self) -> None:
        self._done: Counter[str] = Counter()
        self._untold: list[MemoryDelta] = []

    def note(self, step: str, before: MemoryLevel) -> None:
        """A task of a step has ended, whatever came of it; all that it does not need is freed."""
        settled = (
            self._done.total() >= SETTLED_AFTER_TASKS
            and self._done[step] >= SETTLED_AFTER_TASKS_OF_STEP
        )
        self._done[step] += 1
        self._untold.append(MemoryDelta(os.getpid(), step, before, memory_level(), settled))

    def told(self) -> tuple[MemoryDelta, ...]:
        """What was noted since it was last asked: tasks that raised something come later."""
        untold, self._untold = tuple(self._untold), []
        return untold


@dataclass
class StepMemory:
    """What is known of a step."""

    tasks: int = 0
    settled_tasks: int = 0
    grown_bytes: int = 0
    """Resident memory that the settled tasks left behind, all together."""
    held_bytes: int = 0
    """What they did not free."""
    most_bytes: int = 0
    """The largest child after a task of this step."""
    recycles: int = 0
    """Children that were replaced since they were too large, mostly because of this step."""

    def add(self, left: MemoryDelta) -> None:
        """Count a task."""
        self.tasks += 1
        self.most_bytes = max(self.most_bytes, left.after.resident)
        if left.settled:
            self.settled_tasks += 1
            self.grown_bytes += left.grown
            self.held_bytes += left.held


@dataclass
class StepMemoryStats:
    """Lives in the worker: the figures of all its children, written to a file now and then."""

    place: Path
    facts: dict[str, Any]
    """What else stands in the file: whose figures they are."""
    steps: dict[str, StepMemory] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        # What each child has grown by, by step: it tells who made it too large.
        self._children: OrderedDict[int, Counter[str]] = OrderedDict()
        self._since = _now()

    def add(self, lefts: Iterable[MemoryDelta]) -> None:
        """Count tasks."""
        with self._lock:
            for left in lefts:
                self._of(left.step).add(left)
                child = self._children.setdefault(left.pid, Counter())
                child[left.step] += left.grown
                self._children.move_to_end(left.pid)
            while len(self._children) > CHILDREN_REMEMBERED:
                self._children.popitem(last=False)
            self._write_later()

    def recycled(self, pid: int | None) -> str | None:
        """A child was too large to go on; the step that had made it grow most, if it is known."""
        with self._lock:
            grown = self._children.pop(pid or 0, None)
            if not grown:
                return None
            step = max(sorted(grown), key=lambda name: grown[name])
            self._of(step).recycles += 1
            self._write_later()
            return step

    def close(self) -> None:
        """Write what is known at the end."""
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
                return  # what the worker before this one found still tells more
            steps = {name: asdict(figures) for name, figures in sorted(self.steps.items())}
            text = json.dumps(
                {**self.facts, "since": self._since, "written_at": _now(), "steps": steps}, indent=1
            )
            try:
                self.place.parent.mkdir(parents=True, exist_ok=True)
                write_atomic(self.place, text + "\n", durable=False)
            except OSError as why:
                # Figures for people: no work may fail for them.
                log.warning("memory figures not written", extra={"why": str(why)})


def stats_of(run: Path, worker_id: str, recycle_bytes: int) -> StepMemoryStats:
    """The book of a worker that starts now; figures of one that ran before are replaced."""
    facts = {"worker": worker_id, "pid": os.getpid(), "recycle_bytes": recycle_bytes}
    return StepMemoryStats(run / "memory" / f"{quote(worker_id, safe='')}.json", facts)


def read_stats(run: Path) -> list[dict[str, Any]]:
    """What the workers of a home have written last, by their names."""
    found = []
    for path in sorted((run / "memory").glob("*.json")):
        try:
            found.append(json.loads(path.read_text("utf-8")))
        except (OSError, ValueError):
            continue  # a worker elsewhere may be removing its home
    return found


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

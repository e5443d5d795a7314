"""The pool of child processes in which steps run: with time limits, and without orphans."""

import ctypes
import dataclasses
import itertools
import logging
import os
import resource
import shutil
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import TimeoutError as PoolTimeout
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from typing import Protocol

from pebble import ProcessExpired, ProcessPool

from infra.standards import standards_folder
from processors.outcome import ChildDied, Outcome, OutOfMemory, ToolHung
from processors.step import Step
from processors.tools import Tools
from schemas.models import FileRef
from streams.runtime.fatal_errors import end_process
from streams.settings import MEGABYTE, Settings
from streams.storage.cache.local_copies import sweep_copies
from streams.storage.factory import open_storage
from streams.storage.object_store import ObjectStore
from streams.worker.memory_stats import MemoryDelta, TaskProbe, memory_level, stats_of

log = logging.getLogger(__name__)

PR_SET_PDEATHSIG = 1
TASKS_BEFORE_RENEWAL = 2000
"""Rare enough to cost nothing: a start takes half a second. A child that grows is replaced
earlier."""
ONE_THREAD = {
    # One process for each core and one thread for each process: more threads are slower.
    "OMP_THREAD_LIMIT": "1",
    "VIPS_CONCURRENCY": "1",
    "VIPS_BLOCK_UNTRUSTED": "1",
    "MALLOC_ARENA_MAX": "2",
}

RECYCLED = 75
"""Exit code of a child that is too large for another task; the task goes to a new child."""
CHECK_EVERY_SECONDS = 0.5
LONGEST_CHECK_GAP_SECONDS = 5.0
NICENESS = 10
"""Broker, tracker and commands have precedence over image processing."""


class StepInput(Protocol):
    """What a step takes: a fact, or other work that names its files."""

    @property
    def files(self) -> Sequence[FileRef]: ...


_tools: Tools | None = None
_storage: ObjectStore | None = None
_recycle_bytes: int | None = None
_heartbeat: Path | None = None
"""Of the present task."""
_probe = TaskProbe()
# Opened once: each call makes a class, which stays until the next full garbage collection.
_libc = ctypes.CDLL(None)


def start_child(settings: Settings, scratch: Path, parent: int, only_idle: bool) -> None:
    """Runs once in each child: lets it die with its parent and builds its tools.

    With `only_idle` it gets the processor time that nobody else wants."""
    global _tools, _storage, _recycle_bytes
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    # The parent handles Ctrl-C and SIGTERM and lets a running step end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.nice(NICENESS)
    if only_idle:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    _recycle_bytes = settings.recycle_bytes
    # A limit on its own data: mapped files belong to the page cache.
    resource.setrlimit(resource.RLIMIT_DATA, (settings.child_bytes, settings.child_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    own = scratch / str(os.getpid())
    own.mkdir(parents=True, exist_ok=True)
    os.environ["TMPDIR"] = str(own)
    _storage = open_storage(settings, on_wait=_give_sign_of_life)
    _tools = Tools(
        storage=_storage,
        scratch=own,
        profiles=settings.home / "profiles",
        standards=standards_folder(),
    )


def run_in_child(
    step: Step, fact: StepInput, heartbeat: Path
) -> tuple[Outcome, tuple[MemoryDelta, ...]]:
    """The outcome of a step, and the memory left behind by this task and failed earlier ones."""
    global _heartbeat
    assert _tools is not None and _storage is not None and _recycle_bytes is not None
    before = memory_level()
    if before.resident > _recycle_bytes:
        # Earlier tasks left too much behind: a new process executes this one.
        os._exit(RECYCLED)
    heartbeat.touch()
    _heartbeat = heartbeat
    tools = dataclasses.replace(_tools, progress=lambda _: _give_sign_of_life())
    try:
        outcome = step.function(fact, tools)
    finally:
        _storage.release()
        for left in _tools.scratch.iterdir():
            shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)
        _libc.malloc_trim(0)
        _probe.record(step.name, before)
    return outcome, _probe.drain()


def _give_sign_of_life() -> None:
    """Also while a transfer waits for the link: a task that waits does not hang."""
    if _heartbeat is not None:
        os.utime(_heartbeat)


def time_limit(step: Step, fact: StepInput) -> float:
    """Seconds that a step may take without a sign of life: a base and a share for each megabyte."""
    megabytes = sum(file.size_bytes for file in fact.files) / MEGABYTE
    return step.timeout_seconds + megabytes * step.seconds_per_megabyte


class Pool:
    """Runs steps in child processes."""

    def __init__(self, settings: Settings, only_idle: bool = False) -> None:
        """A pool of children, which start with the first work; with `only_idle` they work when
        the processors have nothing else to do."""
        os.environ.update(ONE_THREAD)
        cache = settings.home / "cache"
        self._scratch = cache / f"scratch-{os.getpid()}"
        _sweep_scratch(cache)
        sweep_copies(settings)
        self._pool = ProcessPool(
            max_workers=settings.pool_size,
            max_tasks=TASKS_BEFORE_RENEWAL,
            initializer=start_child,
            initargs=(settings, self._scratch, os.getpid(), only_idle),
            context=get_context("spawn"),
        )
        self._scratch.mkdir(parents=True, exist_ok=True)
        self._numbers = itertools.count()
        self._stats = stats_of(settings.run, settings.worker_id, settings.recycle_bytes)

    def run(self, step: Step, fact: StepInput) -> Outcome:
        """The outcome of a step. Raises ToolHung, ToolCrashed, OutOfMemory, or the step's error.

        A step that gives signs of life has no time limit."""
        heartbeat = self._scratch / f"heartbeat-{next(self._numbers)}"
        try:
            while True:
                try:
                    return self._outcome(step, fact, heartbeat)
                except ProcessExpired as ended:
                    if ended.exitcode != RECYCLED:
                        why = f"{step.name}: its process ended with {ended.exitcode}"
                        raise ChildDied(why) from None
                    grew_in = self._stats.recycled(ended.pid)
                    log.info(
                        "child process recycled", extra={"before": step.name, "grew_in": grew_in}
                    )
        except MemoryError as full:
            raise OutOfMemory(f"{step.name} ran out of memory: {full}") from None
        finally:
            with suppress(OSError):  # a file that is left behind does not matter
                heartbeat.unlink(missing_ok=True)

    def _outcome(self, step: Step, fact: StepInput, heartbeat: Path) -> Outcome:
        try:
            future = self._pool.schedule(run_in_child, args=(step, fact, heartbeat))
        except RuntimeError as broken:
            # To continue would use up the attempts of every message, and none is to blame.
            end_process("the pool cannot start child processes", error=str(broken))
        limit, silence = time_limit(step, fact), HeartbeatTimer(heartbeat)
        while True:
            try:
                ran: tuple[Outcome, tuple[MemoryDelta, ...]] = future.result(
                    timeout=CHECK_EVERY_SECONDS
                )
            except PoolTimeout:
                if silence.seconds() > limit:
                    future.cancel()  # ends the child, and with it its tools
                    raise ToolHung(f"{step.name} gave no sign of life in {limit:.0f} s") from None
            except BrokenProcessPool as broken:
                # A child without a task was killed: no task is to blame, and none can continue.
                end_process("the pool is broken", error=str(broken))
            else:
                outcome, deltas = ran
                self._stats.add(deltas)
                return outcome

    def close(self, patient: bool) -> None:
        """End the children: `patient` lets each one finish its task."""
        self._pool.close() if patient else self._pool.stop()
        self._pool.join()
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._stats.close()


class HeartbeatTimer:
    """How long a task has given no sign of life, measured on a clock that is never set."""

    def __init__(self, heartbeat: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._heartbeat = heartbeat
        self._clock = clock
        self._last: int | None = None
        self._checked_at = clock()
        self._seconds = 0.0

    def seconds(self) -> float:
        """Seconds since the last sign of life; 0 while the task waits for a child."""
        now = self._clock()
        gap, self._checked_at = now - self._checked_at, now
        try:
            last = self._heartbeat.stat().st_mtime_ns
        except FileNotFoundError:
            last = None
        if last is None or last != self._last:
            self._last, self._seconds = last, 0.0
        elif gap <= LONGEST_CHECK_GAP_SECONDS:
            # After a longer gap this process was stopped, and the task may have ended meanwhile.
            self._seconds += gap
        return self._seconds


def _sweep_scratch(cache: Path) -> None:
    """Remove scratch folders of workers that have ended."""
    for folder in cache.glob("scratch-*"):
        pid = folder.name.removeprefix("scratch-")
        if not Path(f"/proc/{pid}").exists():
            shutil.rmtree(folder, ignore_errors=True)

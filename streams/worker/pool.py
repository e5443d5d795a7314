"""The pool of child processes in which steps run: time limits, own tools, nobody left behind."""

import ctypes
import dataclasses
import itertools
import logging
import os
import resource
import shutil
import signal
import time
from concurrent.futures import TimeoutError as PoolTimeout
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path

from pebble import ProcessExpired, ProcessPool

from infra.standards import standards_folder
from processors.outcome import Outcome, OutOfMemory, ToolCrashed, ToolHung
from processors.step import Step
from processors.tools import Tools
from schemas.models import Fact
from streams.runtime.fatal_errors import end_process
from streams.settings import MEGABYTE, Settings
from streams.storage.factory import open_storage
from streams.worker.memory_stats import MemoryDelta, TaskProbe, memory_level, stats_of

log = logging.getLogger(__name__)

PR_SET_PDEATHSIG = 1
TASKS_BEFORE_RENEWAL = 2000
"""Rare enough to cost nothing: a start takes half a second. A child that grows goes sooner."""
ONE_THREAD = {
    # One process a core, one thread each: more threads make pages slower (facts: OpenMP).
    "OMP_THREAD_LIMIT": "1",
    "VIPS_CONCURRENCY": "1",
    "VIPS_BLOCK_UNTRUSTED": "1",
    "MALLOC_ARENA_MAX": "2",
}

RECYCLED = 75
"""Exit code of a child that is too large to take another task; the task goes to the next one."""
LOOK_EVERY_SECONDS = 0.5
NICENESS = 10
"""Images wait for what keeps the line and its people going: broker, tracker, commands."""

_tools: Tools | None = None
_recycle_bytes: int | None = None
_watch = TaskProbe()
# Opened once: each opening makes a class, which stays until the next full collection of garbage.
_libc = ctypes.CDLL(None)


def start_child(settings: Settings, scratch: Path, parent: int) -> None:
    """Runs once in each child: it dies with its parent and builds its own tools."""
    global _tools, _recycle_bytes
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    # Ctrl-C and SIGTERM are the parent's business; it lets a running step end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.nice(NICENESS)
    _recycle_bytes = settings.recycle_bytes
    # Of data that is its own: what it maps of files is the page cache's.
    resource.setrlimit(resource.RLIMIT_DATA, (settings.child_bytes, settings.child_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    own = scratch / str(os.getpid())
    own.mkdir(parents=True, exist_ok=True)
    os.environ["TMPDIR"] = str(own)
    _tools = Tools(
        # The scratch folder is emptied between tasks, and with it the links to local copies.
        storage=open_storage(settings, leases=own / "leases"),
        scratch=own,
        profiles=settings.home / "profiles",
        standards=standards_folder(),
    )


def run_in_child(step: Step, fact: Fact, signs: Path) -> tuple[Outcome, tuple[MemoryDelta, ...]]:
    """The step's outcome, and what this task and those before it that failed left behind."""
    assert _tools is not None and _recycle_bytes is not None
    before = memory_level()
    if before.resident > _recycle_bytes:
        # What earlier tasks left behind: a fresh process does this one.
        os._exit(RECYCLED)
    signs.touch()
    tools = dataclasses.replace(_tools, progress=lambda _: os.utime(signs))
    try:
        outcome = step.function(fact, tools)
    finally:
        for left in _tools.scratch.iterdir():
            shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)
        _libc.malloc_trim(0)
        _watch.note(step.name, before)
    return outcome, _watch.told()


def time_limit(step: Step, fact: Fact) -> float:
    """Seconds without a sign of life that a step may take: a base and a share for the bytes."""
    files = fact.files
    megabytes = sum(file.size_bytes for file in files) / MEGABYTE
    return step.timeout_seconds + megabytes * step.seconds_per_megabyte


class Pool:
    """Runs steps in child processes."""

    def __init__(self, settings: Settings) -> None:
        os.environ.update(ONE_THREAD)
        cache = settings.home / "cache"
        self._scratch = cache / f"scratch-{os.getpid()}"
        _sweep_scratch(cache)
        self._pool = ProcessPool(
            max_workers=settings.pool_size,
            max_tasks=TASKS_BEFORE_RENEWAL,
            initializer=start_child,
            initargs=(settings, self._scratch, os.getpid()),
            context=get_context("spawn"),
        )
        self._scratch.mkdir(parents=True, exist_ok=True)
        self._numbers = itertools.count()
        self._book = stats_of(settings.run, settings.worker_id, settings.recycle_bytes)

    def run(self, step: Step, fact: Fact) -> Outcome:
        """The step's outcome. Raises ToolHung, ToolCrashed, OutOfMemory, or what the step raised.

        A step may take as long as it likes while it gives signs of life."""
        signs = self._scratch / f"signs-{next(self._numbers)}"
        try:
            while True:
                try:
                    return self._outcome(step, fact, signs)
                except ProcessExpired as ended:
                    if ended.exitcode != RECYCLED:
                        why = f"{step.name}: its process ended with {ended.exitcode}"
                        raise ToolCrashed(why) from None
                    because = self._book.recycled(ended.pid)
                    log.info("child recycled", extra={"before": step.name, "because": because})
        except MemoryError as full:
            raise OutOfMemory(f"{step.name} ran out of memory: {full}") from None
        finally:
            with suppress(OSError):  # an outcome is not given up for a file that stays behind
                signs.unlink(missing_ok=True)

    def _outcome(self, step: Step, fact: Fact, signs: Path) -> Outcome:
        try:
            future = self._pool.schedule(run_in_child, args=(step, fact, signs))
        except RuntimeError as broken:
            # Going on would spend the attempts of every message on a fault that is none of theirs.
            end_process(f"the pool cannot start children: {broken}")
        limit, silence = time_limit(step, fact), Silence(signs)
        while True:
            try:
                ran: tuple[Outcome, tuple[MemoryDelta, ...]] = future.result(
                    timeout=LOOK_EVERY_SECONDS
                )
            except PoolTimeout:
                if silence.seconds() > limit:
                    future.cancel()  # ends the child, and with it its tools
                    raise ToolHung(f"{step.name} gave no sign of life in {limit:.0f} s") from None
            except BrokenProcessPool as broken:
                # A child was killed that had no task yet: no task is to blame, and none goes on.
                end_process(f"the pool is broken: {broken}")
            else:
                outcome, lefts = ran
                self._book.add(lefts)
                return outcome

    def close(self, patient: bool) -> None:
        """End the children: after what they do now, or at once."""
        self._pool.close() if patient else self._pool.stop()
        self._pool.join()
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._book.close()


class Silence:
    """How long a task has given no sign of life, on a clock that nobody sets."""

    def __init__(self, signs: Path) -> None:
        self._signs = signs
        self._last: int | None = None
        self._since = time.monotonic()

    def seconds(self) -> float:
        """Since the last sign was seen; 0 while the task waits for a child."""
        try:
            last = self._signs.stat().st_mtime_ns
        except FileNotFoundError:
            last = None
        if last is None or last != self._last:
            self._last, self._since = last, time.monotonic()
        return time.monotonic() - self._since


def _sweep_scratch(cache: Path) -> None:
    """Remove scratch folders of workers that are gone."""
    for folder in cache.glob("scratch-*"):
        pid = folder.name.removeprefix("scratch-")
        if not Path(f"/proc/{pid}").exists():
            shutil.rmtree(folder, ignore_errors=True)

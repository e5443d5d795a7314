"""The pool of child processes in which steps run: time limits, own tools, nobody left behind."""

import ctypes
import logging
import os
import shutil
import signal
from concurrent.futures import TimeoutError as PoolTimeout
from multiprocessing import get_context
from pathlib import Path

from pebble import ProcessExpired, ProcessPool

from infra.standards import standards_folder
from processors.outcome import Outcome, ToolCrashed, ToolHung
from processors.pipeline import Step
from processors.tools import Tools
from schemas.models import FileRef, Record
from streams.storage.local import LocalStorage

log = logging.getLogger(__name__)

PR_SET_PDEATHSIG = 1
TASKS_BEFORE_RENEWAL = 200
MEGABYTE = 1_000_000
ONE_THREAD = {
    # One process a core, one thread each: more threads make pages slower (facts: OpenMP).
    "OMP_THREAD_LIMIT": "1",
    "VIPS_CONCURRENCY": "1",
    "VIPS_BLOCK_UNTRUSTED": "1",
    "MALLOC_ARENA_MAX": "2",
}

_tools: Tools | None = None


def _start_child(home: Path, scratch: Path, parent: int) -> None:
    """Runs once in each child: it dies with its parent and builds its own tools."""
    global _tools
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    # Ctrl-C and SIGTERM are the parent's business; it lets a running step end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    own = scratch / str(os.getpid())
    own.mkdir(parents=True, exist_ok=True)
    os.environ["TMPDIR"] = str(own)
    _tools = Tools(
        storage=LocalStorage(home),
        scratch=own,
        profiles=home / "profiles",
        standards=standards_folder(),
    )


def _run_in_child(step: Step, fact: Record) -> Outcome:
    assert _tools is not None
    try:
        return step.function(fact, _tools)
    finally:
        for left in _tools.scratch.iterdir():
            shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)
        ctypes.CDLL(None).malloc_trim(0)


def time_limit(step: Step, fact: Record) -> float:
    """Seconds that a step may take on a fact: a base and a share for the bytes."""
    files: tuple[FileRef, ...] = fact.files  # type: ignore[attr-defined]
    megabytes = sum(file.size_bytes for file in files) / MEGABYTE
    return step.timeout_seconds + megabytes * step.seconds_per_megabyte


class Pool:
    """Runs steps in child processes."""

    def __init__(self, size: int, home: Path) -> None:
        os.environ.update(ONE_THREAD)
        self._scratch = home / "cache" / f"scratch-{os.getpid()}"
        _sweep_scratch(home / "cache")
        self._pool = ProcessPool(
            max_workers=size,
            max_tasks=TASKS_BEFORE_RENEWAL,
            initializer=_start_child,
            initargs=(home, self._scratch, os.getpid()),
            context=get_context("spawn"),
        )

    def run(self, step: Step, fact: Record) -> Outcome:
        """The step's outcome. Raises ToolHung, ToolCrashed, or what the step raised."""
        seconds = time_limit(step, fact)
        future = self._pool.schedule(_run_in_child, args=(step, fact), timeout=seconds)
        try:
            outcome: Outcome = future.result()
        except PoolTimeout:
            raise ToolHung(f"{step.name} gave no answer in {seconds:.0f} s") from None
        except ProcessExpired as ended:
            raise ToolCrashed(f"{step.name}: its process ended with {ended.exitcode}") from None
        return outcome

    def close(self, patient: bool) -> None:
        """End the children: after what they do now, or at once."""
        self._pool.close() if patient else self._pool.stop()
        self._pool.join()
        shutil.rmtree(self._scratch, ignore_errors=True)


def _sweep_scratch(cache: Path) -> None:
    """Remove scratch folders of workers that are gone."""
    for folder in cache.glob("scratch-*"):
        pid = folder.name.removeprefix("scratch-")
        if not Path(f"/proc/{pid}").exists():
            shutil.rmtree(folder, ignore_errors=True)

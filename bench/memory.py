"""Memory of one step over many pages, in one child process as the worker's pool starts it.

Run: python -m bench.memory STEP [--pages 1000] [--every 50] [--small] [--home FOLDER] [--record]

STEP is one of the worker's steps, or `all`. Every 50 pages: resident memory, Python's heap, the
native share (resident memory less Python's heap), what glibc's malloc has handed out and not got
back, and what tools that stay (exiftool) take. Where a step takes a batch or an item, each of them
counts as one page. At the end the slope after warm-up by least squares; above 1 MB per 100 pages
the exit code is 1.

Two children do the same work: tracemalloc, which tells Python's heap, takes memory itself, so it
runs in the other one.
"""

import argparse
import os
import sys
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from bench.common import RESULTS, commit, machine, processes_of, resident_bytes, tell
from bench.memory_inputs import inputs, numbered
from processors.outcome import Done
from processors.pipeline import Step, worker_steps
from schemas.models import Record
from streams.settings import MEGABYTE, Settings
from streams.worker import pool
from streams.worker.memory_stats import malloced_bytes

MOST_MB_PER_100 = 1.0
WARM_UP = 0.2
"""Share of the run that does not count: libraries are loaded, heaps reach their size."""
COLUMNS = (
    "| date | commit | machine | step | pages | after warm-up, MB | at the end, MB |"
    " Python heap, MB | native, MB | tools, MB | slope, MB per 100 pages |"
)
HEAD = f"{'pages':>6} {'RSS':>8} {'Python':>8} {'native':>8} {'malloc':>8} {'tools':>8}   MB"


@dataclass(frozen=True)
class Sample:
    """Memory of a child after so many pages, in bytes."""

    pages: int
    resident: int
    malloced: int
    tools: int
    python: int

    @property
    def native(self) -> int:
        """Resident memory that is none of Python's heap: libraries, and what they hold."""
        return self.resident - self.python


@dataclass(frozen=True)
class Run:
    """What is to be measured."""

    step: Step
    facts: Sequence[Record]
    pages: int
    every: int
    settings: Settings


def measured(run: Run, show: Callable[[Sample], None] = lambda _: None) -> list[Sample]:
    """Samples of a step in a child of its own, Python's heap taken from a second one."""
    with _child(run, traced=False) as plain, _child(run, traced=True) as traced:
        found = []
        for _ in range(run.pages // run.every):
            sample, heap = _heard(plain), _heard(traced)
            found.append(replace(sample, python=heap.python))
            show(found[-1])
    return found


def _heard(pipe: Connection) -> Sample:
    try:
        sample: Sample = pipe.recv()
    except EOFError:
        raise SystemExit("a child ended before it was done; its words are above") from None
    return sample


@contextmanager
def _child(run: Run, traced: bool) -> Iterator[Connection]:
    """A child that works, and where its samples come out."""
    ours, theirs = get_context("spawn").Pipe(duplex=False)
    os.environ.update(pool.ONE_THREAD)
    if traced:
        # From its first moment: what is imported is on the heap too.
        os.environ["PYTHONTRACEMALLOC"] = "1"
    child = get_context("spawn").Process(target=_work, args=(run, os.getpid(), theirs))
    try:
        child.start()
    finally:
        os.environ.pop("PYTHONTRACEMALLOC", None)
    theirs.close()
    try:
        yield ours
        child.join()
    finally:
        child.kill()
        child.join()


def _work(run: Run, parent: int, samples: Connection) -> None:
    """In the child: the work, as the pool does it."""
    scratch = run.settings.home / "cache" / f"scratch-{os.getpid()}"
    pool.start_child(run.settings, scratch, parent, only_idle=False)
    heartbeat = scratch.with_name(f"heartbeat-{os.getpid()}")
    for number in range(1, run.pages + 1):
        fact = numbered(run.facts[number % len(run.facts)], number)
        outcome, _ = pool.run_in_child(run.step, fact, heartbeat)
        if not isinstance(outcome, Done):
            raise SystemExit(f"this measures something else: {outcome}")
        if number % run.every == 0:
            samples.send(_sample(number))


def _sample(pages: int) -> Sample:
    own = os.getpid()
    heap = tracemalloc.get_traced_memory()[0] if tracemalloc.is_tracing() else 0
    tools = sum(resident_bytes(pid) for pid in processes_of(own) if pid != own)
    return Sample(pages, resident_bytes(own), malloced_bytes(), tools, heap)


def settled(samples: Sequence[Sample]) -> Sequence[Sample]:
    """Those after warm-up."""
    return [one for one in samples if one.pages > WARM_UP * samples[-1].pages]


def slope(samples: Sequence[Sample], of: Callable[[Sample], int]) -> float:
    """MB per 100 pages after warm-up, by least squares."""
    counted = settled(samples)
    mean_pages = sum(one.pages for one in counted) / len(counted)
    mean_bytes = sum(of(one) for one in counted) / len(counted)
    over = sum((one.pages - mean_pages) * (of(one) - mean_bytes) for one in counted)
    spread = sum((one.pages - mean_pages) ** 2 for one in counted)
    return 100 * over / spread / MEGABYTE


def judged(samples: Sequence[Sample]) -> float:
    """The slope that counts: the child with the tools that it keeps."""
    return slope(samples, lambda one: one.resident + one.tools)


def show(sample: Sample) -> None:
    """One line of the run's table."""
    of = (sample.resident, sample.python, sample.native, sample.malloced, sample.tools)
    cells = " ".join(f"{size / MEGABYTE:8.1f}" for size in of)
    print(f"{sample.pages:6} {cells}", flush=True)


def row(step: str, samples: Sequence[Sample]) -> str:
    """The result as one line of the table."""
    first, last = settled(samples)[0], samples[-1]
    sizes = (first.resident, last.resident, last.python, last.native, last.tools)
    cells = (
        datetime.now(UTC).date().isoformat(), commit(), machine(), step, last.pages,
        *(f"{size / MEGABYTE:.0f}" for size in sizes), f"{judged(samples):.2f}",
    )  # fmt: skip
    return "| " + " | ".join(map(str, cells)) + " |"


def measure(step: Step, asked: argparse.Namespace) -> bool:
    """Measure a step, print its table; whether it keeps what it may."""
    with tempfile.TemporaryDirectory(prefix="copystand-memory-", dir=asked.home) as scratch:
        settings = Settings.load({"COPYSTAND_HOME": f"{scratch}/home", "WORK_POOL_SIZE": "1"})
        # It must go on however large it becomes.
        settings = settings.model_copy(update={"recycle_mb": settings.child_mb})
        facts = inputs(step, settings, Path(scratch) / "made", asked.small)
        print(f"\n{step.name}: {len(facts)} inputs, again and again\n{HEAD}")
        run = Run(step, facts, asked.pages, asked.every, settings)
        samples = measured(run, show)
    parts = {"RSS": lambda one: one.resident, "Python": lambda one: one.python,
             "native": lambda one: one.native, "malloc": lambda one: one.malloced,
             "tools": lambda one: one.tools}  # fmt: skip
    told = ", ".join(f"{name} {slope(samples, of):+.2f}" for name, of in parts.items())
    print(f"slope after warm-up, MB per 100 pages: {told}")
    name = f"{step.name}, small pages" if asked.small else step.name
    tell(COLUMNS, row(name, samples), asked.record)
    return judged(samples) <= MOST_MB_PER_100


def main() -> None:
    """Measure what was asked for; exit code 1 when a step grows."""
    steps = {step.name: step for step in worker_steps()}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", choices=[*steps, "all"])
    parser.add_argument("--pages", type=int, default=1000)
    parser.add_argument("--every", type=int, default=50, help="pages between two lines")
    parser.add_argument("--small", action="store_true", help="small pages alone, for slow steps")
    parser.add_argument("--home", type=Path, help="where the store is made; default: temporary")
    parser.add_argument("--record", action="store_true", help=f"append to {RESULTS.name}")
    asked = parser.parse_args()
    if asked.pages < 5 * asked.every:
        parser.error("a slope needs five lines or more")
    wanted = steps.values() if asked.step == "all" else [steps[asked.step]]
    if not all([measure(step, asked) for step in wanted]):
        sys.exit(f"a step grows by more than {MOST_MB_PER_100:g} MB per 100 pages")


if __name__ == "__main__":
    main()

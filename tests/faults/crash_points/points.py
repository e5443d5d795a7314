"""One crash point: a fault at one system call of one act, and what was found afterwards."""

import random
import shutil
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.faults.crash_points.acts import Act
from tests.faults.crash_points.durable import Disk
from tests.faults.crash_points.traced import RAISED, Ran, run

SPACE = (
    "openat",
    "open",
    "creat",
    "write",
    "pwrite64",
    "fsync",
    "fdatasync",
    "ftruncate",
    "fallocate",
)
FOLDERS = ("mkdir", "mkdirat", "link", "linkat", "rename", "renameat", "renameat2")
KILL = "KILL"


@dataclass(frozen=True)
class Point:
    """The n-th call of a name, and what happens at it: EIO, ENOSPC or KILL."""

    call: str
    number: int
    fault: str

    @property
    def inject(self) -> str:
        """In the words of strace."""
        kind = "signal" if self.fault == KILL else "error"
        return f"{self.call}:{kind}={self.fault}:when={self.number}"

    def __str__(self) -> str:
        return f"{self.fault} at {self.call} {self.number}"


@dataclass(frozen=True)
class Whole:
    """What an act does when nothing happens to it."""

    points: tuple[Point, ...]
    contents: dict[str, str]
    faults: tuple[str, ...]


def measure(act: Act, scratch: Path) -> Whole:
    """Run an act undisturbed; gives its crash points."""
    # Twice: what Python loads at the first use must be loaded in every child alike.
    act.run(_home(act, scratch / "warm"))
    home = _home(act, scratch / "whole")
    ran = _run(act, home, scratch / "whole.trace")
    faults = [f"ended with {ran.code}: {ran.error}"] if ran.code else []
    if act.flushed:
        faults += Disk(str(home), act.named).replay(ran.calls)
    contents = act.contents(home)
    faults += [f"promised {name} and has it not" for name in ran.told if name not in contents]
    faults += [] if ran.told else ["nothing was promised"]
    return Whole(tuple(_points(ran)), contents, tuple(faults))


def _points(ran: Ran) -> Iterator[Point]:
    for call, count in sorted(ran.counted().items()):
        for number in range(1, count + 1):
            yield Point(call, number, "EIO")
            if call in SPACE + FOLDERS:
                yield Point(call, number, "ENOSPC")
            yield Point(call, number, KILL)


def chosen(points: Sequence[Point], share: float, seed: str) -> list[Point]:
    """A share of the points, the same for the same seed, at least one."""
    number = max(1, round(share * len(points)))
    return sorted(random.Random(seed).sample(points, number), key=points.index)


def attempt(act: Act, point: Point, whole: Whole, scratch: Path) -> list[str]:
    """Let the point happen, start again, do it again; what is wrong with what came of it."""
    home = _home(act, scratch / "home")
    first = _run(act, home, scratch / "first.trace", point.inject)
    faults = _ending(first, point)
    seen = act.contents(home)
    faults += [
        f"{name} is there in part" for name in seen if seen[name] != whole.contents.get(name)
    ]
    faults += [f"{name} was promised and is gone" for name in first.told if name not in seen]
    act.start(home)
    again = _run(act, home, scratch / "again.trace")
    if again.code:
        faults.append(f"doing it again ended with {again.code}: {again.error}")
    if act.contents(home) != whole.contents:
        faults.append("doing it again gave something else")
    faults += [f"{name} is left over" for name in act.debris(home)]
    if act.flushed:
        disk = Disk(str(home), act.named)
        faults += disk.replay(first.calls)
        faults += [f"again: {why}" for why in disk.replay(again.calls)]
    return faults


def _ending(ran: Ran, point: Point) -> list[str]:
    """Whether the fault happened at all, and how the act took it."""
    if point.fault == KILL:
        return [] if ran.code == -signal.SIGKILL else [f"it was not killed: {ran.code} {ran.error}"]
    faults = [] if any(call.injected for call in ran.calls) else ["the call was not made"]
    if ran.code == RAISED or ran.code < 0:
        faults.append(f"it ended with {ran.code}: {ran.error}")
    return faults


def _run(act: Act, home: Path, trace: Path, inject: str = "") -> Ran:
    return run(lambda: act.run(home), trace, inject, act.may_raise)


def _home(act: Act, folder: Path) -> Path:
    """A fresh home in a fresh folder, in which the act may put what else it needs."""
    shutil.rmtree(folder, ignore_errors=True)
    home = folder / "home"
    home.mkdir(parents=True)
    act.prepare(home)
    return home

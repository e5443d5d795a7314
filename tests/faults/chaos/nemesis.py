"""Does to a running line what the schedule says, each fault in a thread of its own, and undoes it."""

import os
import random
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from infra import processes
from tests.faults.chaos.external_clients import Strangers
from tests.faults.chaos.line import ChaosLine
from tests.faults.chaos.schedule import BROKERS, EVERYTHING_FULL, STRANGE_MESSAGES, Fault

PATIENCE_SECONDS = 20
"""So long a fault waits for its target, which another may have just ended."""
FILLER = ".filler"
MOST_INODES = 1 << 20
MEGABYTE = 1 << 20
SMALLEST = 1 << 16
"""Less cannot be left, since others write while the disk is being filled."""
Undo = Callable[[], None]
Found = TypeVar("Found")


class Missed(Exception):
    """A fault that did not come to pass, since its target was not there."""


class Nemesis:
    """Carries a schedule out."""

    def __init__(self, line: ChaosLine, strangers: Strangers, tell: Callable[[str], None]) -> None:
        """A nemesis that has done nothing yet."""
        self._line, self._strangers, self._tell = line, strangers, tell
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self.happened: Counter[str] = Counter()
        self.missed: list[str] = []
        self.surprises: list[str] = []
        """What went wrong with the nemesis itself."""

    def start(self, faults: Sequence[Fault]) -> None:
        """Begin; returns at once."""
        began = time.monotonic()
        for fault in faults:
            thread = threading.Thread(target=self._run, args=(fault, began), daemon=True)
            self._threads.append(thread)
            thread.start()

    def end(self) -> None:
        """Let no new fault begin, undo all, and make sure of it."""
        self._over.set()
        for thread in self._threads:
            thread.join()
        self._line.proxies.heal()
        (self._line.home / FILLER).unlink(missing_ok=True)
        shutil.rmtree(self._line.home / f"{FILLER}.inodes", ignore_errors=True)
        self._line.wake_all()

    def note(self, kind: str, times: int = 1) -> None:
        """Count what happened by other hands."""
        with self._lock:
            self.happened[kind] += times

    def _run(self, fault: Fault, began: float) -> None:
        if self._over.wait(max(0.0, began + fault.at - time.monotonic())):
            return
        try:
            undo = self._begin(fault)
        except (Missed, OSError) as missed:
            self.missed.append(f"{fault}: {missed}")
            self._tell(f"missed: {fault}: {missed}")
            return
        except Exception as surprise:
            self.surprises.append(f"{fault}: {type(surprise).__name__}: {surprise}")
            return
        self.note(fault.kind)
        self._tell(f"{time.monotonic() - began:6.1f} s: {fault}")
        self._over.wait(fault.lasts)
        try:
            undo()
        except Exception as surprise:
            self.surprises.append(f"undoing {fault}: {type(surprise).__name__}: {surprise}")

    def _begin(self, fault: Fault) -> Undo:
        verb, _, what = fault.kind.partition("-")
        if fault.kind in STRANGE_MESSAGES:
            self._strangers.act(fault.kind, random.Random(fault.measures["seed"]))
            return _nothing
        if fault.kind == "kill-child":
            os.kill(self._pool_child(fault), signal.SIGKILL)
            return _nothing
        if verb == "kill":
            os.kill(self._pid(fault.target), signal.SIGKILL)
            return _nothing
        if verb == "stop":
            return _stop(self._pid(fault.target))
        if verb in ("kafka", "postgres"):
            return self._poison_network(fault, what)
        acts = {"io-error": self._io_error, "clock": self._clock, "disk-full": self._fill}
        return (acts | {EVERYTHING_FULL: self._fill_everything})[fault.kind](fault)

    def _pid(self, part: str) -> int:
        return self._awaited(lambda: self._line.pid(part), part)

    def _pool_child(self, fault: Fault) -> int:
        found = self._awaited(self._line.pool_children, "a child of the worker")
        return found[int(fault.measures["child"]) % len(found)]

    def _awaited(self, look: Callable[[], Found | None], what: str) -> Found:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (found := look()):
            if time.monotonic() > deadline or self._over.wait(0.1):
                raise Missed(f"{what} was not there")
        return found

    def _poison_network(self, fault: Fault, toxic: str) -> Undo:
        names = BROKERS if fault.target == "all" else (fault.target,)
        proxies = self._line.proxies
        for name in names:
            proxies.set(name, toxic, fault.measures)

        def undo() -> None:
            for name in names:
                proxies.clear(name, toxic)

        return undo

    def _io_error(self, fault: Fault) -> Undo:
        """Each n-th call of one kind fails in the worker itself, or in one of its children."""
        itself = int(fault.measures["child"]) % 3 == 0
        pid = self._pid("worker") if itself else self._pool_child(fault)
        call, error = fault.measures["call"], fault.measures["error"]
        when = f"{fault.measures['first']}+{fault.measures['every']}"
        words = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}"]
        words += ["-e", f"inject={call}:error={error}:when={when}", "-p", str(pid)]
        tracer = processes.spawn(words, self._line.home.parent / "strace.log")
        return lambda: processes.stop(tracer, signal.SIGINT, 5)

    def _clock(self, fault: Fault) -> Undo:
        """The clock of a running role jumps, and back again."""
        self._pid(fault.target)
        marker: Path = self._line.home / "run" / f"clock.{fault.target}"
        marker.write_text(fault.measures["offset"])
        return lambda: marker.unlink(missing_ok=True)

    def _fill(self, fault: Fault) -> Undo:
        filler: Path = self._line.home / FILLER
        left = int(fault.measures["left_mb"]) * MEGABYTE or SMALLEST
        with filler.open("wb") as file:
            self._awaited(lambda: self._filled(file.fileno(), left), "room to be taken")
        return lambda: filler.unlink(missing_ok=True)

    def _fill_everything(self, fault: Fault) -> Undo:
        """Take all bytes or all inodes of the disk that brokers have, too, and kill one of them."""
        undo = self._fill_inodes() if fault.measures["of"] == "inodes" else self._fill(fault)
        pid = self._line.pid(fault.measures["killed"])
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return undo

    def _fill_inodes(self) -> Undo:
        folder: Path = self._line.home / f"{FILLER}.inodes"
        folder.mkdir()
        with suppress(OSError):
            for number in range(MOST_INODES):
                (folder / str(number)).touch()
        return lambda: shutil.rmtree(folder)

    def _filled(self, file: int, left: int) -> bool:
        """Whether all was taken but so many bytes; not when others were quicker."""
        size = shutil.disk_usage(self._line.home).free - left
        try:
            os.posix_fallocate(file, 0, max(size, 1))
        except OSError:
            return False
        return True


def _stop(pid: int) -> Undo:
    os.kill(pid, signal.SIGSTOP)

    def go_on() -> None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)

    return go_on


def _nothing() -> None:
    pass

"""A line whose home is on a small disk in a file, and a power cut of it.

A cut stops every process, copies the file, kills the processes and mounts the copy. The copy holds
what the kernel had written to the disk: everything that was only in its page cache is lost. It is
the disk at one moment, so no write is lost while a later one is there, as a drive with a volatile
cache may do."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.common import processes_of
from infra.processes import is_alive
from streams.supervisor.state import supervisor_pid
from tests.faults.power_cut.images import Disk, make_disk, mounted_file
from tests.support.running_line import COMMAND, STEP_DONE, Line, wait_for

DISK_BYTES = 3 << 30
"""Sparse: a copy takes what is in it."""
AT_REST_SECONDS = 30.0
STOP_SECONDS = 30.0
STOPPED = ("T", "t", "Z", "X")


class PoweredLine(Line):
    """A line on a disk whose power can be cut."""

    def __init__(self, folder: Path, **environment: str) -> None:
        """A line in this folder, which holds the disk; see `powered_line`."""
        self.folder = folder
        self._mount = folder / "mounted"
        super().__init__(self._mount / "home", (COMMAND,), **environment)
        self._others: list[subprocess.Popen[str]] = []

    def begin(self, *arguments: str | Path) -> "subprocess.Popen[str]":
        """A command beside the test that the next power cut ends."""
        self._others.append(started := self.background(*arguments))
        return started

    def cut(self, disk: Disk) -> None:
        """Cut the power. The copy takes the place of the disk, which is not mounted afterwards."""
        stopped = _stop_all(self._roots())
        try:
            if not disk.copy(self.folder / "copy", AT_REST_SECONDS):
                raise RuntimeError(f"{disk.device} is written to and every process is stopped")
        finally:
            _kill_all(stopped)
            for other in self._others:
                other.communicate()
            self._others.clear()

    def _roots(self) -> list[int]:
        supervisor = supervisor_pid(self.home)
        return [*([supervisor] if supervisor else []), *(other.pid for other in self._others)]


@contextmanager
def disk_with_power(line: PoweredLine) -> Iterator[Disk]:
    """The disk of a line while it has power; at the end its processes have ended."""
    file, copy = line.folder / "disk", line.folder / "copy"
    if copy.exists():
        copy.replace(file)
    if not file.exists():
        make_disk(file, DISK_BYTES)
    with mounted_file(file, line.folder / "mounted") as device:
        line.home.mkdir(exist_ok=True)
        try:
            yield Disk(file, line.home, device)
        finally:
            if not copy.exists():
                line.down()
            if (line.home / "log").exists():
                shutil.copytree(line.home / "log", line.folder / "log", dirs_exist_ok=True)


class StepsDone:
    """Counts the steps that a line finishes from now on, by its logs."""

    def __init__(self, home: Path) -> None:
        """Nothing is counted yet."""
        logs = [home / "log" / f"{role}.log" for role in ("worker", "router")]
        self._read = {log: log.stat().st_size if log.exists() else 0 for log in logs}
        self._count = 0

    def count(self) -> int:
        """The number so far."""
        for log, at in self._read.items():
            with suppress(FileNotFoundError), log.open("rb") as file:
                file.seek(at)
                whole = file.read().rpartition(b"\n")[0]
                self._count += whole.count(STEP_DONE.encode())
                self._read[log] = at + len(whole)
        return self._count


def _stop_all(roots: list[int]) -> set[int]:
    """Stop these processes and all below them; gives their pids."""
    stopped: set[int] = set()
    # A process may start another one before it is stopped itself.
    while new := {pid for root in roots for pid in processes_of(root)} - stopped:
        for pid in new:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        stopped |= new
    running: list[int] = []

    def all_stopped() -> bool:
        running[:] = [pid for pid in stopped if _state(pid) not in STOPPED]
        return not running

    wait_for(all_stopped, STOP_SECONDS, lambda: f"not stopped: {running}")
    return stopped


def _kill_all(pids: set[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    left: list[int] = []

    def all_ended() -> bool:
        left[:] = [pid for pid in pids if is_alive(pid)]
        return not left

    wait_for(all_ended, STOP_SECONDS, lambda: f"still alive: {left}")


def _state(pid: int) -> str:
    """The state of a process as ps prints it; X when there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"

"""A process that does not start, for example on a full disk, is tried again and ends no other."""

import errno
import subprocess
import sys
from io import TextIOBase
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest

from infra import files
from streams.runtime.fatal_errors import LOST_A_SERVER
from streams.supervisor import child_processes
from streams.supervisor.child_processes import ManagedProcess, RoleProcess

NO_SPACE = OSError(errno.ENOSPC, "No space left on device")


class FailsToStart(ManagedProcess):
    """Starts after a number of failures."""

    def __init__(self, home: Path, failures: int) -> None:
        """Not started yet."""
        super().__init__("fails-to-start", home)
        self._failures = failures

    def launch(self) -> "subprocess.Popen[bytes]":
        """Raise, or start a process that runs."""
        if self._failures:
            self._failures -= 1
            raise NO_SPACE
        return subprocess.Popen(["sleep", "60"], start_new_session=True)

    def is_ready(self) -> bool:
        """Ready as soon as it runs."""
        return True


class LosesItsServer(ManagedProcess):
    """Exits at once, since it lost a server."""

    def __init__(self, home: Path) -> None:
        """Not started yet."""
        super().__init__("loses-its-server", home)

    def launch(self) -> "subprocess.Popen[bytes]":
        """Start a process that exits."""
        process = subprocess.Popen(["sh", "-c", f"exit {LOST_A_SERVER}"], start_new_session=True)
        process.wait()
        return process

    def is_ready(self) -> bool:
        """Never ready."""
        return False


class LogOnAFullDisk(TextIOBase):
    """Cannot be written."""

    def write(self, text: str) -> int:
        """Raise."""
        raise NO_SPACE


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(child_processes, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def test_a_process_that_does_not_start_is_tried_again_after_growing_pauses(
    tmp_path: Path, clock: list[float], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sys, "stderr", LogOnAFullDisk())
    process = FailsToStart(tmp_path / "no folder, and so no log", failures=3)
    failed_at: list[float] = []

    while process.pid is None:
        restarts = process.restarts
        process.tick()
        failed_at += [clock[0]] * (process.restarts - restarts)
        clock[0] += 0.1
    process.tick()
    process.stop(clock[0])

    pauses = [after - before for before, after in pairwise(failed_at)]
    assert pauses == pytest.approx([0.5, 1.0], abs=0.11)
    assert process.restarts == 3
    assert "No space left on device" in process.last_failure


def test_the_pause_does_not_grow_for_a_process_that_lost_a_server(
    tmp_path: Path, clock: list[float]
):
    process = LosesItsServer(tmp_path)
    started_at: list[float] = []

    while len(started_at) < 5:
        was_running = process.pid is not None
        process.tick()
        started_at += [clock[0]] * (process.pid is not None and not was_running)
        clock[0] += 0.1

    assert [after - before for before, after in pairwise(started_at)] == pytest.approx(
        [0.6] * 4, abs=0.11
    )


def test_a_role_whose_pid_cannot_be_written_does_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    spawned: list[subprocess.Popen[bytes]] = []

    def spawn(*_: object) -> "subprocess.Popen[bytes]":
        spawned.append(subprocess.Popen(["sleep", "60"], start_new_session=True))
        return spawned[-1]

    def full(*_: object, durable: bool) -> None:
        raise NO_SPACE

    monkeypatch.setattr(child_processes.processes, "spawn", spawn)
    monkeypatch.setattr(files, "write_json", full)
    role = RoleProcess("router", tmp_path, liveness_timeout_seconds=120)

    role.tick()

    assert role.state == "waiting"
    assert spawned[0].poll() is not None


def test_a_process_is_ready_and_healthy_after_it_started(tmp_path: Path, clock: list[float]):
    process = FailsToStart(tmp_path, failures=1)

    process.tick()
    clock[0] += 1
    for _ in range(3):
        process.tick()
        clock[0] += 30
    process.tick()
    healthy = process.state, process.failures
    process.stop(clock[0])

    assert healthy == ("ready", 0)


def test_a_role_is_repaired_when_its_exit_code_asks_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    repaired: list[str] = []

    def spawn(*_: object) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(["sh", "-c", "exit 76"], start_new_session=True)
        process.wait()
        return process

    monkeypatch.setattr(child_processes.processes, "spawn", spawn)
    (tmp_path / "run" / "roles").mkdir(parents=True)
    repairs = {76: lambda: repaired.append("emptied")}
    role = RoleProcess("projector", tmp_path, 120, repairs)

    role.tick()
    role.tick()

    assert (role.state, repaired) == ("waiting", ["emptied"])

"""A part that cannot be started, as on a full disk, is tried again and ends nobody else."""

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

FULL = OSError(errno.ENOSPC, "No space left on device")


class Stubborn(ManagedProcess):
    """Cannot be started so many times."""

    def __init__(self, home: Path, failures: int) -> None:
        """Not started yet."""
        super().__init__("stubborn", home)
        self._failures = failures

    def launch(self) -> "subprocess.Popen[bytes]":
        """Raise, or start something that lives."""
        if self._failures:
            self._failures -= 1
            raise FULL
        return subprocess.Popen(["sleep", "60"], start_new_session=True)

    def is_ready(self) -> bool:
        """As soon as it runs."""
        return True


class Losing(ManagedProcess):
    """Loses a server that it needs as soon as it is there."""

    def __init__(self, home: Path) -> None:
        """Not started yet."""
        super().__init__("losing", home)

    def launch(self) -> "subprocess.Popen[bytes]":
        """Start what ends by itself."""
        process = subprocess.Popen(["sh", "-c", f"exit {LOST_A_SERVER}"], start_new_session=True)
        process.wait()
        return process

    def is_ready(self) -> bool:
        """Never."""
        return False


class Full(TextIOBase):
    """The log on a disk without a byte left."""

    def write(self, text: str) -> int:
        """Raise."""
        raise FULL


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(child_processes, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def test_a_part_that_cannot_be_started_is_tried_again_after_growing_pauses(
    tmp_path: Path, clock: list[float], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sys, "stderr", Full())
    part = Stubborn(tmp_path / "no folder, and so no log", failures=3)
    failed_at: list[float] = []

    while part.pid is None:
        restarts = part.restarts
        part.tick()
        failed_at += [clock[0]] * (part.restarts - restarts)
        clock[0] += 0.1
    part.tick()
    part.end(clock[0])

    pauses = [after - before for before, after in pairwise(failed_at)]
    assert pauses == pytest.approx([0.5, 1.0], abs=0.11)
    assert part.restarts == 3
    assert "No space left on device" in part.why


def test_a_part_that_lost_a_server_need_not_wait_longer_each_time(
    tmp_path: Path, clock: list[float]
):
    part = Losing(tmp_path)
    started_at: list[float] = []

    while len(started_at) < 5:
        was_there = part.pid is not None
        part.tick()
        started_at += [clock[0]] * (part.pid is not None and not was_there)
        clock[0] += 0.1

    assert [after - before for before, after in pairwise(started_at)] == pytest.approx(
        [0.6] * 4, abs=0.11
    )


def test_a_role_that_cannot_be_noted_does_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    spawned: list[subprocess.Popen[bytes]] = []

    def spawn(*_: object) -> "subprocess.Popen[bytes]":
        spawned.append(subprocess.Popen(["sleep", "60"], start_new_session=True))
        return spawned[-1]

    def full(*_: object, durable: bool) -> None:
        raise FULL

    monkeypatch.setattr(child_processes.processes, "spawn", spawn)
    monkeypatch.setattr(files, "write_json", full)
    role = RoleProcess("router", tmp_path, liveness_timeout_seconds=120)

    role.tick()

    assert role.state == "waiting"
    assert spawned[0].poll() is not None


def test_a_part_is_ready_and_healthy_after_it_came_up(tmp_path: Path, clock: list[float]):
    part = Stubborn(tmp_path, failures=1)

    part.tick()
    clock[0] += 1
    for _ in range(3):
        part.tick()
        clock[0] += 30
    part.tick()
    healthy = part.state, part.deaths
    part.end(clock[0])

    assert healthy == ("ready", 0)

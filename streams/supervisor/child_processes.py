"""The processes that a supervisor keeps running: PostgreSQL, the roles, and what all have."""

import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infra import files, ports, processes
from infra.postgres import LocalPostgres
from streams.runtime.fatal_errors import LOST_A_SERVER
from streams.runtime.logs import write_log_line

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 10.0
HEALTHY_AFTER_SECONDS = 20.0
LONGEST_CHECK_GAP_SECONDS = 5.0


class ManagedProcess(ABC):
    """A child process that is restarted when it ends, after growing pauses."""

    def __init__(self, name: str, home: Path) -> None:
        """A process that is not started yet."""
        self.name = name
        self.home = home
        self.log = home / "log" / f"{name}.log"
        self.state = "stopped"
        self.restarts = 0
        self.failures = 0
        """Exits and failed starts since it was last healthy."""
        self.last_failure = ""
        """How it last ended, or why it did not start."""
        self.seconds_to_ready = 0.0
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._not_before = 0.0

    @property
    def pid(self) -> int | None:
        """Pid of the running process."""
        return self._process.pid if self._process is not None else None

    def tick(self) -> None:
        """Do what is due: start, notice readiness, a stall or an exit, restart after the pause."""
        now = time.monotonic()
        if self._process is None:
            if now >= self._not_before:
                self._start(now)
        elif self._process.poll() is not None:
            self._exited(now)
        elif self.state == "starting" and self.is_ready():
            self.state = "ready"
            self.seconds_to_ready = now - self._started_at
        elif self.state == "ready" and self.is_stalled(now):
            # Killed, not terminated: what it does after it wakes up must have no effect.
            write_log_line(f"{self.name} gives no sign of life and is killed")
            processes.kill_group(self._process)
        elif self.state == "ready" and now - self._started_at > HEALTHY_AFTER_SECONDS:
            self.failures = 0

    def status(self) -> dict[str, Any]:
        """The process as in run/supervisor.json."""
        return {"pid": self.pid, "state": self.state, "restarts": self.restarts}

    def terminate(self) -> None:
        """Send SIGTERM, without waiting."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def hold(self, deadline: float) -> None:
        """Stop the process. The next tick starts it again, and nothing counts as a failure."""
        self.terminate()
        self.stop(deadline)
        self.failures, self._not_before = 0, 0.0

    def stop(self, deadline: float) -> None:
        """Wait until the process has ended; at the deadline, kill it and its group."""
        if self._process is not None:
            try:
                self._process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                write_log_line(f"{self.name} did not end within its grace period and is killed")
            processes.kill_group(self._process)
            self._process = None
        self.state = "stopped"

    def is_stalled(self, now: float) -> bool:
        """Whether the process is alive but does nothing; must not wait."""
        del now
        return False

    @abstractmethod
    def launch(self) -> "subprocess.Popen[bytes]":
        """Start the process."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether the process accepts work; must not wait."""

    def _start(self, now: float) -> None:
        self._started_at = now
        try:
            self._process = self.launch()
        except (OSError, RuntimeError) as failure:
            self._pause(now, f"did not start: {failure}")
        else:
            self.state = "starting"

    def _exited(self, now: float) -> None:
        assert self._process is not None
        code = self._process.returncode
        if code == LOST_A_SERVER or (code == 0 and self.state == "ready"):
            self.failures = 0  # it lost a server or got SIGTERM; the process itself has no fault
        processes.kill_group(self._process)
        self._process = None
        self._pause(now, f"exited with {code}")

    def _pause(self, now: float, failure: str) -> None:
        pause = min(FIRST_PAUSE_SECONDS * 2**self.failures, LONGEST_PAUSE_SECONDS)
        self._not_before = now + pause
        self.failures += 1
        self.restarts += 1
        self.state = "waiting"
        self.last_failure = failure
        at = datetime.now(UTC).isoformat(timespec="seconds")
        write_log_line(f"{at} {self.name} {failure}; restart in {pause:g} s")


class DatabaseProcess(ManagedProcess):
    """The local PostgreSQL."""

    def __init__(self, postgres: LocalPostgres) -> None:
        """The process of this server."""
        super().__init__("postgres", postgres.home)
        self._postgres = postgres

    def launch(self) -> "subprocess.Popen[bytes]":
        """Start the server."""
        return self._postgres.start()

    def is_ready(self) -> bool:
        """Whether it accepts connections."""
        return ports.accepts_connections(self._postgres.port) and self._postgres.ready()

    def stop(self, deadline: float) -> None:
        """Stop the server with a fast shutdown, which has its own grace period."""
        self._postgres.stop()
        super().stop(deadline)


class RoleProcess(ManagedProcess):
    """One role of the line, run by the same Python interpreter."""

    def __init__(
        self,
        name: str,
        home: Path,
        liveness_timeout_seconds: float,
        repairs: Mapping[int, Callable[[], None]] | None = None,
    ) -> None:
        """A role that is not started yet; `repairs` are calls by the exit code that asks for it."""
        super().__init__(name, home)
        self._repairs = repairs or {}
        self._folder = home / "run" / "roles"
        self._timeout = liveness_timeout_seconds
        self._sign = 0
        self._sign_seen_at = self._checked_at = 0.0

    def launch(self) -> "subprocess.Popen[bytes]":
        """Start the role, and write its pid to run/roles."""
        self._ready_file.unlink(missing_ok=True)
        command = [sys.executable, "-m", "streams.cli", "run", self.name]
        process = processes.spawn(command, self.log, {"PYTHONUNBUFFERED": "1"})
        document = {
            "role": self.name,
            "pid": process.pid,
            "restarts": self.restarts,
            "started_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        }
        try:
            files.write_json(self._folder / f"{self.name}.json", document, durable=False)
        except OSError:
            processes.kill_group(process)
            raise
        return process

    def is_ready(self) -> bool:
        """Whether the role has written that it accepts work."""
        try:
            return self._ready_file.read_text().strip() == str(self.pid)
        except OSError:
            return False

    def is_stalled(self, now: float) -> bool:
        """Whether its `alive` file has not changed within the timeout, on this process's clock."""
        try:
            sign = (self._folder / f"{self.name}.alive").stat().st_mtime_ns
        except OSError:
            sign = 0
        if sign != self._sign or now - self._checked_at > LONGEST_CHECK_GAP_SECONDS:
            # After a long gap between checks, the whole machine may have slept: start to count.
            self._sign, self._sign_seen_at = sign, now
        self._checked_at = now
        return now - self._sign_seen_at > self._timeout

    def _exited(self, now: float) -> None:
        assert self._process is not None
        repair = self._repairs.get(self._process.returncode)
        super()._exited(now)
        if repair is not None:
            try:
                repair()
                write_log_line(f"{self.name} was repaired")
            except Exception as failure:
                # The role ends with the same code again, and the repair is tried again.
                write_log_line(f"{self.name} was not repaired: {failure}")

    @property
    def _ready_file(self) -> Path:
        return self._folder / f"{self.name}.ready"

"""The parts that a supervisor keeps alive: the broker, the database, and each role."""

import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infra import ports, processes
from infra.kafka import LocalKafka
from infra.postgres import LocalPostgres
from streams.runtime.fatal_errors import LOST_A_SERVER
from streams.settings import Settings

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 10.0
HEALTHY_AFTER_SECONDS = 20.0
LOOKED_AWAY_SECONDS = 5.0


def write_log_line(text: str) -> None:
    """A line to the supervisor's log; without one on a full disk, which must not end the line."""
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        pass


class ManagedProcess(ABC):
    """One child process: started, watched, started again with a growing pause when it dies."""

    def __init__(self, name: str, home: Path) -> None:
        """A part that is not started yet."""
        self.name = name
        self.home = home
        self.log = home / "log" / f"{name}.log"
        self.state = "stopped"
        self.restarts = 0
        self.deaths = 0
        """Deaths since it was last healthy."""
        self.why = ""
        """How it last ended, or why it could not be started."""
        self.seconds_to_ready = 0.0
        self._process: subprocess.Popen[bytes] | None = None
        self._began = 0.0
        self._not_before = 0.0

    @property
    def pid(self) -> int | None:
        """Pid of the running process."""
        return self._process.pid if self._process is not None else None

    def tick(self) -> None:
        """Do what is due: start, notice readiness or death, start again after the pause."""
        now = time.monotonic()
        if self._process is None:
            if now >= self._not_before:
                self._start(now)
        elif self._process.poll() is not None:
            self._died(now)
        elif self.state == "starting" and self.is_ready():
            self.state = "ready"
            self.seconds_to_ready = now - self._began
        elif self.state == "ready" and self.hangs(now):
            # Ended like one that crashed: what it may still do on waking is nobody's any more.
            write_log_line(f"{self.name} gives no sign of life and is killed")
            processes.kill_group(self._process)
        elif self.state == "ready" and now - self._began > HEALTHY_AFTER_SECONDS:
            self.deaths = 0

    def shown(self) -> dict[str, Any]:
        """What `status` tells of this part."""
        return {"pid": self.pid, "state": self.state, "restarts": self.restarts}

    def ask_to_end(self) -> None:
        """Tell the process to end, without waiting."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def end(self, deadline: float) -> None:
        """Wait until the process is gone; kill it and its group at the deadline."""
        if self._process is not None:
            try:
                self._process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                write_log_line(f"{self.name} did not end in time and is killed")
            processes.kill_group(self._process)
            self._process = None
        self.state = "stopped"

    def hangs(self, now: float) -> bool:
        """Whether the process lives and yet does nothing any more; must not wait."""
        del now
        return False

    @abstractmethod
    def launch(self) -> "subprocess.Popen[bytes]":
        """Start the process."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether the process takes work; must not wait."""

    def _start(self, now: float) -> None:
        self._began = now
        try:
            self._process = self.launch()
        except (OSError, RuntimeError) as failure:
            self._pause(now, f"could not be started: {failure}")
        else:
            self.state = "starting"

    def _died(self, now: float) -> None:
        assert self._process is not None
        code = self._process.returncode
        if code == LOST_A_SERVER or (code == 0 and self.state == "ready"):
            self.deaths = 0  # it lost a server or was told to end, which is no fault of its own
        processes.kill_group(self._process)
        self._process = None
        self._pause(now, f"ended with {code}")

    def _pause(self, now: float, why: str) -> None:
        pause = min(FIRST_PAUSE_SECONDS * 2**self.deaths, LONGEST_PAUSE_SECONDS)
        self._not_before = now + pause
        self.deaths += 1
        self.restarts += 1
        self.state = "waiting"
        self.why = why
        ended = datetime.now(UTC).isoformat(timespec="seconds")
        write_log_line(f"{ended} {self.name} {why}; again in {pause:g} s")


class BrokerProcess(ManagedProcess):
    """A broker of the local Kafka."""

    def __init__(self, kafka: LocalKafka) -> None:
        """The part for this broker."""
        super().__init__(kafka.name, kafka.home)
        self._kafka = kafka

    def launch(self) -> "subprocess.Popen[bytes]":
        """Start the broker."""
        return self._kafka.start()

    def is_ready(self) -> bool:
        """Whether it has acknowledged a produce."""
        return self._kafka.ready()

    def end(self, deadline: float) -> None:
        """End the broker; it has a grace of its own, since its data must be closed."""
        self._kafka.stop()
        super().end(deadline)


class DatabaseProcess(ManagedProcess):
    """The local PostgreSQL."""

    def __init__(self, postgres: LocalPostgres) -> None:
        """The part for this server."""
        super().__init__("postgres", postgres.home)
        self._postgres = postgres

    def launch(self) -> "subprocess.Popen[bytes]":
        """Start the server."""
        return self._postgres.start()

    def is_ready(self) -> bool:
        """Whether it answers."""
        return ports.accepts_connections(self._postgres.port) and self._postgres.ready()

    def end(self, deadline: float) -> None:
        """End the server with a fast shutdown; it has a grace of its own."""
        self._postgres.stop()
        super().end(deadline)


class RoleProcess(ManagedProcess):
    """One role of the line, run by this same Python."""

    def __init__(self, name: str, home: Path) -> None:
        """The part for this role."""
        super().__init__(name, home)
        self._folder = home / "run" / "roles"
        self._limit = Settings.load().stalled_seconds
        self._sign = 0
        self._sign_seen = self._looked = 0.0

    def launch(self) -> "subprocess.Popen[bytes]":
        """Start the role, and write who it is to run/roles."""
        self._ready_file.unlink(missing_ok=True)
        command = [sys.executable, "-m", "streams.cli", "run", self.name]
        process = processes.spawn(command, self.log, {"PYTHONUNBUFFERED": "1"})
        told = {"role": self.name, "pid": process.pid, "restarts": self.restarts}
        told |= {"started_at": datetime.now(UTC).isoformat(timespec="milliseconds")}
        try:
            ports.write_json(self._folder / f"{self.name}.json", told)
        except OSError:
            processes.kill_group(process)
            raise
        return process

    def is_ready(self) -> bool:
        """Whether the role has written that it takes work."""
        try:
            return self._ready_file.read_text().strip() == str(self.pid)
        except OSError:
            return False

    def hangs(self, now: float) -> bool:
        """Whether its file `alive` has not changed for long, on this process's own clock."""
        try:
            sign = (self._folder / f"{self.name}.alive").stat().st_mtime_ns
        except OSError:
            sign = 0
        if sign != self._sign or now - self._looked > LOOKED_AWAY_SECONDS:
            # Who did not look cannot say that nothing came: the whole machine may have slept.
            self._sign, self._sign_seen = sign, now
        self._looked = now
        return now - self._sign_seen > self._limit

    @property
    def _ready_file(self) -> Path:
        return self._folder / f"{self.name}.ready"

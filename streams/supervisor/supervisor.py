"""The process behind `copystand up`: it owns Kafka, PostgreSQL and the roles of one home."""

import argparse
import os
import signal
import time
import traceback
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infra import files, paths, permissions, ports, processes
from infra.files import DamagedFile
from infra.kafka import LocalKafka, tail
from infra.kafka_cluster import WrongBrokers, cluster_of
from infra.migrate import migrate
from infra.postgres import LocalPostgres
from streams.runtime.fatal_errors import PROJECTION_AHEAD
from streams.runtime.logs import write_log_line
from streams.settings import Settings, SettingsError
from streams.supervisor.child_processes import (
    BrokerProcess,
    DatabaseProcess,
    ManagedProcess,
    RoleProcess,
)
from streams.supervisor.state import lock, state_file

START_LIMIT_SECONDS = 120.0
FAILURES_BEFORE_READY = 4
GRACE_SECONDS = 30.0
GRACE_NOW_SECONDS = 5.0
TICK_SECONDS = 0.1


class StartFailed(Exception):
    """A process does not become ready; the text names it and ends with the end of its log."""


class Supervisor:
    """Starts a line in stages, restarts what ends, and stops the line."""

    def __init__(self, settings: Settings, roles: Sequence[str]) -> None:
        """A supervisor of a prepared home; nothing runs yet. Raises WrongBrokers."""
        self.home = home = settings.home
        nodes = cluster_of(home, settings.broker_count).brokers
        self.ports = ports.choose(home, ports.names(nodes), settings.client_ports)
        self.brokers = [
            LocalKafka(home, paths.kafka_jars(), self.ports, node, nodes, settings.network)
            for node in range(1, nodes + 1)
        ]
        self.postgres = LocalPostgres(home, ports.listen_port(self.ports, "postgres"))
        self.servers: list[ManagedProcess] = [
            DatabaseProcess(self.postgres),
            *map(BrokerProcess, self.brokers),
        ]
        self.roles: list[ManagedProcess] = [
            RoleProcess(name, home, settings.liveness_timeout_seconds, self._repairs())
            for name in roles
        ]
        self.phase = "starting"
        self.error = ""
        self._seconds: dict[str, float] = {}
        self._started = time.monotonic()
        self._started_at = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._grace_seconds: float | None = None
        """Set when the line is to stop."""
        self._written: dict[str, Any] = {}

    def run(self) -> int:
        """Run until SIGTERM, SIGINT or SIGUSR1; the exit code."""
        signal.signal(signal.SIGTERM, lambda *_: self._request_stop(GRACE_SECONDS))
        signal.signal(signal.SIGINT, lambda *_: self._request_stop(GRACE_SECONDS))
        signal.signal(signal.SIGUSR1, lambda *_: self._request_stop(GRACE_NOW_SECONDS))
        processes.adopt_orphans()
        try:
            self._start_up()
            while self._grace_seconds is None:
                self._tick(self.servers + self.roles)
        except Exception as failure:
            self.error = str(failure)
            write_log_line(traceback.format_exc())
        finally:
            self._shut_down()
        return 1 if self.error else 0

    def _request_stop(self, grace_seconds: float) -> None:
        self._grace_seconds = min(grace_seconds, self._grace_seconds or grace_seconds)

    def _start_up(self) -> None:
        self._wait_until_ready(self.servers[:1], running=self.servers)
        self._timed("migrations", self._prepare_database)
        self._wait_until_ready(self.servers, running=self.servers)
        self._timed("topics", self._prepare_topics)
        self._timed("access", self._prepare_access)
        self._wait_until_ready(self.roles, running=self.servers + self.roles)
        if self._grace_seconds is None:
            self.phase = "ready"
            self._write_state()

    def _prepare_database(self) -> None:
        self.postgres.provision()
        migrate(self.postgres.dsn())

    def _repairs(self) -> dict[int, Callable[[], None]]:
        """What this process does for a role that must not, by the exit code of the role."""
        return {PROJECTION_AHEAD: self.postgres.empty_projection}

    def _prepare_topics(self) -> None:
        # Imported late: it loads the steps, which takes a while; the servers start meanwhile.
        from streams import provision

        broker = self.brokers[0].admin
        provision.provision_topics(broker, self.home)
        # No role runs yet, so that no new record hides where a topic ended.
        provision.repair_after_loss(broker, self.postgres.dsn("tracker"))
        if provision.projection_is_ahead(broker, self.postgres.dsn("projector")):
            write_log_line("the audit log lost events, so it is projected again from the beginning")
            self.postgres.empty_projection()

    def _prepare_access(self) -> None:
        from streams.provision import provision_access

        provision_access(self.brokers[0].admin, self.home)

    def _timed(self, name: str, work: Callable[[], None]) -> None:
        if self._grace_seconds is None:
            before = time.monotonic()
            work()
            self._seconds[name] = round(time.monotonic() - before, 2)

    def _wait_until_ready(
        self, awaited: Sequence[ManagedProcess], running: Sequence[ManagedProcess]
    ) -> None:
        """Tick all that run until the awaited are ready. Raises StartFailed."""
        while self._grace_seconds is None and not all(one.state == "ready" for one in awaited):
            self._tick(running)
            for one in running:
                if one.failures >= FAILURES_BEFORE_READY:
                    raise StartFailed(
                        f"{one.name} {one.last_failure}, {one.failures} times in a row;"
                        f" {_end_of(one.log)}"
                    )
            if time.monotonic() - self._started > START_LIMIT_SECONDS:
                late = next(one for one in awaited if one.state != "ready")
                raise StartFailed(
                    f"{late.name} is not ready after {START_LIMIT_SECONDS:g} s; {_end_of(late.log)}"
                )

    def _tick(self, running: Sequence[ManagedProcess]) -> None:
        for one in running:
            restarts = one.restarts
            one.tick()
            if one.restarts > restarts:
                # Processes that it started and left behind must not run beside its successor.
                processes.kill_orphans(self._pids())
            if one.state == "ready" and one.name not in self._seconds:
                self._seconds[one.name] = round(one.seconds_to_ready, 2)
        processes.reap_orphans(self._pids())
        self._write_state()
        time.sleep(TICK_SECONDS)

    def _shut_down(self) -> None:
        self.phase = "failed" if self.error else "stopping"
        self._write_state()
        deadline = time.monotonic() + (self._grace_seconds or GRACE_NOW_SECONDS)
        for role in self.roles:
            role.terminate()
        for role in self.roles:
            role.stop(deadline)
        # What the roles left behind ends before the servers, so that nothing writes any more.
        processes.kill_orphans(self._pids())
        for server in self.servers:
            server.stop(deadline)
        processes.kill_orphans(set())
        self.phase = "failed" if self.error else "down"
        self._write_state()

    def _pids(self) -> set[int]:
        return {one.pid for one in self.servers + self.roles if one.pid is not None}

    def _write_state(self) -> None:
        document = {
            "pid": os.getpid(),
            "phase": self.phase,
            "error": self.error,
            "ports": self.ports,
            "started_at": self._started_at,
            "seconds": self._seconds.copy(),
            "parts": {one.name: one.status() for one in self.servers + self.roles},
        }
        if document != self._written:
            try:
                files.write_json(state_file(self.home), document, durable=False)
                self._written = document
            except OSError as failure:
                # A full disk must not end the line; the next tick tries again.
                write_log_line(f"state not written: {failure}")


def _end_of(log: Path) -> str:
    return f"end of {log}:\n{tail(log)}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Supervise a home until a signal; the exit code."""
    parser = argparse.ArgumentParser(prog="streams.supervisor.supervisor")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("roles", nargs="*")
    chosen = parser.parse_args(arguments)
    permissions.use_private_umask()
    home = paths.prepare_home(chosen.home)
    held = lock(home)
    if held is None:
        write_log_line(f"another supervisor runs {home}")
        return 3
    held.truncate(0)
    held.write(str(os.getpid()))
    held.flush()
    os.environ.update(COPYSTAND_HOME=str(home), TMPDIR=str(home / "run" / "tmp"))
    os.environ.update(XDG_CACHE_HOME=str(home / "run" / "tmp"))
    try:
        return Supervisor(Settings.load(), chosen.roles).run()
    except (WrongBrokers, DamagedFile, SettingsError) as wrong:
        write_log_line(str(wrong))
        return 2


if __name__ == "__main__":
    code = main()
    # The threads of a Kafka client must not delay the exit.
    os._exit(code)

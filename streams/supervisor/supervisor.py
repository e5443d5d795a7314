"""The process behind `copystand up`: it owns Kafka, PostgreSQL and the roles of one home."""

import os
import signal
import time
import traceback
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infra import files, ports, processes
from infra.kafka import LocalKafka, tail
from infra.kafka_cluster import cluster_of
from infra.kafka_metadata import MetadataLog
from infra.migrate import migrate
from infra.postgres import LocalPostgres
from streams.runtime.fatal_errors import PROJECTION_AHEAD
from streams.runtime.logs import write_log_line
from streams.settings import Settings
from streams.supervisor.broker_process import BrokerProcess, MetadataLost, local_broker
from streams.supervisor.child_processes import (
    DatabaseProcess,
    ManagedProcess,
    RoleProcess,
)
from streams.supervisor.disk_guard import HOME, guard_of
from streams.supervisor.state import NO_SPACE, overwrite, state_file

START_LIMIT_SECONDS = 180.0
"""With a minute in which the sessions of a killed line's consumers end, when offsets are reset."""
FAILURES_BEFORE_READY = 4
GRACE_SECONDS = 30.0
GRACE_NOW_SECONDS = 5.0
HOLD_SECONDS = 20.0
HOLD_ROLES_SECONDS = 8.0
"""Shorter: the servers are stopped after them, while others may still take space. A role that is
killed loses nothing."""
TICK_SECONDS = 0.1
DATABASE = "postgres"
MONITOR = "watchdog"
"""The role that runs while the line waits for disk space, to say so."""


class StartFailed(Exception):
    """A process does not become ready; the text names it and ends with the end of its log."""


class LacksSpace(Exception):
    """A disk fell below the floor while the line was being started."""


class Supervisor:
    """Starts a line in stages, restarts what ends, and stops the line."""

    def __init__(self, settings: Settings, roles: Sequence[str]) -> None:
        """A supervisor of a prepared home; nothing runs yet. Raises WrongBrokers."""
        self.home = home = settings.home
        nodes = cluster_of(home, settings.broker_count).brokers
        names = [ports.broker_name(node) for node in range(1, nodes + 1)]
        self._guard = guard_of(settings, [DATABASE, *names])
        # First, since on a full disk the space of the ballast is needed for the rest.
        self._guard.check()
        self.ports = ports.choose(home, ports.names(nodes), settings.client_ports)
        self.brokers = [
            local_broker(settings, self.ports, node, nodes) for node in range(1, nodes + 1)
        ]
        port = ports.listen_port(self.ports, DATABASE)
        self.postgres = LocalPostgres(home, port, settings.postgres_buffers_mb)
        self._metadata = {name: MetadataLog(home / name) for name in names}
        self.servers: list[ManagedProcess] = [
            DatabaseProcess(self.postgres),
            *(BrokerProcess(one, self._metadata, settings.floor) for one in self.brokers),
        ]
        self.roles: list[ManagedProcess] = [
            RoleProcess(name, home, settings.liveness_timeout_seconds, self._repairs())
            for name in roles
        ]
        self.phase = "starting"
        self.error = ""
        self.updating = ""
        """The migration that is applied to a database with data, if there is one."""
        self._was_ready = False
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
            while self._grace_seconds is None:
                self._run_while_there_is_space()
        except Exception as failure:
            self.error = str(failure)
            write_log_line(traceback.format_exc())
        finally:
            self._shut_down()
        return 1 if self.error else 0

    def _request_stop(self, grace_seconds: float) -> None:
        self._grace_seconds = min(grace_seconds, self._grace_seconds or grace_seconds)

    def _run_while_there_is_space(self) -> None:
        """Start the line when its disks have space, and run it until one of them has none."""
        while self._grace_seconds is None and self._lacks_space():
            self.phase = NO_SPACE
            self._guard.check()
            self._advance([*self.servers, *(one for one in self.roles if one.name == MONITOR)])
        try:
            self._start_up()
        except MetadataLost:
            raise
        except Exception as failure:
            self._guard.check()
            if not (self._was_ready or self._lacks_space()):
                raise
            write_log_line(f"the start is tried again: {failure!r}")
            self._stop_roles()
            # A server that ended meanwhile is no longer ready.
            self._tick(self.servers)
        while self.phase == "ready" and not self._lacks_space() and self._grace_seconds is None:
            self._tick(self.servers + self.roles)
        if self._lacks_space() and self._grace_seconds is None:
            self._stop_roles_for_lack_of_space()

    def _lacks_space(self) -> bool:
        """Whether the line cannot run: roles need the home, the database and most brokers."""
        short = self._guard.shortages
        without_space = sum(one.name in short for one in self.brokers)
        return HOME in short or DATABASE in short or without_space > (len(self.brokers) - 1) // 2

    def _stop_roles_for_lack_of_space(self) -> None:
        self.phase = NO_SPACE
        for shortage in self._guard.shortages.values():
            write_log_line(f"the line is stopped until there is space: {shortage}")
        self._write_state()
        self._stop_roles()

    def _stop_roles(self) -> None:
        """Stop all roles but the one that monitors."""
        stopped = [one for one in self.roles if one.name != MONITOR]
        for role in stopped:
            role.terminate()
        deadline = time.monotonic() + HOLD_ROLES_SECONDS
        for role in stopped:
            role.hold(deadline)
        processes.kill_orphans(self._pids())

    def _start_up(self) -> None:
        self._started = time.monotonic()
        if self._grace_seconds is None:
            self.phase = "starting"
        self._wait_until_ready(self.servers[:1], running=self.servers)
        self._timed("migrations", self._prepare_database)
        self._wait_until_ready(self.servers, running=self.servers)
        self._timed("topics", self._prepare_topics)
        self._timed("access", self._prepare_access)
        awaited = [one for one in self.roles if not _is_beside_the_line(one)]
        self._wait_until_ready(awaited, running=self.servers + self.roles)
        if self._grace_seconds is None:
            self.phase, self._was_ready = "ready", True
            self._write_state()

    def _prepare_database(self) -> None:
        self.postgres.provision()
        began = time.monotonic()
        migrate(self.postgres.dsn(), tell=self._tell_update)
        self.updating = ""
        # An update of many rows takes minutes; the limit is about processes that do not get ready.
        self._started += time.monotonic() - began

    def _tell_update(self, migration: str) -> None:
        write_log_line(f"the database is updated: {migration}")
        self.updating = migration
        self._write_state()

    def _repairs(self) -> dict[int, Callable[[], None]]:
        """What this process does for a role that must not, by the exit code of the role."""
        return {PROJECTION_AHEAD: self.postgres.empty_projection}

    def _prepare_topics(self) -> None:
        # Imported late: it loads the steps, which takes a while; the servers start meanwhile.
        from streams import provision

        broker = self._running_broker().admin
        provision.provision_topics(broker, self.home)
        # No role runs yet, so that no new record hides where a topic ended.
        provision.repair_after_loss(broker, self.home, self.postgres.dsn("tracker"))
        projector = self.postgres.dsn("projector")
        if provision.projection_is_ahead(broker, self.home, projector):
            write_log_line("the audit log lost events, so it is projected again from the beginning")
            self.postgres.empty_projection()
        for log in self._metadata.values():
            log.record()

    def _prepare_access(self) -> None:
        from streams import provision

        broker = self._running_broker().admin
        provision.provision_senders(broker, self.home)
        provision.provision_access(broker, self.home)
        provision.provision_quotas(broker, self.home)

    def _running_broker(self) -> LocalKafka:
        return next(one for one in self.brokers if one.name not in self._guard.shortages)

    def _timed(self, name: str, work: Callable[[], None]) -> None:
        if self._grace_seconds is None:
            before = time.monotonic()
            work()
            self._seconds[name] = round(time.monotonic() - before, 2)

    def _wait_until_ready(
        self, awaited: Sequence[ManagedProcess], running: Sequence[ManagedProcess]
    ) -> None:
        """Tick all that run until the awaited are ready. Raises StartFailed, LacksSpace."""
        while self._grace_seconds is None and not all(map(self._is_settled, awaited)):
            self._tick(running)
            if self._lacks_space():
                raise LacksSpace(next(iter(self._guard.shortages.values())))
            # A line that was ready once is started until it succeeds.
            for one in () if self._was_ready else running:
                if one.failures >= FAILURES_BEFORE_READY and not _is_beside_the_line(one):
                    raise StartFailed(
                        f"{one.name} {one.last_failure}, {one.failures} times in a row;"
                        f" {_end_of(one.log)}"
                    )
            if not self._was_ready and time.monotonic() - self._started > START_LIMIT_SECONDS:
                late = next(one for one in awaited if one.state != "ready")
                raise StartFailed(
                    f"{late.name} is not ready after {START_LIMIT_SECONDS:g} s; {_end_of(late.log)}"
                )

    def _is_settled(self, one: ManagedProcess) -> bool:
        """Whether a process is ready, or is not to run while others do."""
        return one.state == "ready" or one.name in self._guard.shortages

    def _tick(self, running: Sequence[ManagedProcess]) -> None:
        """Measure the disks; unless the whole line lacks space, do what is due."""
        self._guard.check()
        if not self._lacks_space():
            self._advance(running)

    def _advance(self, running: Sequence[ManagedProcess]) -> None:
        for one in running:
            restarts = one.restarts
            if one.name not in self._guard.shortages:
                one.tick()
            elif one.pid is not None:
                self._write_state()
                one.hold(time.monotonic() + HOLD_SECONDS)
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
            "updating": self.updating,
            "parts": {one.name: one.status() for one in self.servers + self.roles},
            "space": {str(one.disk): str(one) for one in self._guard.shortages.values()},
        }
        if document != self._written:
            try:
                files.write_json(state_file(self.home), document, durable=False)
                self._written = document
            except OSError as failure:
                # A full disk must not end the line, and `status` must still say so.
                if not overwrite(state_file(self.home), document):
                    write_log_line(f"state not written: {failure}")


def _is_beside_the_line(one: ManagedProcess) -> bool:
    """Whether the start does not wait for it, and its failures do not end the start."""
    # Imported late: it loads the steps, and the servers start meanwhile.
    from streams.topology import BESIDE_THE_LINE

    return one.name in BESIDE_THE_LINE


def _end_of(log: Path) -> str:
    return f"end of {log}:\n{tail(log)}"

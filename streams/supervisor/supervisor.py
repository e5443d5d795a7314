"""The process behind `up`: it owns Kafka, PostgreSQL and the roles of one home."""

import argparse
import os
import signal
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infra import paths, ports, processes
from infra.kafka import LocalKafka, WrongBrokers, cluster_of, tail
from infra.migrate import migrate
from infra.postgres import LocalPostgres
from streams.supervisor.child_processes import (
    BrokerProcess,
    DatabaseProcess,
    ManagedProcess,
    RoleProcess,
    write_log_line,
)
from streams.supervisor.state import lock, state_file

START_LIMIT_SECONDS = 120.0
DEATHS_BEFORE_READY = 4
GRACE_SECONDS = 30.0
GRACE_NOW_SECONDS = 5.0
TICK_SECONDS = 0.1


class CannotStart(Exception):
    """A part does not come up; the text says which, and shows the end of its log."""


class Supervisor:
    """Brings a line up stage by stage, keeps its parts alive, and takes it down again."""

    def __init__(
        self,
        home: Path,
        roles: Sequence[str],
        brokers: int | None = None,
        clients: Mapping[str, int] | None = None,
    ) -> None:
        """A supervisor of a prepared home; nothing runs yet. Raises WrongBrokers.

        `clients`: ports at which clients reach a part through something that stands between."""
        self.home = home
        nodes = cluster_of(home, brokers).brokers
        self.ports = ports.choose(home, ports.names(nodes), clients)
        self.brokers = [
            LocalKafka(home, paths.kafka_jars(), self.ports, node, nodes)
            for node in range(1, nodes + 1)
        ]
        self.postgres = LocalPostgres(home, ports.listen_port(self.ports, "postgres"))
        self.servers: list[ManagedProcess] = [
            DatabaseProcess(self.postgres),
            *map(BrokerProcess, self.brokers),
        ]
        self.roles: list[ManagedProcess] = [RoleProcess(name, home) for name in roles]
        self.phase = "starting"
        self.error = ""
        self._seconds: dict[str, float] = {}
        self._started = time.monotonic()
        self._started_at = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._stopping: float | None = None
        self._written: dict[str, Any] = {}

    def run(self) -> int:
        """Live until told to end; gives the exit code."""
        signal.signal(signal.SIGTERM, lambda *_: self._end(GRACE_SECONDS))
        signal.signal(signal.SIGINT, lambda *_: self._end(GRACE_SECONDS))
        signal.signal(signal.SIGUSR1, lambda *_: self._end(GRACE_NOW_SECONDS))
        processes.adopt_orphans()
        try:
            self._bring_up()
            while self._stopping is None:
                self._tick(self.servers + self.roles)
        except Exception as failure:
            self.error = str(failure)
            write_log_line(traceback.format_exc())
        finally:
            self._take_down()
        return 1 if self.error else 0

    def _end(self, grace_seconds: float) -> None:
        self._stopping = min(grace_seconds, self._stopping or grace_seconds)

    def _bring_up(self) -> None:
        self._until_ready(self.servers[:1], self.servers)
        self._timed("migrations", self._prepare_database)
        self._until_ready(self.servers, self.servers)
        self._timed("topics", self._prepare_topics)
        self._until_ready(self.roles, self.servers + self.roles)
        if self._stopping is None:
            self.phase = "ready"
            self._write_state()

    def _prepare_database(self) -> None:
        self.postgres.provision()
        migrate(self.postgres.dsn())

    def _prepare_topics(self) -> None:
        # Late, since this loads the steps, which takes a while: the servers start meanwhile.
        from streams.provision import provision_topics

        provision_topics(self.brokers[0].bootstrap, self.home)

    def _timed(self, name: str, work: Any) -> None:
        if self._stopping is None:
            before = time.monotonic()
            work()
            self._seconds[name] = round(time.monotonic() - before, 2)

    def _until_ready(
        self, awaited: Sequence[ManagedProcess], alive: Sequence[ManagedProcess]
    ) -> None:
        while self._stopping is None and not all(part.state == "ready" for part in awaited):
            self._tick(alive)
            for part in alive:
                if part.deaths >= DEATHS_BEFORE_READY:
                    told = f"{part.name} {part.why}, {part.deaths} times in a row"
                    raise CannotStart(f"{told}; {_shown(part.log)}")
            if time.monotonic() - self._started > START_LIMIT_SECONDS:
                late = next(part for part in awaited if part.state != "ready")
                raise CannotStart(
                    f"{late.name} is not ready after {START_LIMIT_SECONDS:g} s; {_shown(late.log)}"
                )

    def _tick(self, parts: Sequence[ManagedProcess]) -> None:
        for part in parts:
            restarts = part.restarts
            part.tick()
            if part.restarts > restarts:
                # What it had started and left behind must not go on beside its successor.
                processes.kill_orphans(self._pids())
            if part.state == "ready" and part.name not in self._seconds:
                self._seconds[part.name] = round(part.seconds_to_ready, 2)
        processes.reap_orphans(self._pids())
        self._write_state()
        time.sleep(TICK_SECONDS)

    def _take_down(self) -> None:
        if self.error:
            self.phase = "failed"
        else:
            self.phase = "stopping"
        self._write_state()
        deadline = time.monotonic() + (self._stopping or GRACE_NOW_SECONDS)
        for part in self.roles:
            part.ask_to_end()
        for part in self.roles:
            part.end(deadline)
        # The rest of the roles' children goes before the servers, so that nobody writes any more.
        processes.kill_orphans(self._pids())
        for part in self.servers:
            part.end(deadline)
        processes.kill_orphans(set())
        self.phase = "failed" if self.error else "down"
        self._write_state()

    def _pids(self) -> set[int]:
        return {part.pid for part in self.servers + self.roles if part.pid is not None}

    def _write_state(self) -> None:
        document = {
            "pid": os.getpid(),
            "phase": self.phase,
            "error": self.error,
            "ports": self.ports,
            "started_at": self._started_at,
            "seconds": self._seconds.copy(),
            "parts": {part.name: part.shown() for part in self.servers + self.roles},
        }
        if document != self._written:
            try:
                ports.write_json(state_file(self.home), document)
                self._written = document
            except OSError as failure:
                # A full disk must not end the line; the state is written again with the next tick.
                write_log_line(f"the state could not be written: {failure}")


def _shown(log: Path) -> str:
    return f"end of {log}:\n{tail(log)}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Supervise a home until told to end."""
    parser = argparse.ArgumentParser(prog="streams.supervisor.supervisor")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("roles", nargs="*")
    chosen = parser.parse_args(arguments)
    home = paths.prepare_home(chosen.home)
    held = lock(home)
    if held is None:
        print(f"another supervisor has {home}", file=sys.stderr)
        return 3
    held.truncate(0)
    held.write(str(os.getpid()))
    held.flush()
    os.environ.update(COPYSTAND_HOME=str(home), TMPDIR=str(home / "run" / "tmp"))
    os.environ.update(XDG_CACHE_HOME=str(home / "run" / "tmp"))
    try:
        brokers, clients = asked_for(os.environ)
        return Supervisor(home, chosen.roles, brokers, clients).run()
    except WrongBrokers as wrong:
        print(wrong, file=sys.stderr)
        return 2


def asked_for(environment: Mapping[str, str]) -> tuple[int | None, dict[str, int]]:
    """COPYSTAND_BROKERS, and COPYSTAND_CLIENT_PORTS in the form `kafka=20001,postgres=20002`.

    Raises WrongBrokers."""
    number, given = (environment.get(f"COPYSTAND_{name}") for name in ("BROKERS", "CLIENT_PORTS"))
    try:
        pairs = [pair.split("=") for pair in given.split(",")] if given else []
        return int(number) if number else None, {name: int(port) for name, port in pairs}
    except ValueError as wrong:
        told = f"COPYSTAND_BROKERS is {number!r}, COPYSTAND_CLIENT_PORTS is {given!r}: {wrong}"
        raise WrongBrokers(told) from None


if __name__ == "__main__":
    code = main()
    # Nothing is left to do, and a Kafka client's threads must not hold the end up.
    os._exit(code)

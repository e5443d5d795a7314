"""A PostgreSQL for tests, without Kafka; each caller gets a new, migrated database."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from infra import paths, ports
from infra.migrate import migrate
from infra.postgres import LocalPostgres
from streams.tracker.unit_of_work import Connection
from tests.support.parts import without_fsync

TEMPLATE = "core_template"


class Databases:
    """One server. Its databases are copies of one with all migrations."""

    def __init__(self, server: LocalPostgres) -> None:
        self.server = server
        self._numbers = itertools.count()
        self._run(f"CREATE DATABASE {TEMPLATE}")
        migrate(server.dsn("postgres", TEMPLATE))

    @contextmanager
    def fresh(self) -> Iterator[str]:
        """The name of a new database, which is dropped afterwards."""
        name = f"core_{next(self._numbers)}"
        self._run(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        try:
            yield name
        finally:
            self._run(f"DROP DATABASE {name} WITH (FORCE)")

    def _run(self, command: str) -> None:
        with psycopg.connect(self.server.dsn(), autocommit=True) as conn:
            conn.execute(command.encode())

    def connect(self, name: str) -> Connection:
        """A connection of the tracker, in autocommit mode."""
        return psycopg.connect(self.dsn(name), autocommit=True)

    def dsn(self, name: str) -> str:
        """The connection string of the tracker."""
        return self.server.dsn("tracker", name)


@contextmanager
def running_databases(home: Path) -> Iterator[Databases]:
    """Start PostgreSQL in a home, and stop it afterwards."""
    home = paths.prepare_home(home)
    server = LocalPostgres(home, ports.choose(home)["postgres"])
    try:
        server.start()
        server.wait_ready()
        server.provision()
        without_fsync(server)
        yield Databases(server)
    finally:
        server.stop()

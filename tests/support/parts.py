"""A real Kafka and a real PostgreSQL in a throw-away home, for tests that need no roles."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from infra import paths, ports
from infra.kafka import LocalKafka
from infra.kafka_access import Brokers
from infra.kafka_listeners import Network
from infra.migrate import migrate
from infra.postgres import LocalPostgres
from infra.topics import provision
from schemas.catalogue import TOPICS
from streams.provision import provision_access, provision_senders
from tests.support.certificate import certificate


@dataclass(frozen=True)
class Parts:
    """A running Kafka with all topics of the catalogue, and a migrated PostgreSQL."""

    home: Path
    broker: LocalKafka
    database: LocalPostgres
    network: Network
    """Where the broker listens for other machines, with TLS."""

    @property
    def kafka(self) -> Brokers:
        """The broker, as its owner reaches it."""
        return self.broker.admin

    def dsn(self, role: str = "postgres") -> str:
        """The connection string of a role: tracker, projector, auditor_ro, or the superuser."""
        return self.database.dsn(role)

    def start_groups(self, groups: dict[str, list[str]]) -> None:
        """Commit the start offsets of groups, as the first `up` does."""
        provision(self.kafka, (), groups)


def without_fsync(server: LocalPostgres) -> None:
    """Let a server write without fsync.

    Test data need not survive a power cut, and a clean restart keeps it without fsync, too."""
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")


@contextmanager
def running_parts(home: Path) -> Iterator[Parts]:
    """Start Kafka and PostgreSQL in a home, with topics and migrations, and end both afterwards."""
    home = paths.prepare_home(home)
    chosen = ports.choose(home)
    network = Network("localhost", ports.free_port(set(chosen.values())), *certificate(home))
    broker = LocalKafka(home, paths.kafka_jars(), chosen, network=network)
    database = LocalPostgres(home, chosen["postgres"])
    try:
        broker.start()
        database.start()
        database.wait_ready()
        database.provision()
        without_fsync(database)
        migrate(database.dsn())
        broker.wait_ready()
        provision(broker.admin, TOPICS, {})
        provision_senders(broker.admin, home)
        provision_access(broker.admin, home)
        yield Parts(home, broker, database, network)
    finally:
        database.stop()
        broker.stop()

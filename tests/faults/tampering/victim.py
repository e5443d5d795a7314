"""One line that was made once, and copies of it to tamper with."""

import random
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psycopg
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource

from infra import paths, ports
from infra.kafka import LocalKafka
from infra.kafka_access import ADMIN, Brokers, login_file, read_login
from infra.postgres import SUPERUSER, LocalPostgres
from infra.topics import admin
from schemas.catalogue import AUDIT_INTAKE, AUDIT_PREMIS
from schemas.models import PremisEvent
from streams.audit.sealed_record import SealedRecord
from streams.transparency_log.export import newest_checkpoint, static_tiles
from streams.transparency_log.tiles import Tree
from streams.verification.sealed_comparison import records
from tests.support.audit_log import an_event, delivery
from tests.support.pages import write_item
from tests.support.running_line import Line, wait_for

EVENTS = 700
"""That are sealed besides those of the batch: three full bundles of entries."""
EVENTS_OF_A_CHECKPOINT = 50
PAGES = 2
BATCH = "ms-2026-4"
SECONDS = 240


@dataclass
class Victim:
    """A copy of the line: its home, and its servers while they run."""

    home: Path
    draw: random.Random
    broker: LocalKafka | None = None
    database: LocalPostgres | None = None
    _events: list[SealedRecord] = field(default_factory=list)

    @property
    def log(self) -> Path:
        """The folder of the sealed log."""
        return self.home / "audit" / "log"

    @property
    def events(self) -> list[SealedRecord]:
        """What is sealed before anybody tampers with it."""
        if not self._events:
            size = newest_checkpoint(self.log).size
            self._events = list(records(Tree(static_tiles(self.log), size)))
        return self._events

    @property
    def size(self) -> int:
        """How many events are sealed."""
        return len(self.events)

    @property
    def kafka(self) -> Brokers:
        """The broker as its administrator reaches it."""
        port = ports.read(self.home)["kafka"]
        return Brokers(f"127.0.0.1:{port}", read_login(login_file(self.home, ADMIN)))

    def dsn(self, role: str = SUPERUSER, database: str = "copystand") -> str:
        """The connection string of a role."""
        assert self.database is not None
        return self.database.dsn(role, database)

    def as_superuser(self, *statements: str, triggers: bool = False) -> None:
        """Run statements in one transaction; without triggers unless they are wanted."""
        with psycopg.connect(self.dsn()) as connection:
            if not triggers:
                connection.execute("SET session_replication_role = replica")
            for statement in statements:
                connection.execute(statement.encode())

    def produce(
        self,
        key: bytes | None,
        value: bytes | None,
        headers: list[tuple[str, str | bytes | None]] | None = None,
        topic: str = AUDIT_PREMIS.name,
    ) -> None:
        """Write a record to a topic as the administrator."""
        producer = Producer(self.kafka.client)
        producer.produce(topic, value, key, partition=0, headers=headers or [])
        assert producer.flush(20) == 0

    @contextmanager
    def servers(self, *, database: bool = True, broker: bool = True) -> Iterator[None]:
        """Run the broker and PostgreSQL of this copy, and no role."""
        chosen = ports.choose(self.home)
        self.broker = LocalKafka(self.home, paths.kafka_jars(), chosen)
        self.database = LocalPostgres(self.home, chosen["postgres"])
        try:
            if broker:
                self.broker.start()
            if database:
                self.database.start()
                self.database.wait_ready()
            if broker:
                self.broker.wait_ready()
                wait_for(self._leads, 60, lambda: "the broker does not lead the topic")
            yield
        finally:
            self.database.stop()
            self.broker.stop()

    def _leads(self) -> bool:
        """Whether the broker, which has just started, gives the ends of the sealed topic."""
        consumer = Consumer({**self.kafka.client, "group.id": "waits-for-the-broker"})
        try:
            consumer.get_watermark_offsets(TopicPartition(AUDIT_PREMIS.name, 0), timeout=5)
        except KafkaException:
            return False
        finally:
            consumer.close()
        return True


def make_line(home: Path) -> None:
    """Make the line: a batch of two pages, many other events, all sealed, projected, and stopped."""
    line = Line(home)
    try:
        line.up()
        with psycopg.connect(line.dsn(), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")
        # A record in a segment is then rewritten in its place.
        set_configuration(admin(line.kafka), AUDIT_PREMIS.name, "compression.type", "uncompressed")
        write_item(home.parent / "delivery" / "vol-a", PAGES)
        words = ("station", "submit", home.parent / "delivery", "--batch-id", BATCH)
        line.ask(*words, "--wait", "--timeout", str(SECONDS))
        producer = Producer(line.kafka.client)
        known = _projected(line)
        for first in range(0, EVENTS, EVENTS_OF_A_CHECKPOINT):
            for number in range(first, first + EVENTS_OF_A_CHECKPOINT):
                key, value = delivery(_an_event_without_objects(number))
                producer.produce(AUDIT_INTAKE.name, value, key, partition=0)
            assert producer.flush(30) == 0
            known += EVENTS_OF_A_CHECKPOINT
            wait_for(partial(_sealed, line, known), 60, line.logs)
    finally:
        line.down()


def a_copy(base: Path, home: Path, seed: str) -> Victim:
    """A copy of a line that does not run."""
    home.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", "--reflink=auto", base, home], check=True)
    shutil.rmtree(home / "run" / "roles", ignore_errors=True)
    return Victim(home, random.Random(seed))


def set_configuration(client: AdminClient, topic: str, name: str, value: str) -> None:
    """Change a setting of a topic."""
    entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[entry])
    for future in client.incremental_alter_configs([resource]).values():
        future.result(30)


def _an_event_without_objects(number: int) -> PremisEvent:
    return an_event(number, f"event {number}").model_copy(update={"results": ()})


def _sealed(line: Line, count: int) -> bool:
    """Whether this many events or more are projected and signed."""
    signed = newest_checkpoint(line.home / "audit" / "log").size
    return count <= signed == _projected(line)


def _projected(line: Line) -> int:
    with psycopg.connect(line.dsn()) as connection:
        return int(connection.execute("SELECT count(*) FROM audit.events").fetchone()[0])  # type: ignore[index]

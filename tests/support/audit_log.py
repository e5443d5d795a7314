"""Helps tests of the audit log: events, topics of their own, roles as processes, and the log read back."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import psycopg
from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition

from infra.kafka_access import ADMIN, Brokers, login_file
from infra.migrate import FOLDER
from infra.topics import provision
from processors.premis import event_type_uri
from schemas.catalogue import AUDIT_CHECKPOINTS, AUDIT_INTAKE, AUDIT_PREMIS, Topic
from schemas.codec import decode, encode
from schemas.ids import make_id, premis_id
from schemas.models import Agent, Head, PremisEvent
from schemas.models import Producer as By
from streams.audit.sealed_record import Seal, seal_of
from streams.sealer.clients import SealerTopics
from tests.support.parts import Parts

WHEN = datetime(2026, 5, 4, 9, 30, 0, 250000, tzinfo=UTC)
CHECKOUT = Path(__file__).resolve().parents[2]
Delivery = tuple[bytes | None, bytes | None]


def an_event(number: int = 0, detail: str = "all is well", **head: object) -> PremisEvent:
    """A PREMIS event, the same for the same arguments."""
    fact = make_id("a fact", number)
    subject = {"batch_id": "b-1", "item_id": "i-1", "page_id": "i-1:0001", "revision": 1}
    return PremisEvent(
        head=Head(
            **{  # type: ignore[arg-type]
                "event_id": premis_id(fact, 0),
                "cause_id": fact,
                "occurred_at": WHEN,
                "producer": By(name="copystand/acquire_page", version="1.2.3"),
                **subject,
                **head,
            }
        ),
        fact="PageAcquired",
        ordinal=0,
        event_type="fixity check",
        event_type_uri=event_type_uri("fixity check"),
        outcome="suc",
        detail=detail,
        agents=(Agent(type="software", name="sha256", version="1", role="executing program"),),
        sources=("page:i-1:0001",),
        results=("sha256:" + "ab" * 32,),
    )


def delivery(event: PremisEvent) -> Delivery:
    """An event as it comes to the intake: key and value."""
    return event.head.event_id.encode(), encode(event)


def deliveries(count: int, first: int = 0) -> list[Delivery]:
    """Many different events."""
    return [delivery(an_event(number)) for number in range(first, first + count)]


@dataclass(frozen=True)
class Log:
    """An intake and a log of their own on the shared broker."""

    parts: Parts
    home: Path
    line: SealerTopics

    def deliver(self, records: Sequence[Delivery]) -> None:
        """Put records on the intake, in order."""
        producer = Producer({**self.parts.kafka.client, "enable.idempotence": True})
        for key, value in records:
            producer.produce(self.line.intake, key=key, value=value, partition=0)
            producer.poll(0)
        assert producer.flush(30) == 0

    def sealed(self) -> list[Message]:
        """Every committed record of the log."""
        return list(read_committed(self.parts.kafka, self.line.premis))

    def wait_for(self, count: int, seconds: float = 30) -> list[Message]:
        """The records of the log once there are this many."""
        until(lambda: len(self.sealed()) >= count, seconds, lambda: f"{len(self.sealed())} sealed")
        return self.sealed()

    @contextmanager
    def sealer(self) -> Iterator["subprocess.Popen[bytes]"]:
        """A sealer as a process."""
        line = self.line
        fields = astuple(line)
        code = (
            "from streams.composition import run_sealer;"
            "from streams.sealer.clients import SealerTopics;"
            f"run_sealer(Settings.load(), SealerTopics{fields!r})"
        )
        with role(self, code) as process:
            yield process

    @contextmanager
    def projector(self) -> Iterator["subprocess.Popen[bytes]"]:
        """A projector as a process, of this log."""
        line = self.line
        fields = astuple(line)
        code = (
            "from streams.composition import run_projector;"
            "from streams.sealer.clients import SealerTopics;"
            f"run_projector(Settings.load(), SealerTopics{fields!r})"
        )
        with role(self, code) as process:
            yield process


def a_log(parts: Parts, home: Path) -> Log:
    """A fresh pair of topics with a home for their sealer."""
    mark = uuid4().hex[:8]
    line = SealerTopics(
        f"intake.{mark}", f"premis.{mark}", f"sealer.{mark}", f"tx.{mark}", f"checkpoints.{mark}"
    )
    intake = Topic(line.intake, None, "event_id", 1, AUDIT_INTAKE.config)
    premis = Topic(line.premis, None, "event_id", 1, AUDIT_PREMIS.config)
    checkpoints = Topic(line.checkpoints, None, "size", 1, AUDIT_CHECKPOINTS.config)
    provision(parts.kafka, [intake, premis, checkpoints], {line.group: [line.intake]})
    (home / "run").mkdir(parents=True, exist_ok=True)
    for password in (parts.home / "run").glob("postgres.*password"):
        (home / "run" / password.name).write_text(password.read_text())
    # Its topics are not those of the line, so that the roles have no permissions there.
    for user in ("sealer", "projector"):
        shutil.copyfile(login_file(parts.home, ADMIN), login_file(home, user))
    ports = (parts.home / "run" / "ports.json").read_text()
    (home / "run" / "ports.json").write_text(ports)
    return Log(parts, home, line)


SET_UP = (
    "from streams.runtime.logs import set_up_log; from streams.settings import Settings;"
    "set_up_log();"
)


@contextmanager
def role(log: Log, code: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A role as a process of its own that is killed at the end."""
    environment = {**os.environ, "COPYSTAND_HOME": str(log.home), "PYTHONPATH": str(CHECKOUT)}
    with (log.home / "role.log").open("ab") as sink:
        process = subprocess.Popen(
            [sys.executable, "-c", SET_UP + code],
            env=environment,
            stderr=sink,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def fresh_projection(dsn: str) -> None:
    """Drop the projection and make it again, as only a superuser can."""
    with psycopg.connect(dsn) as connection:
        connection.execute("DROP SCHEMA audit CASCADE")
        for name in (
            "0002_audit.sql",
            "0012_foreign_rows.sql",
            "0017_audit_questions.sql",
            "0019_generation.sql",
        ):
            connection.execute((FOLDER / name).read_bytes())


def projected(parts: Parts) -> int:
    """How many events the table has."""
    with psycopg.connect(parts.dsn("auditor_ro")) as connection:
        return connection.execute("SELECT count(*) FROM audit.event").fetchone()[0]  # type: ignore[index]


def read_committed(brokers: Brokers, topic: str) -> Iterator[Message]:
    """Every committed record of partition 0."""
    reader = Consumer(
        {
            **brokers.client,
            "group.id": "reads-for-a-test",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
    )
    reader.assign([TopicPartition(topic, 0, 0)])
    try:
        while True:
            for message in reader.consume(1000, timeout=0.1):
                if message.error() is None:
                    yield message
                elif message.error().code() == KafkaError._PARTITION_EOF:
                    return
    finally:
        reader.close()


def seals(messages: Sequence[Message]) -> list[Seal]:
    """Their seals."""
    return [seal_of(message.headers()) for message in messages]


def events(messages: Sequence[Message]) -> list[PremisEvent]:
    """What they say."""
    return [decode(message.value(), PremisEvent) for message in messages]  # type: ignore[misc]


def until(condition: Callable[[], bool], seconds: float, state: Callable[[], str]) -> None:
    """Wait for a condition, or fail with the last state."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds} s: {state()}")
        time.sleep(0.1)

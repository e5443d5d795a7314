"""The tracker as a process on a real Kafka: killed repeatedly, and rebuilt from the topics."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

from infra.migrate import migrate
from schemas.catalogue import AUDIT_INTAKE, key_of, redone_topic, topic_of
from schemas.codec import Undecodable, decode, encode
from schemas.models import BatchSettled, Fact, ItemCompleted, PageAdmitted, PremisEvent
from streams.kafka.messages import Incoming, Outgoing
from streams.kafka.producer import KafkaPublisher
from streams.kafka.topic_reader import TopicReader
from streams.storage.local import LocalStorage
from streams.topology import TRACKER_INPUTS
from streams.tracker.database import connect
from streams.tracker.outbox_relay import OutboxRelay
from streams.tracker.process_manager import ProcessManager
from streams.tracker.rebuild import rebuild
from streams.tracker.turn_guard import MOST_ENDS
from tests.support.line_facts import Delivery
from tests.support.parts import Parts
from tests.support.tracker_tables import dump

DATABASE = "line_of_a_process"
PATIENCE_SECONDS = 90


@pytest.fixture
def dsn(parts: Parts) -> Iterator[str]:
    """A fresh database for the tracker, its role's connection string."""
    with psycopg.connect(parts.dsn(), autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {DATABASE}".encode())
    migrate(parts.database.dsn("postgres", DATABASE))
    yield parts.database.dsn("tracker", DATABASE)
    with psycopg.connect(parts.dsn(), autocommit=True) as conn:
        conn.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)".encode())


RUN = ("-m", "streams.cli", "run", "tracker")


@contextmanager
def running_tracker(
    parts: Parts, log: Path, program: Sequence[str] = RUN
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a tracker; kill it at the end if it still runs."""
    environment = {
        **os.environ,
        "COPYSTAND_HOME": str(parts.home),
        "KAFKA_BROKERS": str(parts.kafka),
        "POSTGRES_DSN": f"postgresql://127.0.0.1:{parts.database.port}/{DATABASE}",
    }
    command = [sys.executable, *program]
    with log.open("ab") as sink:
        process = subprocess.Popen(command, env=environment, stdout=sink, stderr=sink)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_until(is_true: Callable[[], bool], last: Callable[[], Any]) -> None:
    """Wait for a condition; fail with the last state after PATIENCE_SECONDS."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_true():
        assert time.monotonic() < deadline, f"timed out; the last state: {last()}"
        time.sleep(0.1)


def test_a_tracker_that_is_killed_repeatedly_decides_everything_once_and_can_be_rebuilt(
    parts: Parts, dsn: str, tmp_path: Path
) -> None:
    storage, chance = LocalStorage(parts.home), random.Random(7)
    batches = [
        Delivery(storage, f"k-{n}", {f"k-{n}-vol-{i}": 12 for i in range(3)}) for n in range(8)
    ]
    facts = [fact for batch in batches for fact in batch.everything()]
    facts += chance.sample(facts, len(facts) // 2)
    chance.shuffle(facts)
    names = [batch.batch_id for batch in batches]
    publisher, log = KafkaPublisher(parts.kafka), tmp_path / "tracker.log"

    with psycopg.connect(dsn, autocommit=True) as conn:
        for portion in (facts[start::6] for start in range(6)):
            publisher.publish([outgoing(fact) for fact in portion])
            rows_before = rows_of(conn, "facts")
            with running_tracker(parts, log):
                wait_until(lambda: rows_of(conn, "facts") > rows_before, log.read_text)  # noqa: B023
                time.sleep(chance.random() * 0.2)
        publisher.close()
        with running_tracker(parts, log) as process:
            wait_until(lambda: ready(parts, process), log.read_text)
            wait_until(lambda: settled(conn, names), lambda: status(conn) + log.read_text()[-3000:])
            wait_until(lambda: rows_of(conn, "outbox") == 0, log.read_text)
            process.terminate()
            assert process.wait(20) == 0, log.read_text()[-3000:]
        old = dump(conn)

        reader = TopicReader(parts.kafka)
        check_each_decided_once(published_bytes(reader, names), batches)
        manager = ProcessManager(conn, storage, "2")
        manager.start()
        rebuild(manager, reader)
        reader.close()

        assert dump(conn) == old
        assert rows_of(conn, "outbox") == 0


CRASHES_AT = """
import os, signal
from streams.composition import run_role
from streams.runtime.logs import set_up_log
from streams.settings import Settings
from streams.tracker import process_manager

apply = process_manager.apply

def crash(unit, new):
    if any(stored.head.event_id == {event_id!r} for stored in new):
        os.kill(os.getpid(), signal.SIGSEGV)
    apply(unit, new)

process_manager.apply = crash
set_up_log()
run_role("tracker", Settings.load())
"""


def test_a_message_that_crashes_the_interpreter_is_quarantined_by_a_later_process(
    parts: Parts, dsn: str, tmp_path: Path
) -> None:
    storage, log = LocalStorage(parts.home), tmp_path / "tracker.log"
    batch = Delivery(storage, "crash", {"crash-vol": 3})
    other = Delivery(storage, "other", {"other-vol": 3})
    poison = batch.acquired("crash-vol:0002")
    program = ("-c", CRASHES_AT.format(event_id=poison.head.event_id))
    publisher, ends = KafkaPublisher(parts.kafka), 0
    publisher.publish([outgoing(fact) for fact in (*batch.everything(), *other.everything())])
    publisher.close()

    with psycopg.connect(dsn, autocommit=True) as conn:
        done = lambda: settled_alone(conn, "other") and skipped_messages(conn) == 1  # noqa: E731
        for _ in range(MOST_ENDS + 3):
            with running_tracker(parts, log, program) as process:
                wait_until(lambda: process.poll() is not None or done(), log.read_text)
                if done():
                    break
                ends += process.returncode == -signal.SIGSEGV
        state = status(conn)
        assert done(), state

    # It ended once with a portion, and three times with the message alone.
    assert ends in (MOST_ENDS, MOST_ENDS + 1)
    assert "message ends the process repeatedly" in log.read_text()


def settled_alone(conn: psycopg.Connection[Any], name: str) -> bool:
    query = "SELECT state = 'settled' FROM line.batch_status WHERE batch_id = %s"
    return conn.execute(query, [name]).fetchone() == (True,)


def skipped_messages(conn: psycopg.Connection[Any]) -> int:
    query = "SELECT count(*) FROM line.quarantine WHERE found LIKE 'The tracker ended %'"
    row = conn.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def check_each_decided_once(
    published: dict[str, dict[str, set[bytes]]], batches: list[Delivery]
) -> None:
    """One event id and one set of bytes for each decision, and its PREMIS events beside it."""
    items = sum(len(batch.items) for batch in batches)
    pages = sum(sum(batch.items.values()) for batch in batches)
    assert {record: len(events) for record, events in published.items()} == {
        "PageAdmitted": pages,
        "ItemCompleted": items,
        "BatchSettled": len(batches),
        "PremisEvent": pages + items + len(batches),
    }
    assert all(len(values) == 1 for events in published.values() for values in events.values())


def published_bytes(reader: TopicReader, names: list[str]) -> dict[str, dict[str, set[bytes]]]:
    """The distinct bytes of each fact of the tracker about these batches, by record and event id."""
    kinds: tuple[type[Fact], ...] = (PageAdmitted, ItemCompleted, BatchSettled)
    topics = [topic_of(kind.__name__).name for kind in kinds]
    published: dict[str, dict[str, set[bytes]]] = defaultdict(lambda: defaultdict(set))
    for portion in read_all(reader, [*topics, AUDIT_INTAKE.name]):
        for message in portion:
            try:
                fact = decode(message.value)
            except Undecodable:
                continue
            head = fact.head
            ours = not isinstance(fact, PremisEvent) or head.producer.name == "copystand/tracker"
            if head.batch_id in names and ours:
                published[type(fact).__name__][head.event_id].add(message.value or b"")
    return published


def read_all(reader: TopicReader, topics: list[str]) -> Iterator[list[Incoming]]:
    return reader.read_to_the_end(dict.fromkeys(reader.partitions(topics), 0))


def outgoing(fact: Fact) -> Outgoing:
    return Outgoing(topic_of(type(fact).__name__).name, key_of(fact), encode(fact))


def ready(parts: Parts, process: subprocess.Popen[bytes]) -> bool:
    file = parts.home / "run" / "roles" / "tracker.ready"
    return file.exists() and file.read_text() == str(process.pid)


def rows_of(conn: psycopg.Connection[Any], table: str) -> int:
    row = conn.execute(f"SELECT count(*) FROM line.{table}".encode()).fetchone()
    assert row is not None
    return int(row[0])


def settled(conn: psycopg.Connection[Any], names: list[str]) -> bool:
    states = dict(conn.execute("SELECT batch_id, state FROM line.batch_status").fetchall())
    completed = conn.execute(
        "SELECT count(*) FROM line.items WHERE completed_id IS NULL"
    ).fetchone()
    return all(states.get(name) == "settled" for name in names) and completed == (0,)


def status(conn: psycopg.Connection[Any]) -> str:
    return str(conn.execute("SELECT * FROM line.batch_status").fetchall())


def test_the_relay_deletes_a_message_only_after_its_acknowledgement(parts: Parts, dsn: str) -> None:
    topic = topic_of("BatchSettled").name
    with psycopg.connect(dsn, autocommit=True) as conn:
        row = (topic, "relay-key", '[["step", "x"]]', b"deleted after its acknowledgement")
        conn.execute(
            "INSERT INTO line.outbox (topic, key, headers, value) VALUES (%s, %s, %s, %s)", row
        )
        conn.execute(
            "INSERT INTO line.outbox (not_before, topic, key, value)"
            " VALUES (now() + interval '1 hour', %s, 'later', 'later')",
            [topic],
        )

        OutboxRelay(partial(connect, dsn), parts.kafka).drain(conn)

        left = conn.execute("SELECT key FROM line.outbox").fetchall()
    reader = TopicReader(parts.kafka)
    sent = [
        message
        for portion in read_all(reader, [topic])
        for message in portion
        if message.key == b"relay-key"
    ]
    reader.close()
    assert left == [("later",)]
    assert [(message.value, dict(message.headers)) for message in sent] == [
        (row[3], {"step": b"x"})
    ]


def test_the_tracker_reads_each_of_its_topics_once() -> None:
    assert len(TRACKER_INPUTS) == len(set(TRACKER_INPUTS)) == 17
    assert redone_topic("intake") in TRACKER_INPUTS

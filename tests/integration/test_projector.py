"""The projector on a real broker and database: every sealed event once and in order."""

import os
import signal
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from confluent_kafka import Producer

from streams.audit.sealed_record import Seal, body_of, headers_of, schema_digest, seal_of
from streams.projector.rows import dump_digest
from tests.support.audit_log import (
    Log,
    a_log,
    an_event,
    deliveries,
    delivery,
    fresh_projection,
    projected,
    until,
)
from tests.support.parts import Parts


@pytest.fixture
def log(parts: Parts, tmp_path: Path) -> Log:
    fresh_projection(parts)
    return a_log(parts, tmp_path)


def seal_all(log: Log, count: int) -> None:
    log.deliver(deliveries(count))
    with log.sealer():
        log.wait_for(count)


def wait_for_rows(log: Log, count: int) -> None:
    parts = log.parts
    until(lambda: projected(parts) >= count, 30, lambda: f"{projected(parts)} rows")


def digest(log: Log) -> str:
    with psycopg.connect(log.parts.dsn("auditor_ro")) as connection:
        return dump_digest(connection)


def put(log: Log, seq: int, value: bytes) -> None:
    producer = Producer({**log.parts.kafka.client})
    seal = Seal(seq, 1_000_000, schema_digest(value))
    producer.produce(log.line.premis, value=value, key=b"x", headers=headers_of(seal))
    producer.flush(10)


def test_a_row_has_the_content_of_the_sealed_event(log: Log) -> None:
    event = an_event(7, "NUL \x00, ß")
    log.deliver([delivery(event)])

    with log.sealer(), log.projector():
        wait_for_rows(log, 1)

    seal = seal_of(log.sealed()[0].headers())
    with psycopg.connect(log.parts.dsn("auditor_ro")) as connection:
        row = connection.execute(
            "SELECT seq, event_id, cause_id, page_id, occurred_at, detail, agents, sources, body,"
            " schema_sha256, (extract(epoch FROM sealed_at) * 1000000)::bigint FROM audit.event"
        ).fetchone()
    assert row == (
        0,
        UUID(event.head.event_id),
        UUID(event.head.cause_id),
        "i-1:0001",
        event.head.occurred_at,
        "NUL \ufffd, ß",
        [agent.model_dump() for agent in event.agents],
        ["page:i-1:0001"],
        body_of(delivery(event)[1] or b""),
        seal.schema_sha256,
        seal.sealed_at,
    )


def test_loses_and_doubles_nothing_when_killed_in_the_middle(log: Log) -> None:
    seal_all(log, 6000)

    for wanted in (0, 2000, 4000):
        with log.projector() as projector:
            wait_for_rows(log, wanted + 1)
            os.kill(projector.pid, signal.SIGKILL)
    with log.projector():
        wait_for_rows(log, 6000)

    with psycopg.connect(log.parts.dsn("auditor_ro")) as connection:
        found = connection.execute("SELECT event_id, seq FROM audit.event ORDER BY seq").fetchall()
    assert found == [
        (UUID((key or b"").decode()), seq) for seq, (key, _) in enumerate(deliveries(6000))
    ]


def test_dropping_the_projection_and_replaying_gives_the_same_rows(log: Log) -> None:
    seal_all(log, 700)
    with log.projector():
        wait_for_rows(log, 700)
    before = digest(log)

    fresh_projection(log.parts)
    assert digest(log) != before
    with log.projector():
        wait_for_rows(log, 700)

    assert digest(log) == before


def test_exits_with_0_on_sigterm(log: Log) -> None:
    seal_all(log, 5)
    with log.projector() as projector:
        wait_for_rows(log, 5)
        projector.terminate()

        assert projector.wait(15) == 0


def test_stops_at_a_gap_and_skips_nothing(log: Log) -> None:
    (_, first), (_, second) = deliveries(2)
    put(log, 0, first or b"")
    put(log, 2, second or b"")

    for _ in range(2):
        with log.projector() as projector:
            assert projector.wait(20) == 70

    assert projected(log.parts) == 0
    assert "has seq 2, expected 1" in (log.home / "role.log").read_text()


def test_a_second_projector_ends_and_doubles_no_row(log: Log) -> None:
    seal_all(log, 5)
    with log.projector() as first:
        wait_for_rows(log, 5)
        os.kill(first.pid, signal.SIGSTOP)
        log.deliver(deliveries(10))
        with log.sealer(), log.projector():
            wait_for_rows(log, 10)
            os.kill(first.pid, signal.SIGCONT)

            assert first.wait(20) == 70

    assert projected(log.parts) == 10


def test_makes_partitions_ahead(log: Log) -> None:
    with psycopg.connect(log.parts.dsn()) as connection:
        connection.execute("UPDATE audit.projector_position SET last_seq = 2999999")
    with psycopg.connect(log.parts.dsn("projector")) as connection:
        connection.execute("SELECT audit.make_partitions()")
        connection.execute("SELECT audit.make_partitions()")
        made = connection.execute(
            "SELECT relid::text FROM pg_partition_tree('audit.events') WHERE isleaf ORDER BY 1"
        ).fetchall()

    assert [name for (name,) in made] == [f"audit.events_{number:06}" for number in (0, 1, 3, 4)]


CHANGES = [
    "INSERT INTO audit.events SELECT * FROM audit.events",
    "UPDATE audit.events SET detail = ''",
    "DELETE FROM audit.events",
    "TRUNCATE audit.events",
    "UPDATE audit.events_000000 SET detail = ''",
    "DELETE FROM audit.events_000000",
    "TRUNCATE audit.events_000000",
    "UPDATE audit.event SET detail = ''",
    "DELETE FROM audit.event",
    "UPDATE audit.projector_position SET last_seq = 9",
    "DELETE FROM audit.projector_position",
    "ALTER TABLE audit.events DISABLE TRIGGER ALL",
    "ALTER TABLE audit.events DETACH PARTITION audit.events_000000",
    "DROP TABLE audit.events",
    "DROP SCHEMA audit CASCADE",
    "CREATE TABLE audit.mine ()",
    "CREATE TABLE public.mine ()",
    "CREATE TEMP TABLE mine ()",
    "SET session_replication_role = replica",
    "SET ROLE audit_owner",
    "SELECT audit.make_partitions()",
]
ALLOWED = {
    "projector": {CHANGES[0], CHANGES[9], CHANGES[20]},
    "auditor_ro": set(),
    "tracker": {"CREATE TEMP TABLE mine ()"},
}


@pytest.mark.parametrize("role", sorted(ALLOWED))
def test_nobody_changes_what_is_projected(parts: Parts, role: str) -> None:
    fresh_projection(parts)

    done = set()
    for change in CHANGES:
        with psycopg.connect(parts.dsn(role)) as connection:
            connection.execute("SET default_transaction_read_only = off")
            connection.commit()
            try:
                connection.execute(change)
                done.add(change)
            except psycopg.Error as refused:
                assert isinstance(
                    refused,
                    psycopg.errors.InsufficientPrivilege
                    | psycopg.errors.ObjectNotInPrerequisiteState,
                ), f"{change}: {refused}"
            connection.rollback()

    assert done == ALLOWED[role]


def test_the_triggers_refuse_the_superuser_too(parts: Parts) -> None:
    fresh_projection(parts)

    for table in ("audit.events", "audit.events_000000"):
        for change in (
            f"UPDATE {table} SET detail = ''",
            f"DELETE FROM {table}",
            f"TRUNCATE {table}",
        ):
            refused = pytest.raises(psycopg.errors.InsufficientPrivilege, match="only added to")
            with psycopg.connect(parts.dsn()) as connection, refused:
                connection.execute(change)


def test_an_auditor_reads_only_by_default(parts: Parts) -> None:
    with psycopg.connect(parts.dsn("auditor_ro")) as connection:
        shown = connection.execute("SHOW default_transaction_read_only").fetchone()

    assert shown == ("on",)

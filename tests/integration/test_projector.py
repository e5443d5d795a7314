"""The projector on a real broker and database: every sealed event once and in order."""

import os
import random
import signal
import string
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from confluent_kafka import Producer

from schemas.codec import decode
from schemas.models import PremisEvent
from streams.audit.sealed_record import (
    UNSIGNED,
    Headers,
    Seal,
    body_of,
    headers_of,
    schema_digest,
    seal_of,
)
from streams.projector.row_bytes import row_bytes
from streams.projector.rows import Row, copy_in, dump_digest, row_of_fields
from streams.runtime.fatal_errors import PROJECTION_AHEAD
from streams.sealer.validation import ValidEvent, validate
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
from tests.support.changed_events import VALUES, changed_values
from tests.support.parts import Parts

SEED, CHANGED = 49, 2000


@pytest.fixture
def log(parts: Parts, tmp_path: Path) -> Log:
    fresh_projection(parts.dsn())
    return a_log(parts, tmp_path)


def seal_all(log: Log, count: int) -> None:
    log.deliver(deliveries(count))
    with log.sealer() as sealer:
        log.wait_for(count)
        # It signs a checkpoint when it ends: what no checkpoint covers is not projected.
        sealer.terminate()
        assert sealer.wait(15) == 0


def wait_for_rows(log: Log, count: int) -> None:
    parts = log.parts
    until(lambda: projected(parts) >= count, 30, lambda: f"{projected(parts)} rows")


def digest(log: Log) -> str:
    with psycopg.connect(log.parts.dsn("auditor_ro")) as connection:
        return dump_digest(connection)


def put(log: Log, seq: int, value: bytes, key: bytes | None = None) -> None:
    """Write to the log as the sealer does, but from outside."""
    event = decode(value, PremisEvent)
    seal = headers_of(Seal(seq, 1_000_000, schema_digest(value)))
    write(log, key or event.head.event_id.encode(), value, seal)


def write(log: Log, key: bytes, value: bytes | None, headers: Headers) -> None:
    producer = Producer(log.parts.kafka.client)
    producer.produce(log.line.premis, value=value, key=key, headers=headers)
    assert producer.flush(10) == 0


def position(log: Log) -> tuple[int, str | None]:
    """The last seq that is projected, and what the projector waits for."""
    with psycopg.connect(log.parts.dsn()) as connection:
        query = "SELECT last_seq, waits_for FROM audit.projector_position"
        return connection.execute(query).fetchone()  # type: ignore[return-value]


def findings(log: Log) -> list[str]:
    """The codes of the projected findings."""
    query = "SELECT code FROM audit.event WHERE event_type = 'log-anomaly' ORDER BY seq"
    with psycopg.connect(log.parts.dsn("auditor_ro")) as connection:
        return [code for (code,) in connection.execute(query)]


def forge_row(log: Log, seq: int) -> None:
    """Add a row as a superuser can: a copy of the first one under another seq."""
    with psycopg.connect(log.parts.dsn()) as connection:
        connection.execute("CREATE TEMP TABLE forged AS SELECT * FROM audit.events WHERE seq = 0")
        connection.execute("UPDATE forged SET seq = %s, detail = 'forged'", [seq])
        connection.execute("INSERT INTO audit.events SELECT * FROM forged")


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


def test_rows_that_are_made_from_bytes_are_those_that_are_made_from_values(log: Log) -> None:
    made: list[bytes] = []
    slow: list[Row] = []
    for seq, value in enumerate([*VALUES, *changed_values(SEED, CHANGED)]):
        seal = Seal(seq, 1_790_000_000_000_000 + seq, schema_digest(VALUES[0]))
        seq_bytes, sealed_at = (UNSIGNED.pack(number) for number in (seq, seal.sealed_at))
        try:
            key, row = row_bytes(seq_bytes, sealed_at, value, seal.schema_sha256)
        except (ValueError, IndexError):
            continue
        event = validate(key, value)
        assert isinstance(event, ValidEvent), value.hex()
        made.append(row)
        slow.append(row_of_fields(seal, value, event.event))

    assert len(made) > 100
    with psycopg.connect(log.parts.dsn()) as connection, connection.cursor() as cursor:
        copy_in(cursor, slow)
        wanted = dump_digest(connection)
        connection.rollback()
        copy_in(cursor, made)
        assert dump_digest(connection) == wanted
        connection.rollback()
        both = zip(made[::2], slow[1::2], strict=False)
        copy_in(cursor, [one for pair in both for one in pair])
        kept = cursor.execute("SELECT count(*) FROM audit.events").fetchone()
        assert kept == (len(made) // 2 * 2,)
        connection.rollback()


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

    fresh_projection(log.parts.dsn())
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


def test_waits_at_a_gap_and_skips_nothing_until_the_missing_number_is_there(log: Log) -> None:
    (_, first), (_, second), (_, third) = deliveries(3)
    put(log, 0, first or b"")
    put(log, 2, third or b"")

    for _ in range(2):
        with log.projector() as projector:
            until(lambda: position(log)[1] is not None, 20, lambda: f"{position(log)}")
            note = (log.home / "run" / "roles" / "projector.note").read_text()
            assert projector.poll() is None
            stopped_at = position(log)
    put(log, 1, second or b"")
    put(log, 2, third or b"")
    with log.projector():
        wait_for_rows(log, 3)
        until(lambda: position(log) == (2, None), 20, lambda: f"{position(log)}")

    missing = "the log has a gap: seq 1 is missing; offset 1: it has seq 2, expected 1"
    assert stopped_at == (0, missing)
    assert note == missing
    assert not (log.home / "run" / "roles" / "projector.note").exists()


def test_foreign_records_are_reported_once_and_all_sealed_events_are_projected(log: Log) -> None:
    (_, taken), (_, far) = deliveries(2, first=50)
    with log.sealer(), log.projector():
        log.deliver(deliveries(3))
        wait_for_rows(log, 3)
        write(log, b"k", None, [])
        write(log, b"k", b"no event", [("seq", b"1"), ("sealed_at", b""), ("schema_sha256", b"")])
        put(log, 1, taken or b"")
        put(log, 10**9, far or b"")
        put(log, 3, taken or b"", key=b"another key")
        log.deliver(deliveries(3, first=3))
        wait_for_rows(log, 11)
    with log.sealer(), log.projector():
        log.deliver(deliveries(1, first=6))
        wait_for_rows(log, 12)

    assert findings(log) == ["log.foreign-record"] * 5
    assert position(log) == (11, None)
    with psycopg.connect(log.parts.dsn("auditor_ro")) as connection:
        query = "SELECT event_id FROM audit.event WHERE event_type <> 'log-anomaly' ORDER BY seq"
        found = [event_id for (event_id,) in connection.execute(query)]
    assert found == [UUID((key or b"").decode()) for key, _ in deliveries(7)]


def test_on_an_idle_log_a_number_far_ahead_holds_nothing_back(log: Log) -> None:
    (_, far) = delivery(an_event(50))
    with log.sealer(), log.projector():
        log.deliver(deliveries(1))
        wait_for_rows(log, 1)
        put(log, 10**9, far or b"")
        wait_for_rows(log, 2)
        until(lambda: position(log) == (1, None), 20, lambda: f"{position(log)}")

    assert findings(log) == ["log.foreign-record"]


def test_rows_of_another_hand_are_moved_away_and_reported(log: Log) -> None:
    with log.sealer(), log.projector():
        log.deliver(deliveries(2))
        wait_for_rows(log, 2)
    forge_row(log, 2)
    with log.sealer(), log.projector():
        log.deliver(deliveries(1, first=2))
        wait_for_rows(log, 4)
        forge_row(log, 4)
        log.deliver(deliveries(1, first=3))
        wait_for_rows(log, 6)

    assert findings(log) == ["log.foreign-row"] * 2
    with psycopg.connect(log.parts.dsn("auditor_ro")) as connection:
        moved = connection.execute("SELECT seq, content FROM audit.foreign_rows").fetchall()
        forged = connection.execute("SELECT FROM audit.event WHERE detail = 'forged'").fetchall()
    assert [seq for seq, _ in moved] == [2, 4]
    assert all('"detail": "forged"' in content for _, content in moved)
    assert forged == []


def test_an_event_whose_ids_and_numbers_fit_no_column_is_projected_with_its_body(log: Log) -> None:
    chance = random.Random(7)
    name = "".join(chance.choices(string.ascii_letters, k=9000))
    log.deliver([delivery(an_event(1, page_id=name, item_id=name, revision=2**40))])

    with log.sealer(), log.projector():
        wait_for_rows(log, 1)

    with psycopg.connect(log.parts.dsn("auditor_ro")) as connection:
        query = "SELECT page_id, revision, body FROM audit.event"
        page_id, revision, body = connection.execute(query).fetchone()  # type: ignore[misc]
    assert (page_id, revision) == (name[:500], 2**31 - 1)
    assert name.encode() in body


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
    "SELECT audit.move_foreign_rows()",
    "DELETE FROM audit.foreign_rows",
    "UPDATE audit.foreign_rows SET content = ''",
]
ALLOWED = {
    "projector": {CHANGES[0], CHANGES[9], CHANGES[20], CHANGES[21]},
    "auditor_ro": set(),
    "tracker": {"CREATE TEMP TABLE mine ()"},
}


@pytest.mark.parametrize("role", sorted(ALLOWED))
def test_nobody_changes_what_is_projected(parts: Parts, role: str) -> None:
    fresh_projection(parts.dsn())

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
    fresh_projection(parts.dsn())

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


def test_a_table_that_is_ahead_of_the_log_is_emptied_and_projected_again(
    log: Log, parts: Parts, tmp_path: Path
) -> None:
    seal_all(log, 30)
    with log.projector() as projector:
        wait_for_rows(log, 30)
        projector.terminate()
        projector.wait(15)
    shorter = a_log(parts, tmp_path / "shorter")  # a log that lost everything
    seal_all(shorter, 20)

    with shorter.projector() as projector:
        assert projector.wait(30) == PROJECTION_AHEAD
    parts.database.empty_projection()
    with shorter.projector():
        until(lambda: projected(parts) == 20, 30, lambda: f"{projected(parts)} rows")

    assert "the log lost events" in (shorter.home / "role.log").read_text()

"""Whoever changes log, topic or tables: `audit verify` finds it, and the first event concerned."""

import random
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from confluent_kafka import Producer

from infra.postgres import SUPERUSER
from streams.audit.sealed_record import headers_of, record_of
from streams.projector.replaced_rows import rebuild
from streams.projector.rows import COLUMNS, dump_digest
from streams.transparency_log.checkpoint import parse_checkpoint
from streams.transparency_log.log_keys import create_private_key, read_private_key, read_public_keys
from streams.transparency_log.merkle import leaf_hashes, root_of
from streams.transparency_log.witness import LogRewritten
from streams.verification.index_comparison import verify_index
from streams.verification.rebuild_sources import KeyRequired, NotVerified, from_export, from_topic
from streams.verification.sealed_comparison import (
    differing_rows,
    records,
    verify_log,
    verify_projection,
)
from streams.verification.topic_records import intact_records
from streams.verification.witness_folder import fetch_from, witness
from tests.faults.tampering.with_the_key import REWRITINGS, Rewriting, write_log
from tests.support.audit_log import (
    an_event,
    deliveries,
    delivery,
    projected,
    read_committed,
    until,
)
from tests.support.sealed_line import EVENTS, SOURCES, Sealed


def test_log_topic_and_tables_agree_and_every_checkpoint_has_the_root_of_the_events(
    sealed: Sealed,
):
    tree = sealed.tree()
    leaves = leaf_hashes(list(tree.tree.leaves()))
    (key,) = read_public_keys(sealed.folder)
    published = [
        parse_checkpoint(message.value() or b"")
        for message in read_committed(sealed.parts.kafka, sealed.log.line.checkpoints)
    ]

    assert sealed.topic_faults() == []
    assert verify_index(sealed.folder.with_name("index.db"), tree.tree, sealed.folder) is None
    with psycopg.connect(sealed.parts.dsn("auditor_ro")) as connection:
        assert verify_projection(connection, tree.tree, complete=True) == []
    assert [one.size for one in published] == sorted({one.size for one in published})
    assert published[-1].size == EVENTS
    for checkpoint in published:
        assert key.key.signed(checkpoint.note)
        assert checkpoint.root == root_of(leaves[: checkpoint.size])


COPY_OF_A_ROW = (
    f"INSERT INTO audit.events (seq, {', '.join(COLUMNS[1:])})"
    f" SELECT {{seq}}, {', '.join(COLUMNS[1:])} FROM audit.events WHERE seq = {{of}}"
)
TABLE_CHANGES = {
    "a row is deleted": ("DELETE FROM audit.events WHERE seq = 492", 492),
    "the first row is deleted": ("DELETE FROM audit.events WHERE seq = 0", 0),
    "the last row is deleted": (f"DELETE FROM audit.events WHERE seq = {EVENTS - 1}", EVENTS - 1),
    "all rows are deleted": ("DELETE FROM audit.events", 0),
    "a text is rewritten": ("UPDATE audit.events SET detail = 'forged' WHERE seq = 494", 494),
    "an agent is rewritten": ("UPDATE audit.events SET agents = '[]' WHERE seq = 5", 5),
    "a body is rewritten": ("UPDATE audit.events SET body = body || 'x' WHERE seq = 3", 3),
    "a time is rewritten": ("UPDATE audit.events SET sealed_at = now() WHERE seq = 7", 7),
    "two rows change places": (
        "UPDATE audit.events SET seq = 2000000 - seq WHERE seq IN (10, 11);"
        " UPDATE audit.events SET seq = seq - 1999990 + 11 WHERE seq = 1999990;"
        " UPDATE audit.events SET seq = 10 WHERE seq = 1999989",
        10,
    ),
    "a time is infinite": ("UPDATE audit.events SET occurred_at = 'infinity' WHERE seq = 9", 9),
    "a row is added behind the position": (
        COPY_OF_A_ROW.format(seq=EVENTS + 5, of=2),
        EVENTS + 5,
    ),
    "a row is added and the position raised": (
        f"{COPY_OF_A_ROW.format(seq=EVENTS, of=2)};"
        f" UPDATE audit.projector_position SET last_seq = {EVENTS}",
        EVENTS,
    ),
    "a second row has the same seq": (
        "ALTER TABLE audit.events DROP CONSTRAINT events_pkey;"
        f" {COPY_OF_A_ROW.format(seq=77, of=78)}",
        77,
    ),
    "a text is rewritten and the position lowered": (
        "UPDATE audit.events SET detail = 'forged' WHERE seq = 301;"
        " UPDATE audit.projector_position SET last_seq = 300",
        301,
    ),
    "the position is removed": ("DELETE FROM audit.projector_position", 0),
    "rows and position are rolled back": (
        "DELETE FROM audit.events WHERE seq > 300;"
        " UPDATE audit.projector_position SET last_seq = 300",
        301,
    ),
    "the view is dropped": ("DROP VIEW audit.event CASCADE", 0),
}


@pytest.mark.parametrize("what", TABLE_CHANGES)
def test_what_a_superuser_changes_in_the_tables_is_found(sealed: Sealed, what: str):
    statements, first_bad = TABLE_CHANGES[what]
    with psycopg.connect(sealed.parts.dsn(SUPERUSER)) as connection:
        connection.execute("SET session_replication_role = replica")
        for statement in statements.split(";"):
            connection.execute(statement)
        found = verify_projection(connection, sealed.tree().tree, complete=True)
        connection.rollback()

    assert [one.seq for one in found] == [first_bad]


def test_a_row_that_was_rewritten_is_marked_when_it_is_shown(sealed: Sealed):
    rows = [{"seq": seq, "detail": an_event(seq).detail} for seq in range(5)]
    rows[3]["detail"] = "forged"

    size, found = differing_rows(sealed.folder, rows)

    assert (size, list(found)) == (EVENTS, [3])


def test_the_projection_is_the_same_again_from_every_source(sealed: Sealed, tmp_path: Path):
    with psycopg.connect(sealed.parts.dsn(SUPERUSER), autocommit=True) as connection:
        before = dump_digest(connection)
        sealed.verified_export(tmp_path / "export")
        for source in SOURCES.values():
            connection.execute("SET session_replication_role = replica")
            connection.execute("UPDATE audit.events SET detail = 'forged' WHERE seq = 77")
            assert dump_digest(connection) != before

            made = rebuild(connection, source(sealed, tmp_path / "export"))

            assert (made.events, made.dump) == (EVENTS, before)
            assert verify_projection(connection, sealed.tree().tree) == []


def test_nothing_is_taken_from_a_source_that_does_not_verify(sealed: Sealed, tmp_path: Path):
    folder, foreign = tmp_path / "export", create_private_key(tmp_path / "key", "x").verifier
    sealed.verified_export(folder)
    with psycopg.connect(sealed.parts.dsn(SUPERUSER), autocommit=True) as connection:
        before = dump_digest(connection)
        with pytest.raises(KeyRequired):
            rebuild(connection, from_export(folder, tmp_path / "none", None))
        with pytest.raises(NotVerified):
            rebuild(connection, from_export(folder, tmp_path / "none", str(foreign)))
        flip(folder / "tile" / "entries" / "001", 5000)
        with pytest.raises(NotVerified, match=r"seq 2[56]"):
            rebuild(connection, from_export(folder, sealed.folder, None))
        half = list(intact_records(sealed.parts.kafka, sealed.topic))[:300]
        with pytest.raises(NotVerified, match="seq 300"):
            rebuild(connection, from_topic(sealed.tree().tree, half))

        assert dump_digest(connection) == before


def flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


FILE_CHANGES: dict[str, Callable[[Path], None]] = {
    "an entry": lambda log: flip(log / "tile" / "entries" / "001", 5000),
    "a hash": lambda log: flip(log / "tile" / "0" / "001", 40),
    "an entry file": lambda log: (log / "tile" / "entries" / "000").unlink(),
    "the newest checkpoint": lambda log: flip(log / "checkpoint", 60),
    "an old checkpoint": lambda log: flip(log / "checkpoints" / "000000", 60),
    "a missing checkpoint": lambda log: (log / "checkpoint").unlink(),
    "the journal": lambda log: flip(next((log / "journal").iterdir()), 30),
    "a missing journal": lambda log: next((log / "journal").iterdir()).unlink(),
}


@pytest.mark.parametrize("what", FILE_CHANGES)
def test_what_is_changed_in_the_log_on_disk_is_found(sealed: Sealed, tmp_path: Path, what: str):
    copy = tmp_path / "log"
    shutil.copytree(sealed.folder, copy)
    FILE_CHANGES[what](copy)

    _, faults = verify_log(copy)

    assert [one.part for one in faults] == ["log"]


@pytest.mark.parametrize("rewriting", REWRITINGS[::4], ids=lambda one: one.name)
def test_a_witness_finds_what_is_rewritten_with_the_key_of_the_sealer(
    sealed: Sealed, tmp_path: Path, rewriting: Rewriting
):
    witness(fetch_from(str(sealed.folder)), tmp_path / "witness", "witness/test")
    (name,) = (one.key.name for one in read_public_keys(sealed.folder))
    signer = read_private_key(sealed.log.home / "run" / "sealer.key", name)
    rewritten = rewriting.records(list(records(sealed.tree().tree)), random.Random(1))
    write_log(tmp_path / "log", rewritten, signer)

    with pytest.raises(LogRewritten):
        witness(fetch_from(str(tmp_path / "log")), tmp_path / "witness", "witness/test")
    assert verify_log(tmp_path / "log")[1] == []


def test_a_forged_record_of_the_broker_admin_is_found_until_it_is_reported_and_sealing_goes_on(
    sealed: Sealed,
):
    tenth = list(read_committed(sealed.parts.kafka, sealed.log.line.premis))[10]
    key, value = delivery(an_event(10, detail="forged"))
    producer = Producer(sealed.parts.kafka.client)
    producer.produce(sealed.log.line.premis, value, key, partition=0, headers=tenth.headers())
    assert producer.flush(10) == 0
    before = sealed.topic_faults()
    index = sealed.folder.with_name("index.db")
    # Nor does an index that is wrong make the sealer date events in the future, or end.
    with closing(sqlite3.connect(index)) as database, database:
        far = "next_seq = 100, next_offset = 0, sealed_at = sealed_at + 1000000000000000"
        database.execute(f"UPDATE position SET {far}")
    assert verify_index(index, sealed.tree().tree, sealed.folder) is not None

    sealed.log.deliver(deliveries(1, first=EVENTS))
    with sealed.log.sealer() as sealer, sealed.log.projector() as projector:
        sealed.log.wait_for(EVENTS + 3)
        for role in (projector, sealer):
            role.terminate()
            assert role.wait(15) == 0

    assert (before, sealed.topic_faults()) == ([10], [])
    assert verify_index(index, sealed.tree().tree, sealed.folder) is None
    assert record_of(sealed.tree().tree.leaf(EVENTS)).seal.sealed_at < time.time_ns() // 1000
    assert sealed.tree().size == EVENTS + 2


def test_a_record_that_is_forged_with_the_next_number_while_no_sealer_runs_is_never_sealed(
    sealed: Sealed,
):
    size = sealed.tree().size
    last = list(intact_records(sealed.parts.kafka, sealed.topic))[-1][1]
    key, value = delivery(an_event(7777, detail="forged"))
    forged = headers_of(record_of(last).seal._replace(seq=size))
    producer = Producer(sealed.parts.kafka.client)
    producer.produce(sealed.topic, value, key, partition=0, headers=forged)
    assert producer.flush(10) == 0

    assert sealed.topic_faults() == [size]
    reported = len(sealed.intake())
    with sealed.log.projector() as projector:
        until(lambda: len(sealed.intake()) > reported, 60, lambda: "the projector reports nothing")
        projector.terminate()
        assert projector.wait(30) == 0
    assert projected(sealed.parts) == size
    sealed.seal(EVENTS + 1, 1, more=2)

    assert sealed.topic_faults() == []
    sealed_after = [record_of(leaf).event for leaf in sealed.tree().tree.leaves(size)]
    assert Counter(one.code or one.detail for one in sealed_after) == {
        "all is well": 1,
        "log.foreign-record": 1,
    }
    with psycopg.connect(sealed.parts.dsn("auditor_ro")) as connection:
        assert verify_projection(connection, sealed.tree().tree) == []

"""Whoever changes log, topic or tables: `audit verify` finds it, and the first event concerned."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource

from infra.postgres import SUPERUSER
from infra.topics import admin
from streams.transparency_log.checkpoint import parse_checkpoint
from streams.transparency_log.log_keys import read_public_keys
from streams.transparency_log.merkle import leaf_hashes, root_of
from streams.verification.sealed_comparison import (
    SealedTree,
    differing_rows,
    verify_log,
    verify_projection,
    verify_topic,
)
from streams.verification.topic_records import intact_records
from tests.support.audit_log import (
    Log,
    a_log,
    an_event,
    deliveries,
    delivery,
    fresh_projection,
    projected,
    read_committed,
    until,
)
from tests.support.parts import Parts

EVENTS = 600


@dataclass(frozen=True)
class Sealed:
    """A log that is projected; sealer and projector have ended."""

    log: Log
    parts: Parts

    @property
    def folder(self) -> Path:
        return self.log.home / "audit" / "log"

    def tree(self) -> SealedTree:
        tree, faults = verify_log(self.folder)
        assert faults == []
        return tree

    def topic_faults(self) -> list[int]:
        records = intact_records(self.parts.kafka, self.log.line.premis)
        return [one.seq for one in verify_topic(self.tree().tree, records)]

    def seal(self, first: int, count: int) -> None:
        self.log.deliver(deliveries(count, first=first))
        with self.log.sealer() as sealer, self.log.projector() as projector:
            wanted = first + count
            until(lambda: projected(self.parts) == wanted, 40, lambda: f"{projected(self.parts)}")
            for role in (projector, sealer):
                role.terminate()
                assert role.wait(15) == 0


@pytest.fixture(scope="module")
def sealed(parts: Parts, tmp_path_factory: pytest.TempPathFactory) -> Sealed:
    fresh_projection(parts.dsn(SUPERUSER))
    made = Sealed(a_log(parts, tmp_path_factory.mktemp("sealed")), parts)
    made.seal(0, EVENTS)
    return made


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
    with psycopg.connect(sealed.parts.dsn("auditor_ro")) as connection:
        assert verify_projection(connection, tree.tree) == []
    assert [one.size for one in published] == sorted({one.size for one in published})
    assert published[-1].size == EVENTS
    for checkpoint in published:
        assert key.key.signed(checkpoint.note)
        assert checkpoint.root == root_of(leaves[: checkpoint.size])


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
}


@pytest.mark.parametrize("what", TABLE_CHANGES)
def test_what_a_superuser_changes_in_the_tables_is_found(sealed: Sealed, what: str):
    statements, first_bad = TABLE_CHANGES[what]
    with psycopg.connect(sealed.parts.dsn(SUPERUSER)) as connection:
        connection.execute("SET session_replication_role = replica")
        for statement in statements.split(";"):
            connection.execute(statement)
        found = verify_projection(connection, sealed.tree().tree)
        connection.rollback()

    assert [one.seq for one in found] == [first_bad]


def test_a_row_that_was_rewritten_is_marked_when_it_is_shown(sealed: Sealed):
    rows = [{"seq": seq, "detail": an_event(seq).detail} for seq in range(5)]
    rows[3]["detail"] = "forged"

    size, found = differing_rows(sealed.folder, rows)

    assert (size, list(found)) == (EVENTS, [3])


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
}


@pytest.mark.parametrize("what", FILE_CHANGES)
def test_what_is_changed_in_the_log_on_disk_is_found(sealed: Sealed, tmp_path: Path, what: str):
    copy = tmp_path / "log"
    shutil.copytree(sealed.folder, copy)
    FILE_CHANGES[what](copy)

    _, faults = verify_log(copy)

    assert [one.part for one in faults] == ["log"]


def test_a_forged_record_of_the_broker_admin_is_passed_over_and_sealing_goes_on(sealed: Sealed):
    tenth = list(read_committed(sealed.parts.kafka, sealed.log.line.premis))[10]
    key, value = delivery(an_event(10, detail="forged"))
    producer = Producer(sealed.parts.kafka.client)
    producer.produce(sealed.log.line.premis, value, key, partition=0, headers=tenth.headers())
    assert producer.flush(10) == 0

    sealed.log.deliver(deliveries(1, first=EVENTS))
    with sealed.log.sealer() as sealer:
        sealed.log.wait_for(EVENTS + 2)
        sealer.terminate()
        assert sealer.wait(15) == 0

    assert sealed.topic_faults() == []
    assert sealed.tree().size == EVENTS + 1


def test_records_that_the_broker_admin_deletes_are_missed_and_sealing_stops(sealed: Sealed):
    at = TopicPartition(sealed.log.line.premis, 0, 100)
    client = admin(sealed.parts.kafka)  # a request ends with its client
    policy = ConfigEntry(
        "cleanup.policy", "compact,delete", incremental_operation=AlterConfigOpType.SET
    )
    resource = ConfigResource(ConfigResource.Type.TOPIC, at.topic, incremental_configs=[policy])
    for future in client.incremental_alter_configs([resource]).values():
        future.result(30)
    for future in client.delete_records([at]).values():
        future.result(30)

    note = sealed.log.home / "run" / "roles" / "sealer.note"
    assert sealed.topic_faults() == [0]
    with sealed.log.sealer() as sealer:
        until(note.exists, 20, lambda: (sealed.log.home / "role.log").read_text()[-2000:])
        assert "before offset 100 are missing" in note.read_text()
        assert sealer.poll() is None

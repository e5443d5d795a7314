"""Records that a topic lost, tables and keys of the sealed log: repaired, and the log goes on."""

import shutil
import time
from collections import Counter
from pathlib import Path

import psycopg
import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource

from infra.postgres import SUPERUSER
from infra.topics import admin, provision
from schemas.catalogue import AUDIT_PREMIS, Topic
from streams.audit.generations import next_topic
from streams.audit.log_events import MAINTENANCE
from streams.audit.sealed_record import record_of
from streams.projector.replaced_rows import rebuild
from streams.projector.rows import dump_digest
from streams.sealer.log_requests import (
    RESTORE_TOPIC,
    ROTATE_KEY,
    LogRequest,
    LogRequests,
)
from streams.transparency_log.checkpoint import parse_checkpoint
from streams.transparency_log.log_keys import create_private_key, read_public_keys
from streams.transparency_log.witness import LogRewritten, NotSigned
from streams.verification.rebuild_sources import NotVerified
from streams.verification.sealed_comparison import (
    verify_projection,
)
from streams.verification.topic_records import intact_records
from streams.verification.witness_folder import fetch_from, witness
from tests.support.audit_log import (
    an_event,
    deliveries,
    read_committed,
    until,
)
from tests.support.sealed_line import EVENTS, SOURCES, Sealed


def test_records_that_the_broker_admin_deletes_are_missed_and_sealing_stops(sealed: Sealed):
    at = TopicPartition(sealed.log.line.premis, 0, 100)
    deletable = {"cleanup.policy": "compact,delete"}
    set_config(sealed, ConfigResource.Type.TOPIC, at.topic, deletable)
    client = admin(sealed.parts.kafka)  # a request ends with its client
    for future in client.delete_records([at]).values():
        future.result(30)

    note = sealed.log.home / "run" / "roles" / "sealer.note"
    assert sealed.topic_faults() == [0]
    with psycopg.connect(sealed.parts.dsn(SUPERUSER), autocommit=True) as connection:
        before = dump_digest(connection)
        with pytest.raises(NotVerified, match="seq 0"):
            rebuild(connection, SOURCES["the topic"](sealed, sealed.folder))
        assert rebuild(connection, SOURCES["the log"](sealed, sealed.folder)).dump == before
    with sealed.log.sealer() as sealer:
        until(note.exists, 20, lambda: (sealed.log.home / "role.log").read_text()[-2000:])
        assert "before offset 100 are missing" in note.read_text()
        assert sealer.poll() is None


def ask_for_a_new_topic(sealed: Sealed) -> str:
    """What `copystand audit restore-topic` does, for the topic of this log."""
    name = next_topic(sealed.log.line.premis, {sealed.topic})
    provision(sealed.parts.kafka, [Topic(name, None, "event_id", 1, AUDIT_PREMIS.config)], {})
    LogRequests(sealed.log.home).add(LogRequest.now(RESTORE_TOPIC, name, "p-4"))
    return name


def wait_until_carried_out(sealed: Sealed) -> None:
    requests, state = LogRequests(sealed.log.home), (sealed.log.home / "role.log").read_text
    until(lambda: not list(requests.open()), 60, lambda: state()[-3000:])


def test_all_events_are_published_again_as_a_new_topic_though_the_sealer_is_killed(
    sealed: Sealed, tmp_path: Path
):
    before = sealed.tree().size
    old_topic, leaves = sealed.topic, list(sealed.tree().tree.leaves())
    sealed.witness(tmp_path / "witness")
    new_topic = ask_for_a_new_topic(sealed)

    with sealed.log.sealer() as killed:
        published = lambda: len(list(read_committed(sealed.parts.kafka, new_topic)))  # noqa: E731
        until(lambda: published() > 0, 40, lambda: f"{published()}")
        killed.kill()
    with sealed.log.sealer() as sealer, sealed.log.projector() as projector:
        wait_until_carried_out(sealed)
        sealed.log.deliver(deliveries(2, first=EVENTS + 2))
        sealed.wait_for_rows(before + 3)
        for role in (projector, sealer):
            role.terminate()
            assert role.wait(15) == 0

    assert (old_topic, sealed.topic) == (sealed.log.line.premis, new_topic)
    tree = sealed.tree()
    assert list(tree.tree.leaves(0, before)) == leaves
    found = [leaf for _, leaf in intact_records(sealed.parts.kafka, new_topic)]
    assert found == list(tree.tree.leaves())
    # The projector may also report that records were deleted.
    types = Counter(record_of(leaf).event.event_type for leaf in found[before:])
    assert (types[MAINTENANCE], types["fixity check"]) == (1, 2)
    recorded = record_of(found[before]).event
    assert (recorded.event_type, recorded.agents[-1].name) == (MAINTENANCE, "p-4")
    with psycopg.connect(sealed.parts.dsn("auditor_ro")) as connection:
        assert verify_projection(connection, tree.tree) == []
    seen = sealed.witness(tmp_path / "witness")
    assert (seen.first, seen.checkpoint.topic) == (False, new_topic)
    assert sealed.verified_export(tmp_path / "export").returncode == 0


def test_an_event_that_a_forced_compaction_removed_is_missed_and_not_in_the_tables(sealed: Sealed):
    lost = 20
    with psycopg.connect(sealed.parts.dsn(SUPERUSER), autocommit=True) as connection:
        before = dump_digest(connection)
        key = an_event(lost).head.event_id.encode()

        compact_away(sealed, key)

        assert sealed.topic_faults() == [lost]
        with pytest.raises(NotVerified, match=f"seq {lost}"):
            rebuild(connection, SOURCES["the topic"](sealed, sealed.folder))
        made = rebuild(connection, SOURCES["the log"](sealed, sealed.folder))
        assert made.dump == before


def compact_away(sealed: Sealed, key: bytes) -> None:
    """Remove the record with this key: a tombstone follows it, and Kafka compacts the topic."""
    set_config(sealed, ConfigResource.Type.BROKER, "1", {"log.cleaner.backoff.ms": "100"})
    at_once = {"min.compaction.lag.ms": "0", "min.cleanable.dirty.ratio": "0", "segment.ms": "100"}
    set_config(sealed, ConfigResource.Type.TOPIC, sealed.topic, at_once)
    producer = Producer(sealed.parts.kafka.client)
    producer.produce(sealed.topic, None, key, partition=0)

    def is_gone() -> bool:
        producer.produce(sealed.topic, b"", b"a record for another segment", partition=0)
        assert producer.flush(10) == 0
        time.sleep(0.5)
        found = read_committed(sealed.parts.kafka, sealed.topic)
        return all(one.value() is None for one in found if one.key() == key)

    until(is_gone, 60, lambda: f"{key!r} is still on the topic")


def set_config(
    sealed: Sealed, kind: ConfigResource.Type, name: str, values: dict[str, str]
) -> None:
    client = admin(sealed.parts.kafka)  # a request ends with its client
    entries = [
        ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
        for key, value in values.items()
    ]
    resource = ConfigResource(kind, name, incremental_configs=entries)
    for future in client.incremental_alter_configs([resource]).values():
        future.result(30)


def test_a_second_new_topic_follows_the_first_when_records_are_lost_again(sealed: Sealed):
    name = ask_for_a_new_topic(sealed)

    with sealed.log.sealer() as sealer, sealed.log.projector():
        wait_until_carried_out(sealed)
        sealed.wait_for_rows(sealed.tree().size)
        sealer.terminate()
        assert sealer.wait(15) == 0

    assert name.endswith(".g3")
    assert sealed.topic_faults() == []


def replace_key(sealed: Sealed, first: int) -> None:
    """Let another key sign, which also signs an event more."""
    present = str(read_public_keys(sealed.folder)[-1].key)
    LogRequests(sealed.log.home).add(LogRequest.now(ROTATE_KEY, present, "p-4"))
    with sealed.log.sealer() as sealer:
        wait_until_carried_out(sealed)
        sealed.log.deliver(deliveries(1, first=first))
        until(lambda: sealed.tree().size > last_named(sealed), 20, lambda: f"{sealed.tree().size}")
        sealer.terminate()
        assert sealer.wait(15) == 0


def test_another_key_signs_after_the_present_one_has_named_it(sealed: Sealed, tmp_path: Path):
    sealed.witness(tmp_path / "witness")
    (before,) = read_public_keys(sealed.folder)
    replace_key(sealed, first=EVENTS + 10)

    old, new = read_public_keys(sealed.folder)
    newest = parse_checkpoint((sealed.folder / "checkpoint").read_bytes())
    assert old == before
    assert new.key.signed(newest.note) and not old.key.signed(newest.note)
    assert newest.topic == sealed.topic
    assert not sealed.witness(tmp_path / "witness").first
    for key in (old.key, new.key):
        verified = sealed.verified_export(tmp_path / "export", "--key", str(key))
        assert verified.returncode == 0, verified.stdout
    foreign = create_private_key(tmp_path / "foreign.key", old.key.name).verifier
    refused = sealed.verified_export(tmp_path / "export", "--key", str(foreign))
    assert refused.returncode == 1
    with pytest.raises(NotSigned):
        witness(fetch_from(str(sealed.folder)), tmp_path / "other", "witness/x", str(foreign))


def last_named(sealed: Sealed) -> int:
    return read_public_keys(sealed.folder)[-1].from_size


def test_a_sealer_with_a_foreign_key_signs_nothing(sealed: Sealed, tmp_path: Path):
    before = (sealed.folder / "checkpoint").read_bytes()
    key = sealed.log.home / "run" / "sealer.key"
    key.rename(tmp_path / "right.key")
    create_private_key(key, "copystand/forged")

    sealed.log.deliver(deliveries(1, first=EVENTS + 20))
    with sealed.log.sealer() as sealer:
        assert sealer.wait(30) == 70

    assert (sealed.folder / "checkpoint").read_bytes() == before
    (tmp_path / "right.key").replace(key)


def keep(sealed: Sealed, backup: Path) -> Path:
    """A backup of what the sealer has in its home."""
    shutil.copytree(sealed.log.home / "audit", backup / "audit")
    shutil.copyfile(sealed.log.home / "run" / "sealer.key", backup / "sealer.key")
    return backup


def put_back(sealed: Sealed, backup: Path) -> None:
    """Restore a backup in the place of what the home has."""
    shutil.rmtree(sealed.log.home / "audit")
    shutil.copytree(backup / "audit", sealed.log.home / "audit")
    shutil.copyfile(backup / "sealer.key", sealed.log.home / "run" / "sealer.key")


def test_a_home_from_a_backup_of_before_a_change_of_keys_seals_nothing_until_a_newer_one_is_back(
    sealed: Sealed, tmp_path: Path
):
    older = keep(sealed, tmp_path / "older")
    replace_key(sealed, first=EVENTS + 30)
    newer, handed_over = keep(sealed, tmp_path / "newer"), last_named(sealed)
    new_key, size = read_public_keys(sealed.folder)[-1].key, sealed.tree().size
    sealed.witness(tmp_path / "witness")
    events, checkpoints = on_topics(sealed)
    put_back(sealed, older)
    sealed.log.deliver(deliveries(1, first=EVENTS + 40))
    note = sealed.log.home / "run" / "roles" / "sealer.note"

    with sealed.log.sealer() as sealer:
        until(note.exists, 30, lambda: (sealed.log.home / "role.log").read_text()[-3000:])
        reason = note.read_text()
        # The rest of the line works, so that `up` ends and a person can act.
        until(note.with_suffix(".ready").exists, 10, lambda: reason)
        assert sealer.poll() is None
        sealer.terminate()
        assert sealer.wait(15) == 0

    assert f"which names {new_key} as the next key, so that this key is retired" in reason
    assert on_topics(sealed) == (events, checkpoints)
    # The verifier and a witness that saw the log find out, too.
    assert sealed.topic_faults() == [handed_over]
    with pytest.raises(LogRewritten):
        sealed.witness(tmp_path / "witness")

    put_back(sealed, newer)
    with sealed.log.sealer() as sealer:
        until(lambda: sealed.tree().size > size, 30, lambda: f"{sealed.tree().size}")
        sealer.terminate()
        assert sealer.wait(15) == 0
    assert not sealed.witness(tmp_path / "witness").first
    assert sealed.topic_faults() == []


def on_topics(sealed: Sealed) -> tuple[int, int]:
    """How many sealed records there are, and how many checkpoints."""
    topics = (sealed.topic, sealed.log.line.checkpoints)
    events, checkpoints = (len(list(read_committed(sealed.parts.kafka, one))) for one in topics)
    return events, checkpoints

"""Kafka, PostgreSQL, topics and migrations as `up` creates them."""

import dataclasses
from pathlib import Path

import psycopg
import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import ConfigResource, ResourceType

from infra import paths, topics
from infra.class_archive import archive_of
from infra.migrate import MigrationChanged, migrate
from infra.topics import WrongPartitions, provision
from schemas.catalogue import AUDIT_PREMIS, TOPICS, Topic
from tests.support.parts import Parts


def produce(parts: Parts, topic: str, count: int, size: int = 10) -> None:
    producer = Producer({**parts.kafka.client, "message.max.bytes": 1024 * 1024})
    failures: list[object] = []
    for _ in range(count):
        producer.produce(
            topic,
            b"x" * size,
            key=b"k",
            partition=0,
            on_delivery=lambda e, m: e and failures.append(e),
        )
    assert producer.flush(30) == 0
    assert failures == []


def start_offsets(parts: Parts, group: str, topic: str) -> dict[tuple[str, int], int]:
    return topics.committed_offsets(topics.admin(parts.kafka), group, [(topic, 0), (topic, 1)])


def test_a_broker_maps_the_class_archive_that_install_creates(parts: Parts):
    assert parts.broker.process is not None
    mapped = Path(f"/proc/{parts.broker.process.pid}/maps").read_text()

    assert str(archive_of(paths.kafka_jars())) in mapped


def test_every_topic_has_the_policies_of_the_catalogue(parts: Parts):
    client = topics.admin(parts.kafka)

    policies = client.describe_configs(
        [ConfigResource(ResourceType.TOPIC, one.name) for one in TOPICS]
    )

    found = {resource.name: answer.result() for resource, answer in policies.items()}
    assert {
        (one.name, key): found[one.name][key].value for one in TOPICS for key in one.config
    } == {(one.name, key): value for one in TOPICS for key, value in one.config.items()}


def test_a_message_of_512_kib_is_accepted(parts: Parts):
    produce(parts, TOPICS[0].name, 1, size=512 * 1024)


def test_a_changed_policy_is_restored(parts: Parts):
    loose = dataclasses.replace(AUDIT_PREMIS, config=AUDIT_PREMIS.config | {"flush.messages": "7"})
    provision(parts.kafka, [loose], {})

    provision(parts.kafka, [AUDIT_PREMIS], {})

    resource = ConfigResource(ResourceType.TOPIC, AUDIT_PREMIS.name)
    client = topics.admin(parts.kafka)
    answer = client.describe_configs([resource])[resource].result()
    assert answer["flush.messages"].value == "1"


def test_another_number_of_partitions_is_refused(parts: Parts):
    with pytest.raises(WrongPartitions, match="has 1 partitions, the catalogue says 12"):
        provision(parts.kafka, [dataclasses.replace(AUDIT_PREMIS, partitions=12)], {})


def test_a_new_group_of_an_existing_line_starts_at_the_end_unless_it_backfills(parts: Parts):
    topic = Topic("test.starts.v1", None, "k", 2)
    provision(parts.kafka, [topic], {"old": [topic.name]})
    produce(parts, topic.name, 3)

    provision(
        parts.kafka,
        [topic],
        {"old": [topic.name], "new": [topic.name], "filling": [topic.name]},
        fresh=False,
        backfill=["filling"],
    )

    assert start_offsets(parts, "old", topic.name) == {(topic.name, 0): 0, (topic.name, 1): 0}
    assert start_offsets(parts, "new", topic.name) == {(topic.name, 0): 3, (topic.name, 1): 0}
    assert start_offsets(parts, "filling", topic.name) == {(topic.name, 0): 0, (topic.name, 1): 0}
    assert topics.lag(topics.admin(parts.kafka), "old", [topic.name]) == 3
    assert topics.lag(topics.admin(parts.kafka), "new", [topic.name]) == 0


def test_an_existing_group_starts_at_the_beginning_of_a_new_topic(parts: Parts):
    first, second = (Topic(f"test.grows.{number}.v1", None, "k", 2) for number in (1, 2))
    provision(parts.kafka, [first], {"growing": [first.name]})

    provision(parts.kafka, [first, second], {"growing": [first.name, second.name]}, fresh=False)

    assert start_offsets(parts, "growing", second.name) == {
        (second.name, 0): 0,
        (second.name, 1): 0,
    }


def test_an_offset_beyond_the_end_of_a_topic_that_lost_records_becomes_its_end(
    parts: Parts, caplog: pytest.LogCaptureFixture
):
    topic = Topic("test.lost.v1", None, "k", 2)
    provision(parts.kafka, [topic], {"reader": [topic.name]})
    produce(parts, topic.name, 3)
    with topics.group_client(topics.admin(parts.kafka), "reader") as client:
        client.commit(offsets=[TopicPartition(topic.name, 0, 8)], asynchronous=False)

    provision(parts.kafka, [topic], {"reader": [topic.name]}, fresh=False)

    assert start_offsets(parts, "reader", topic.name) == {(topic.name, 0): 3, (topic.name, 1): 0}
    assert [record.message for record in caplog.records] == ["topic lost records"]


def test_the_roles_of_the_database_can_log_in_with_their_passwords(parts: Parts):
    parts.database.provision()

    for role in ("tracker", "projector", "auditor_ro"):
        with psycopg.connect(parts.dsn(role)) as connection:
            assert connection.execute("SELECT current_user").fetchone() == (role,)
        assert (parts.home / "run" / f"postgres.{role}.password").stat().st_mode & 0o777 == 0o600


def test_a_migration_is_applied_once_and_must_not_change(parts: Parts, tmp_path: Path):
    file = tmp_path / "9001_things.sql"
    file.write_text("CREATE TABLE public.things (a int); INSERT INTO public.things VALUES (1);")

    told: list[str] = []
    applied = [migrate(parts.dsn(), tmp_path, told.append) for _ in range(2)]

    assert applied == [["9001_things.sql"], []]
    assert told == ["9001_things.sql"]
    file.write_text("CREATE TABLE public.things (b int);")
    with pytest.raises(MigrationChanged, match=r"9001_things\.sql was changed"):
        migrate(parts.dsn(), tmp_path)


def test_queries_of_a_line_are_not_compiled(parts: Parts):
    with psycopg.connect(parts.dsn()) as connection:
        assert connection.execute("SHOW jit").fetchone() == ("off",)


def test_a_failed_migration_changes_nothing(parts: Parts, tmp_path: Path):
    (tmp_path / "9002_half.sql").write_text("CREATE TABLE public.half (a int); SELECT nonsense;")

    with pytest.raises(psycopg.errors.UndefinedColumn):
        migrate(parts.dsn(), tmp_path)

    with psycopg.connect(parts.dsn()) as connection:
        assert connection.execute("SELECT to_regclass('public.half')").fetchone() == (None,)

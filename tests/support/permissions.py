"""Tries operations on a broker as one of its users, or as nobody, and gives what the broker answers."""

import time
from collections.abc import Iterable, Mapping
from contextlib import closing

from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Producer,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AclOperation, AdminClient, NewTopic

from infra.kafka_access import Brokers
from infra.topics import Admin

SECONDS = 20
TOO_LARGE = b"x" * (1200 * 1024)
"""More than any topic takes: a broker refuses it after it has looked at the permission to write."""
REFUSED = "TOPIC_AUTHORIZATION_FAILED"
NAMES = {AclOperation.READ: "read", AclOperation.WRITE: "write", AclOperation.DESCRIBE: "describe"}


def in_force(client: Admin, topics: Iterable[str]) -> dict[str, set[str]]:
    """What the broker says that this client may do with each topic."""
    asked = client.describe_topics(
        TopicCollection(list(topics)),
        include_authorized_operations=True,
        request_timeout=SECONDS,
    )
    found: dict[str, set[str]] = {}
    for name, answer in asked.items():
        try:
            operations = answer.result().authorized_operations or ()
            found[name] = {NAMES.get(one, one.name) for one in operations}
        except KafkaException as failed:
            assert failed.args[0].name() == REFUSED, failed
            found[name] = set()
    return found


def on_cluster(client: Admin) -> set[str]:
    """What the broker says that this client may do with the cluster."""
    answer = client.describe_cluster(include_authorized_operations=True, request_timeout=SECONDS)
    return {one.name for one in answer.result().authorized_operations or ()}


def write(
    brokers: Brokers, values: Mapping[str, bytes], timeout_ms: int = 20_000
) -> dict[str, str]:
    """The broker's answer to one record for each topic: an error's name, or nothing."""
    answers: dict[str, str] = {}

    def answered(topic: str, error: KafkaError | None) -> None:
        answers[topic] = "" if error is None else error.name()

    producer = Producer(
        brokers.client
        | {"message.max.bytes": 4_000_000, "message.timeout.ms": timeout_ms, "log_level": 0}
    )
    for topic, value in values.items():
        producer.produce(
            topic, value, b"k", on_delivery=lambda error, _, at=topic: answered(at, error)
        )
    assert producer.flush(2 * SECONDS) == 0
    return answers


def delete_records(brokers: Brokers, topic: str, timeout_seconds: float = SECONDS) -> str:
    """The answer to a deletion of all records of partition 0."""
    client = AdminClient(brokers.client | {"log_level": 0})
    asked = client.delete_records([TopicPartition(topic, 0, -1)], request_timeout=timeout_seconds)
    return _answer(asked.values())


def create_topic(brokers: Brokers, topic: str, timeout_seconds: float = SECONDS) -> str:
    """The answer to the creation of a topic."""
    client = AdminClient(brokers.client | {"log_level": 0})
    return _answer(
        client.create_topics([NewTopic(topic, 1)], request_timeout=timeout_seconds).values()
    )


def join(brokers: Brokers, group: str, topic: str) -> str:
    """The answer to a new member of a group."""
    settings = {"group.id": group, "enable.auto.commit": False, "log_level": 0}
    deadline = time.monotonic() + SECONDS
    with closing(Consumer(brokers.client | settings)) as consumer:
        consumer.subscribe([topic])
        while not consumer.assignment():
            message = consumer.poll(0.2)
            if message is not None and message.error() is not None:
                return str(message.error().name())
            assert time.monotonic() < deadline, f"no answer about {group}"
    return ""


def begin_transactions(brokers: Brokers, transactional_id: str) -> str:
    """The answer to a producer that takes over a transactional id."""
    producer = Producer(brokers.client | {"transactional.id": transactional_id, "log_level": 0})
    try:
        producer.init_transactions(SECONDS)
    except KafkaException as failed:
        return failed.args[0].name()
    return ""


def _answer(futures: Iterable[object]) -> str:
    (future,) = futures
    try:
        future.result(SECONDS)  # type: ignore[attr-defined]
    except KafkaException as failed:
        return failed.args[0].name()
    return ""

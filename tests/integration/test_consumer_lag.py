"""The lag of consumer groups, on a real broker where external clients write in transactions."""

import time
from contextlib import closing
from uuid import uuid4

import pytest
from confluent_kafka import Producer, TopicPartition

from infra.topics import admin, committed_offsets, group_client, holds_a_message, provision
from schemas.catalogue import Topic
from streams import topology
from streams.kafka.topic_reader import TopicReader
from streams.monitoring import consumer_lag
from streams.monitoring.consumer_lag import ConsumerGroups
from tests.support.external_clients import transaction
from tests.support.parts import Parts


@pytest.fixture
def name(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> str:
    """A topic with one group of the same name, of which the groups of this test consist."""
    name = f"progress.{uuid4().hex[:8]}"
    provision(parts.kafka, [Topic(name, None, "none", 1)], {name: [name]})
    monkeypatch.setattr(topology, "groups", lambda *_: {name: [name]})
    return name


def lags(parts: Parts, name: str, checks: int = consumer_lag.CHECKS) -> list[int]:
    """The lag of the group at one check after the other."""
    with closing(ConsumerGroups(parts.kafka)) as groups:
        return [groups.lags()[name].lag for _ in range(checks)]


def test_a_transaction_marker_is_no_lag(parts: Parts, name: str):
    transaction(parts.kafka, name, commit=False)  # aborted: consumers get no record

    assert lags(parts, name) == [2, 2, 0]


def test_a_message_remains_a_lag_at_every_check(parts: Parts, name: str):
    transaction(parts.kafka, name)

    assert lags(parts, name, 3 * consumer_lag.CHECKS) == [2] * 3 * consumer_lag.CHECKS


def test_a_message_is_told_from_a_marker_by_reading(parts: Parts, name: str):
    transaction(parts.kafka, name)
    client = admin(parts.kafka)

    assert holds_a_message(client, (name, 0), 0) is True
    assert holds_a_message(client, (name, 0), 1) is False


def test_a_rebuild_reaches_the_end_of_a_topic_with_a_marker(parts: Parts, name: str):
    transaction(parts.kafka, name)
    reader = TopicReader(parts.kafka)

    portions = list(reader.read_to_the_end({(name, 0): 0}))
    reader.close()

    assert [one.value for portion in portions for one in portion] == [b"x"]


def test_offsets_are_known_while_a_transaction_with_offsets_of_the_group_is_open(
    parts: Parts, name: str
):
    client, at = admin(parts.kafka), (name, 0)
    producer = Producer({**parts.kafka.client, "transactional.id": name})
    producer.init_transactions(30)
    producer.begin_transaction()
    with group_client(client, name) as member:
        offsets = [TopicPartition(*at, 1)]
        producer.send_offsets_to_transaction(offsets, member.consumer_group_metadata(), 30)

    began = time.monotonic()
    found = committed_offsets(client, name, [at])
    seconds = time.monotonic() - began
    producer.abort_transaction(30)

    assert found == {at: 0}
    assert seconds < 3

"""How far groups are, on a real broker where strangers write in transactions."""

from contextlib import closing
from uuid import uuid4

import pytest

from infra.topics import admin, holds_a_message, provision
from schemas.catalogue import Topic
from streams import topology
from streams.monitoring import consumer_lag
from streams.monitoring.consumer_lag import ConsumerGroups
from streams.tracker.topic_reader import TopicReader
from tests.support.external_clients import transaction
from tests.support.parts import Parts


@pytest.fixture
def name(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> str:
    """A topic with one group of the same name, of which the groups of this test consist."""
    name = f"progress.{uuid4().hex[:8]}"
    provision(parts.kafka, [Topic(name, None, "none", 1)], {name: [name]})
    monkeypatch.setattr(topology, "groups", lambda: {name: [name]})
    return name


def lags(parts: Parts, name: str, looks: int = consumer_lag.CHECKS) -> list[int]:
    """What is told of the group, look after look."""
    with closing(ConsumerGroups(parts.kafka)) as groups:
        return [groups.standing()[name].lag for _ in range(looks)]


def test_a_marker_is_nothing_that_anybody_has_to_finish(parts: Parts, name: str):
    transaction(parts.kafka, name, commit=False)  # aborted: consumers are given nothing of it

    assert lags(parts, name) == [2, 2, 0]


def test_a_message_stays_to_be_finished(parts: Parts, name: str):
    transaction(parts.kafka, name)

    assert lags(parts, name, 3 * consumer_lag.CHECKS) == [2] * 3 * consumer_lag.CHECKS


def test_whether_a_message_stands_there(parts: Parts, name: str):
    transaction(parts.kafka, name)
    client = admin(parts.kafka)

    assert holds_a_message(client, (name, 0), 0) is True
    assert holds_a_message(client, (name, 0), 1) is False


def test_a_rebuild_comes_to_the_end_of_a_topic_with_a_marker(parts: Parts, name: str):
    transaction(parts.kafka, name)
    reader = TopicReader(parts.kafka)

    portions = list(reader.read_to_the_end({(name, 0): 0}))
    reader.close()

    assert [one.value for portion in portions for one in portion] == [b"x"]

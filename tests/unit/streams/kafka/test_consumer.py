"""A partition that is assigned while the consumer is paused."""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from confluent_kafka import OFFSET_INVALID, TopicPartition

from infra.kafka_access import Brokers
from streams.kafka import consumer as consumer_module
from streams.kafka.consumer import Delivery, StepConsumer
from tests.support.running_line import wait_for


class FakeMessage:
    """A message of partition 0."""

    def __init__(self, offset: int) -> None:
        self._offset = offset

    def error(self) -> None:
        return None

    def topic(self) -> str:
        return "pages"

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self._offset

    def key(self) -> bytes:
        return b"key"

    def value(self) -> bytes:
        return b"value"

    def headers(self) -> list[tuple[str, bytes]]:
        return []


class FakeClient:
    """A Kafka client with two messages, to which the coordinator assigns partitions."""

    def __init__(self, *_: object, **__: object) -> None:
        self.calls: list[tuple[str, list[int]]] = []
        self.offsets: dict[int, int] = {}
        """Where each partition is read from, by the last assignment."""
        self._messages = deque([FakeMessage(0), FakeMessage(1)])
        self._assignments: deque[list[TopicPartition]] = deque()

    def subscribe(self, _: list[str], on_assign: Callable[..., None], **__: object) -> None:
        self._on_assign = on_assign
        self.assign_soon(0)

    def assign_soon(self, *partitions: int) -> None:
        self._assignments.append([TopicPartition("pages", partition) for partition in partitions])

    def poll(self, _: float) -> FakeMessage | None:
        if self._assignments:
            self._on_assign(self, self._assignments.popleft())
            return None
        return self._messages.popleft() if self._messages else None

    def committed(self, partitions: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        return [TopicPartition(one.topic, one.partition, 0) for one in partitions]

    def assign(self, partitions: list[TopicPartition]) -> None:
        self.calls.append(("assign", [one.partition for one in partitions]))
        self.offsets = {one.partition: one.offset for one in partitions}

    def pause(self, partitions: list[TopicPartition]) -> None:
        self.calls.append(("pause", [one.partition for one in partitions]))

    def resume(self, partitions: list[TopicPartition]) -> None:
        self.calls.append(("resume", [one.partition for one in partitions]))

    def commit(self, **_: Any) -> None:
        return None

    def close(self) -> None:
        return None


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> FakeClient:
    client = FakeClient()
    monkeypatch.setattr(consumer_module, "Consumer", lambda *_, **__: client)
    return client


@pytest.fixture
def delivered(client: FakeClient) -> Iterator[list[Delivery]]:
    """The deliveries of a consumer with a limit of two messages."""
    delivered: list[Delivery] = []
    consumer = StepConsumer(Brokers("memory"), "group", "one", ["pages"], 2, delivered.append)
    consumer.start()
    yield delivered
    for delivery in delivered:
        delivery.ack()
    consumer.stop()


def test_a_partition_that_is_assigned_to_a_paused_consumer_is_paused_and_resumed_with_the_others(
    client: FakeClient, delivered: list[Delivery]
):
    wait_for(lambda: ("pause", [0]) in client.calls, 5, lambda: str(client.calls))

    client.assign_soon(0, 1)
    wait_for(lambda: ("pause", [0, 1]) in client.calls, 5, lambda: str(client.calls))
    for delivery in delivered:
        delivery.ack()
    wait_for(lambda: client.calls[-1][0] == "resume", 5, lambda: str(client.calls))

    assert client.calls == [
        ("assign", [0]),
        ("pause", [0]),
        ("assign", [0, 1]),
        ("pause", [0, 1]),
        ("resume", [0, 1]),
    ]
    assert client.offsets == {0: 2, 1: OFFSET_INVALID}


def test_work_goes_on_when_its_partition_is_given_back_and_ends_when_it_is_not(
    client: FakeClient, delivered: list[Delivery]
):
    wait_for(lambda: len(delivered) == 2, 5, lambda: str(client.calls))

    client.assign_soon(0, 1)
    wait_for(lambda: ("assign", [0, 1]) in client.calls, 5, lambda: str(client.calls))
    given_back = [one.still_ours() for one in delivered]
    client.assign_soon(1)
    wait_for(lambda: ("assign", [1]) in client.calls, 5, lambda: str(client.calls))

    assert given_back == [True, True]
    assert [one.still_ours() for one in delivered] == [False, False]

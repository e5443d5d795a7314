"""The consumer of a step on a real broker: what it commits, when it pauses, what a revoke means."""

import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import Consumer, Message, Producer, TopicPartition

from infra import topics
from infra.topics import admin, committed_offsets, provision
from schemas.catalogue import Topic
from streams.kafka import consumer as consumer_module
from streams.kafka import stalled_partitions
from streams.kafka.consumer import Delivery, StepConsumer
from tests.support.audit_log import until
from tests.support.external_clients import transaction
from tests.support.parts import Parts


class ObservedClient(Consumer):
    """A Kafka client that records its commits and runs actions of a test in its own thread."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.committed_offsets: list[int] = []
        self._actions: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()

    def run_in_its_thread(self, action: Callable[[], object]) -> None:
        """Run an action between two polls and wait for its end; no other thread may use it."""
        done = threading.Event()
        self._actions.put(lambda: (action(), done.set()))
        assert done.wait(10)

    def poll(self, timeout: float = -1) -> Message | None:
        while not self._actions.empty():
            self._actions.get()()
        return super().poll(timeout)

    def commit(self, *args: Any, **named: Any) -> Any:
        self.committed_offsets += [one.offset for one in named["offsets"]]
        return super().commit(*args, **named)


def place(delivery: Delivery) -> tuple[int, int]:
    """Partition and offset of a delivery."""
    return delivery.message.partition, delivery.message.offset


@dataclass
class Bench:
    """A topic and a group of their own, their consumers, and what these delivered."""

    parts: Parts
    partitions: int
    name: str = field(default_factory=lambda: f"consumer.{uuid4().hex[:8]}")
    consumers: list[StepConsumer] = field(default_factory=list)
    clients: list[ObservedClient] = field(default_factory=list)
    ended: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    """Event and fields with which the process would have ended."""
    deliveries: list[Delivery] = field(default_factory=list)
    closing: bool = False

    def produce(self, count: int, partition: int = 0) -> None:
        producer = Producer({**self.parts.kafka.client})
        for number in range(count):
            producer.produce(self.name, str(number).encode(), partition=partition)
        assert producer.flush(30) == 0

    def start(self, instance: str = "one", limit: int = 100, fails: bool = False) -> list[Delivery]:
        """Start a consumer and wait for its assignment; its deliveries appear in the list."""
        delivered: list[Delivery] = []

        def submit(delivery: Delivery) -> None:
            if fails and delivery.message.offset == 3:
                raise RuntimeError("this process crashes")
            delivered.append(delivery)
            self.deliveries.append(delivery)
            if self.closing:
                delivery.requeue()

        consumer = StepConsumer(self.parts.kafka, self.name, instance, [self.name], limit, submit)
        self.consumers.append(consumer)
        consumer.start()
        assert consumer.assigned.wait(20)
        return delivered

    def client(self, *args: Any, **named: Any) -> ObservedClient:
        self.clients.append(ObservedClient(*args, **named))
        return self.clients[-1]

    def end(self, event: str, **fields: object) -> None:
        self.ended.append((event, fields))

    def committed(self, partition: int = 0) -> int | None:
        at = (self.name, partition)
        return committed_offsets(admin(self.parts.kafka), self.name, [at]).get(at)

    def wait(self, condition: Callable[[], bool], delivered: list[Delivery]) -> None:
        until(
            condition,
            20,
            lambda: f"delivered {[place(one) for one in delivered]}, committed {self.committed()}",
        )

    def close(self) -> None:
        self.closing = True
        for delivery in self.deliveries:
            delivery.requeue()
        for consumer in self.consumers:
            consumer.stop()


@pytest.fixture
def bench(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    yield from a_bench(parts, monkeypatch, partitions=1)


@pytest.fixture
def wide_bench(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    yield from a_bench(parts, monkeypatch, partitions=2)


def a_bench(parts: Parts, monkeypatch: pytest.MonkeyPatch, partitions: int) -> Iterator[Bench]:
    bench = Bench(parts, partitions)
    provision(
        parts.kafka, [Topic(bench.name, None, "none", partitions)], {bench.name: [bench.name]}
    )
    watch_ends(bench, monkeypatch)
    monkeypatch.setattr(consumer_module, "Consumer", bench.client)
    yield bench
    bench.close()


def watch_ends(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Record the end of the process; only the consumer's thread ends here."""
    monkeypatch.setattr(consumer_module, "end_process", bench.end)
    monkeypatch.setattr(stalled_partitions, "end_process", bench.end)


def test_commits_only_offsets_before_the_first_unfinished_message(bench: Bench):
    bench.produce(5)
    delivered = bench.start()
    bench.wait(lambda: len(delivered) == 5, delivered)

    for offset in (0, 1, 3):
        delivered[offset].ack()
    bench.wait(lambda: bench.committed() == 2, delivered)
    delivered[2].ack()
    bench.wait(lambda: bench.committed() == 4, delivered)

    assert bench.ended == []


def test_delivers_no_more_than_its_limit_and_continues_when_work_is_finished(bench: Bench):
    bench.produce(12)
    delivered = bench.start(limit=4)
    bench.wait(lambda: len(delivered) == 4, delivered)
    threading.Event().wait(1)  # Time in which a fifth would come if it were not paused.
    assert len(delivered) == 4

    delivered[2].ack()
    delivered[3].ack()
    bench.wait(lambda: len(delivered) > 4, delivered)
    assert bench.committed() == 0
    while bench.committed() != 12:
        for one in list(delivered):
            one.ack()
        bench.wait(lambda: len(delivered) == 12 or bench.consumers[0].in_work() > 0, delivered)

    assert [one.message.offset for one in delivered] == list(range(12))


def test_messages_that_were_not_begun_are_left_to_a_later_process_at_a_stop(bench: Bench):
    bench.produce(4)
    delivered = bench.start()
    bench.wait(lambda: len(delivered) == 4, delivered)
    assert delivered[0].begin() and delivered[2].begin()

    bench.consumers[0].request_stop()
    begun_later = [delivered[1].begin(), delivered[3].begin()]
    delivered[0].ack()
    delivered[2].ack()
    bench.consumers.pop().stop()

    assert begun_later == [False, False]
    assert bench.committed() == 1
    again = bench.start()
    bench.wait(lambda: [one.message.offset for one in again] == [1, 2, 3], again)


def test_two_machines_share_each_of_the_topics_of_a_step(wide_bench: Bench):
    parts, redone = wide_bench.parts, f"{wide_bench.name}.redone"
    both = [wide_bench.name, redone]
    provision(parts.kafka, [Topic(redone, None, "none", 2)], {wide_bench.name: both})

    for instance in ("one", "two"):
        consumer = StepConsumer(
            parts.kafka, wide_bench.name, instance, both, 100, wide_bench.deliveries.append
        )
        wide_bench.consumers.append(consumer)
        consumer.start()
        assert consumer.assigned.wait(20)

    client = admin(parts.kafka)

    def shares() -> list[list[str]]:
        found = client.describe_consumer_groups([wide_bench.name])
        members = found[wide_bench.name].result(10).members
        return [[at.topic for at in one.assignment.topic_partitions] for one in members]

    until(lambda: [sorted(one) for one in shares()] == [both, both], 20, lambda: str(shares()))


def test_messages_of_a_revoked_partition_belong_to_the_next_member(wide_bench: Bench):
    for partition in range(2):
        wide_bench.produce(2, partition)
    first = wide_bench.start("one")
    wide_bench.wait(lambda: len(first) == 4, first)

    second = wide_bench.start("two")
    wide_bench.wait(lambda: len(second) == 2, second)

    lost = {place(one) for one in first if not one.still_ours()}
    assert lost == {place(one) for one in second}
    assert all(one.still_ours() for one in second)
    for one in [*first, *second]:
        one.ack()
    wide_bench.wait(lambda: [wide_bench.committed(0), wide_bench.committed(1)] == [2, 2], first)


def test_unfinished_messages_are_delivered_again_after_a_crash(bench: Bench):
    bench.produce(5)
    before = bench.start(fails=True)
    bench.wait(lambda: bool(bench.ended), before)
    bench.consumers.pop()

    after = bench.start()
    bench.wait(lambda: len(after) == 5, after)

    (event, fields) = bench.ended[0]
    assert (event, fields["error"]) == ("the consumer cannot continue", "this process crashes")
    assert [one.message.offset for one in before] == [0, 1, 2]
    assert [one.message.offset for one in after] == [0, 1, 2, 3, 4]


def test_a_stop_waits_for_work_and_the_next_start_continues_after_it(bench: Bench):
    bench.produce(3)
    first = bench.start()
    bench.wait(lambda: len(first) == 3, first)
    stopping = threading.Thread(target=bench.consumers.pop().stop)
    stopping.start()
    stopping.join(0.5)
    assert stopping.is_alive()

    for one in first:
        one.ack()
    stopping.join(10)
    bench.produce(2)
    second = bench.start()
    bench.wait(lambda: len(second) == 2, second)

    assert [one.message.offset for one in second] == [3, 4]


def test_a_missing_offset_ends_the_process_and_skips_nothing(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
):
    bench = Bench(parts, 1)
    watch_ends(bench, monkeypatch)
    provision(parts.kafka, [Topic(bench.name, None, "none", 1)], {})
    bench.produce(3)

    delivered = bench.start()
    bench.wait(lambda: bool(bench.ended), delivered)

    assert delivered == []


def test_a_newer_process_of_the_same_name_ends_the_older_one(bench: Bench):
    bench.produce(2)
    older = bench.start("one")
    bench.wait(lambda: len(older) == 2, older)

    newer = bench.start("one")
    bench.wait(lambda: len(newer) == 2, newer)
    bench.wait(lambda: bool(bench.ended), older)
    bench.consumers.pop(0)

    for one in newer:
        one.ack()
    bench.wait(lambda: bench.committed() == 2, newer)


def test_a_commit_that_an_older_one_overtook_is_repeated(bench: Bench):
    bench.produce(3)
    delivered = bench.start()
    bench.wait(lambda: len(delivered) == 3, delivered)
    for one in delivered:
        one.ack()
    bench.wait(lambda: bench.committed() == 3, delivered)

    older = [TopicPartition(bench.name, 0, 1)]
    client = bench.clients[0]
    client.run_in_its_thread(lambda: client.commit(offsets=older, asynchronous=True))

    bench.wait(lambda: client.committed_offsets[-2:] == [1, 3], delivered)
    bench.wait(lambda: bench.committed() == 3, delivered)


def test_a_partition_that_the_client_does_not_fetch_ends_the_process(
    wide_bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    delivered = wide_bench.start()
    monkeypatch.setattr(stalled_partitions, "CHECK_EVERY_SECONDS", 0.2)
    stalled_partitions.watch_partitions(
        wide_bench.parts.kafka, [wide_bench.consumers[0].idle_offsets]
    )
    wide_bench.produce(1, 1)
    wide_bench.wait(lambda: len(delivered) == 1, delivered)

    # librdkafka does this silently after some outages.
    client, not_fetched = wide_bench.clients[0], TopicPartition(wide_bench.name, 0)
    client.run_in_its_thread(lambda: client.pause([not_fetched]))
    wide_bench.produce(2, 0)
    wide_bench.wait(lambda: bool(wide_bench.ended), delivered)

    delivered[0].ack()
    fields = {"topic": wide_bench.name, "partition": 0, "offset": 0}
    assert wide_bench.ended[0] == ("partition is not read", fields)
    assert len(delivered) == 1


def test_a_transaction_marker_is_no_message_that_is_not_read(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    delivered = bench.start()
    monkeypatch.setattr(stalled_partitions, "CHECK_EVERY_SECONDS", 0.1)
    answers: list[bool | None] = []
    holds_a_message = topics.holds_a_message

    def observed(*asked: Any) -> bool | None:
        answers.append(holds_a_message(*asked))
        return answers[-1]

    monkeypatch.setattr(topics, "holds_a_message", observed)
    stalled_partitions.watch_partitions(bench.parts.kafka, [bench.consumers[0].idle_offsets])

    for number in range(2):
        transaction(bench.parts.kafka, bench.name)
        bench.wait(lambda number=number: len(answers) > number, delivered)

    assert bench.ended == []
    assert answers == [False, False]
    assert len(delivered) == 2

"""The worker's source on a real broker: what is committed, when it pauses, what a revoke means."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from uuid import uuid4

import pytest
from confluent_kafka import Producer, TopicPartition

from infra import topics
from infra.topics import admin, committed_offsets, provision
from schemas.catalogue import Topic
from streams.kafka import consumer as source_module
from streams.kafka import stalled_partitions
from streams.kafka.consumer import Delivery, StepConsumer
from tests.support.audit_log import until
from tests.support.external_clients import transaction
from tests.support.parts import Parts


def place(ticket: Delivery) -> tuple[int, int]:
    """Partition and offset of what was handed on."""
    return ticket.message.partition, ticket.message.offset


@dataclass
class Bench:
    """A topic and a group of their own, the sources on them, and what they handed on."""

    parts: Parts
    partitions: int
    name: str = field(default_factory=lambda: f"source.{uuid4().hex[:8]}")
    sources: list[StepConsumer] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)

    def produce(self, count: int, partition: int = 0) -> None:
        producer = Producer({"bootstrap.servers": self.parts.kafka})
        for number in range(count):
            producer.produce(self.name, str(number).encode(), partition=partition)
        assert producer.flush(30) == 0

    def start(self, instance: str = "one", limit: int = 100, fails: bool = False) -> list[Delivery]:
        """A source that takes its place in the group; what it hands on comes into the list."""
        handed: list[Delivery] = []

        def submit(ticket: Delivery) -> None:
            if fails and ticket.message.offset == 3:
                raise RuntimeError("this process goes down")
            handed.append(ticket)

        source = StepConsumer(self.parts.kafka, self.name, instance, [self.name], limit, submit)
        self.sources.append(source)
        source.start()
        assert source.assigned.wait(20)
        return handed

    def committed(self, partition: int = 0) -> int | None:
        place = (self.name, partition)
        return committed_offsets(admin(self.parts.kafka), self.name, [place]).get(place)

    def wait(self, condition: Callable[[], bool], handed: list[Delivery]) -> None:
        until(
            condition,
            20,
            lambda: f"handed on {[place(task) for task in handed]}, committed {self.committed()}",
        )


def in_its_thread(source: StepConsumer, action: Callable[[], None]) -> None:
    """Let the source's own thread do something between two polls; no other may use its consumer."""
    balance, done = source._balance, threading.Event()

    def first_the_action() -> None:
        source._balance = balance  # type: ignore[method-assign]
        action()
        done.set()
        balance()

    source._balance = first_the_action  # type: ignore[method-assign]
    assert done.wait(10)


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
    # In the line this ends the process; here it ends the source's thread.
    monkeypatch.setattr(source_module, "end_process", bench.ended.append)
    yield bench
    for source in bench.sources:
        with source._lock:
            for state in source._partitions.values():
                state.offsets._open.clear()
        source.stop()


def test_commits_only_the_finished_prefix(bench: Bench):
    bench.produce(5)
    handed = bench.start()
    bench.wait(lambda: len(handed) == 5, handed)

    for offset in (0, 1, 3):
        handed[offset].ack()
    bench.wait(lambda: bench.committed() == 2, handed)
    handed[2].ack()
    bench.wait(lambda: bench.committed() == 4, handed)

    assert bench.ended == []


def test_takes_no_more_than_its_limit_and_goes_on_when_something_is_done(bench: Bench):
    bench.produce(12)
    handed = bench.start(limit=4)
    bench.wait(lambda: len(handed) == 4, handed)
    threading.Event().wait(1)  # Time in which a fifth would come if it were not paused.
    assert len(handed) == 4

    handed[2].ack()
    handed[3].ack()
    bench.wait(lambda: len(handed) > 4, handed)
    assert bench.committed() == 0
    while bench.committed() != 12:
        for task in list(handed):
            task.ack()
        bench.wait(lambda: len(handed) == 12 or bench.sources[0]._in_work() > 0, handed)

    assert [task.message.offset for task in handed] == list(range(12))


def test_what_was_not_begun_is_given_back_when_the_source_stops(bench: Bench):
    bench.produce(4)
    handed = bench.start()
    bench.wait(lambda: len(handed) == 4, handed)
    assert handed[0].begin() and handed[2].begin()

    bench.sources[0].ask_to_stop()
    given_back = [handed[1].begin(), handed[3].begin()]
    handed[0].ack()
    handed[2].ack()
    bench.sources.pop().stop()

    assert given_back == [False, False]
    assert bench.committed() == 1
    again = bench.start()
    bench.wait(lambda: [task.message.offset for task in again] == [1, 2, 3], again)


def test_what_was_revoked_is_not_ours_any_more_and_the_next_member_gets_it(wide_bench: Bench):
    for partition in range(2):
        wide_bench.produce(2, partition)
    first = wide_bench.start("one")
    wide_bench.wait(lambda: len(first) == 4, first)

    second = wide_bench.start("two")
    wide_bench.wait(lambda: len(second) == 2, second)

    lost = {place(task) for task in first if not task.still_ours()}
    assert lost == {place(task) for task in second}
    assert all(task.still_ours() for task in second)
    for task in [*first, *second]:
        task.ack()
    wide_bench.wait(lambda: [wide_bench.committed(0), wide_bench.committed(1)] == [2, 2], first)


def test_after_a_crash_what_was_unfinished_comes_again(bench: Bench):
    bench.produce(5)
    before = bench.start(fails=True)
    before[0].ack() if before else None
    bench.wait(lambda: bool(bench.ended), before)
    bench.sources.pop()

    after = bench.start()
    bench.wait(lambda: after[-1:] != [] and after[-1].message.offset == 4, after)

    assert bench.ended == ["a source cannot go on; nothing unfinished was committed"]
    assert [task.message.offset for task in after][-4:] == [1, 2, 3, 4]


def test_a_stop_waits_for_what_is_in_work_and_the_next_start_goes_on_behind_it(bench: Bench):
    bench.produce(3)
    first = bench.start()
    bench.wait(lambda: len(first) == 3, first)
    stopping = threading.Thread(target=bench.sources.pop().stop)
    stopping.start()
    stopping.join(0.5)
    assert stopping.is_alive()

    for task in first:
        task.ack()
    stopping.join(10)
    bench.produce(2)
    second = bench.start()
    bench.wait(lambda: len(second) == 2, second)

    assert [task.message.offset for task in second] == [3, 4]


def test_a_missing_offset_ends_the_process_instead_of_skipping(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
):
    bench = Bench(parts, 1)
    monkeypatch.setattr(source_module, "end_process", bench.ended.append)
    provision(parts.kafka, [Topic(bench.name, None, "none", 1)], {})
    bench.produce(3)

    handed = bench.start()
    bench.wait(lambda: bool(bench.ended), handed)

    assert handed == []


def test_a_successor_under_the_same_name_ends_the_process_that_it_succeeds(bench: Bench):
    bench.produce(2)
    old = bench.start("one")
    bench.wait(lambda: len(old) == 2, old)

    new = bench.start("one")
    bench.wait(lambda: len(new) == 2, new)
    bench.wait(lambda: bool(bench.ended), old)
    bench.sources.pop(0)

    for task in new:
        task.ack()
    bench.wait(lambda: bench.committed() == 2, new)


def test_a_commit_that_an_older_one_overtook_is_made_again(bench: Bench):
    bench.produce(3)
    handed = bench.start()
    bench.wait(lambda: len(handed) == 3, handed)
    for task in handed:
        task.ack()
    bench.wait(lambda: bench.committed() == 3, handed)

    older = [TopicPartition(bench.name, 0, 1)]
    source = bench.sources[0]
    commits: list[bool] = []
    commit = source._commit

    def counted(*, asynchronous: bool) -> None:
        commits.append(asynchronous)
        if len(commits) > 3:
            commit(asynchronous=asynchronous)

    source._commit = counted  # type: ignore[method-assign]
    in_its_thread(source, lambda: source._consumer.commit(offsets=older, asynchronous=True))

    bench.wait(lambda: bench.committed() == 1, handed)
    bench.wait(lambda: bench.committed() == 3, handed)


def test_a_partition_that_the_client_does_not_read_ends_the_process(
    wide_bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    handed = wide_bench.start()
    monkeypatch.setattr(stalled_partitions, "end_process", wide_bench.ended.append)
    monkeypatch.setattr(stalled_partitions, "LOOK_EVERY_SECONDS", 0.2)
    stalled_partitions.watch_partitions(
        wide_bench.parts.kafka, [wide_bench.sources[0].idle_offsets]
    )
    wide_bench.produce(1, 1)
    wide_bench.wait(lambda: len(handed) == 1, handed)

    # As librdkafka does by mistake after an outage, without word of it.
    source, place = wide_bench.sources[0], TopicPartition(wide_bench.name, 0)
    in_its_thread(source, lambda: source._consumer.pause([place]))
    wide_bench.produce(2, 0)
    wide_bench.wait(lambda: bool(wide_bench.ended), handed)

    handed[0].ack()
    assert f"('{wide_bench.name}', 0) is not read from 0" in wide_bench.ended[0]
    assert len(handed) == 1


def test_a_marker_of_a_transaction_is_no_unread_message(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    handed = bench.start()
    monkeypatch.setattr(stalled_partitions, "end_process", bench.ended.append)
    monkeypatch.setattr(stalled_partitions, "LOOK_EVERY_SECONDS", 0.1)
    looks: list[bool | None] = []
    holds = topics.holds_a_message
    monkeypatch.setattr(
        topics, "holds_a_message", lambda *asked: looks.append(holds(*asked)) or looks[-1]
    )
    stalled_partitions.watch_partitions(bench.parts.kafka, [bench.sources[0].idle_offsets])

    transaction(bench.parts.kafka, bench.name)
    bench.wait(lambda: len(looks) > 1, handed)
    handed[0].ack()

    assert bench.ended == []
    assert set(looks) == {False}
    assert len(handed) == 1


def test_a_partition_that_comes_while_the_others_are_paused_is_paused_with_them(bench: Bench):
    bench.produce(2)
    handed = bench.start(limit=2)
    bench.wait(lambda: len(handed) == 2, handed)
    source = bench.sources[0]
    bench.wait(lambda: source._paused, handed)
    calls: list[str] = []

    class Consumer:
        def incremental_assign(self, places: list[TopicPartition]) -> None:
            calls.append(f"assign {len(places)}")

        def pause(self, places: list[TopicPartition]) -> None:
            calls.append(f"pause {len(places)}")

    def come_and_go() -> None:
        source._on_assign(Consumer(), [TopicPartition(bench.name, 1)])  # type: ignore[arg-type]
        del source._partitions[(bench.name, 1)]

    in_its_thread(source, come_and_go)

    assert calls == ["assign 1", "pause 1"]
    assert source._paused

"""The intake is read ahead while there are many records, in order and without one twice."""

import threading
from typing import Any

import pytest
from confluent_kafka import KafkaError, TopicPartition

from streams.runtime.run_loop import CannotContinue
from streams.sealer import intake
from streams.sealer.intake import Intake
from tests.support.audit_log import deliveries
from tests.support.kafka_records import KafkaRecord

AT_ONCE = 3


def a_record(at: int, failure: KafkaError | None = None) -> KafkaRecord:
    """The record of the intake at an offset, or an error."""
    key, value = deliveries(1, first=at)[0]
    return KafkaRecord(at, key, value, failure=failure, name="intake")


class Consumer:
    """An intake of some records, of which the committed offset can be set."""

    def __init__(self, count: int, error_at: int | None = None) -> None:
        self.count, self.error_at, self.next, self.offset = count, error_at, 0, 0

    def assign(self, partitions: list[TopicPartition]) -> None:
        self.next = partitions[0].offset

    def committed(self, partitions: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        return [TopicPartition("intake", 0, self.offset)]

    def get_watermark_offsets(self, partition: TopicPartition, timeout: float) -> tuple[int, int]:
        return 0, self.count

    def consume(self, count: int, timeout: float) -> list[KafkaRecord]:
        first, self.next = self.next, min(self.count, self.next + count)
        if self.error_at is not None and first <= self.error_at < self.next:
            return [a_record(first, KafkaError(KafkaError.OFFSET_OUT_OF_RANGE))]
        return [a_record(at) for at in range(first, self.next)]

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(intake, "BATCH", AT_ONCE)


def an_intake(consumer: Any) -> Intake:
    made = Intake(consumer, "intake", threading.Event())
    made.seek(None)
    return made


def polled(reader: Intake) -> list[int]:
    """The offsets of the next records."""
    return [one.record.offset for one in reader.poll()]


def test_records_come_in_order_and_each_once():
    reader = an_intake(Consumer(8))

    assert [polled(reader) for _ in range(4)] == [[0, 1, 2], [3, 4, 5], [6, 7], []]


def test_after_a_seek_records_come_from_the_committed_offset_on():
    consumer = Consumer(10)
    reader = an_intake(consumer)
    polled(reader)
    consumer.offset = 1

    reader.seek(None)

    assert [polled(reader) for _ in range(2)] == [[1, 2, 3], [4, 5, 6]]


@pytest.mark.parametrize(("committed", "sealed", "start"), [(9, 2, 2), (1, 2, 1), (2, 2, 2)])
def test_a_committed_offset_lets_more_be_read_again_and_never_less(
    committed: int, sealed: int, start: int
):
    consumer = Consumer(10)
    consumer.offset = committed
    reader = an_intake(consumer)

    assert reader.seek(sealed) == start
    assert polled(reader) == [start, start + 1, start + 2]


def test_nothing_is_read_ahead_while_there_are_few_records():
    consumer = Consumer(2)
    reader = an_intake(consumer)
    polled(reader)
    consumer.count = 5

    assert polled(reader) == [2, 3, 4]


def test_a_loss_that_is_found_ahead_is_raised_at_the_next_records():
    reader = an_intake(Consumer(8, error_at=4))

    assert polled(reader) == [0, 1, 2]
    with pytest.raises(CannotContinue):
        reader.poll()

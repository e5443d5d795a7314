"""What the broker lost and the tables have is published again; what it has is left alone."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from infra.topics import Partition
from schemas.catalogue import AUDIT_INTAKE, topic_of
from schemas.codec import encode
from schemas.models import Fact
from streams.kafka.messages import Incoming, Outgoing
from streams.storage.memory import MemoryStorage
from streams.topology import TRACKER_INPUTS
from streams.tracker.lost_messages import OWN, repair
from streams.tracker.process_manager import ProcessManager
from streams.tracker.queries import query
from tests.support.line_facts import Delivery

RECEIVED, ACCEPTED = topic_of("BatchReceived").name, topic_of("BatchAccepted").name


class Tables:
    """Stands for a process manager with facts and offsets in its tables."""

    def __init__(self, offsets: dict[Partition, int], facts: Sequence[tuple[Fact, Any, Any]]):
        self.offsets = offsets
        self.rows = sorted(
            (fact.head.event_id, encode(fact), partition, offset, type(fact).__name__)
            for fact, partition, offset in facts
        )
        self.open_work: list[tuple[str]] = []
        self.published: list[Outgoing] = []
        self.ends: Mapping[Partition, int] = {}
        self.conn = self

    def execute(self, text: object, values: Mapping[str, Any] | None = None) -> Any:
        """The rows of the two queries."""
        if text == query("open_work"):
            return self.open_work
        assert values is not None
        self._found = [row for row in self.rows if row[0] > values["after"]][: values["limit"]]
        return self

    def fetchall(self) -> list[Any]:
        """The rows found."""
        return self._found

    def next_offsets(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        """The offsets of these partitions."""
        return {at: self.offsets.get(at, 0) for at in partitions}

    def publish_again(
        self, ends: Mapping[Partition, int], messages: Iterable[Outgoing], *, last: bool
    ) -> None:
        """Keep what is published."""
        self.published += messages
        self.ends = ends if last else self.ends


class Broker:
    """Topics of one partition that end where it is told; the tracker's own hold these facts."""

    def __init__(self, ends: dict[Partition, int], own: Sequence[Fact] = ()) -> None:
        self._ends, self._own = ends, own

    def partitions(self, names: Sequence[str]) -> list[Partition]:
        """One of each topic."""
        return [(name, 0) for name in names]

    def ends(self, partitions: Collection[Partition]) -> dict[Partition, int]:
        """The ends of these partitions."""
        return {at: self._ends.get(at, 0) for at in partitions}

    def read_to_the_end(self, offsets: Mapping[Partition, int]) -> Iterator[list[Incoming]]:
        """The tracker's own facts."""
        assert {name for name, _ in offsets} == set(OWN)
        yield [Incoming("t", 0, 0, b"k", encode(fact), {}) for fact in self._own]


def repaired(tables: Tables, broker: Broker) -> bool:
    """Whether a repair was needed."""
    return repair(cast("ProcessManager", tables), broker)


@pytest.fixture
def delivery(tmp_path: Path) -> Delivery:
    """A batch as the line would see it."""
    return Delivery(MemoryStorage(tmp_path), "b-1", {"b-1.vol": 2})


def topics(published: Sequence[Outgoing]) -> list[str]:
    """The topics of the messages but the PREMIS events."""
    return [message.topic for message in published if message.topic != AUDIT_INTAKE.name]


def test_nothing_is_done_when_every_topic_reaches_the_offsets():
    at = (RECEIVED, 0)
    tables = Tables({at: 3}, [])

    assert not repaired(tables, Broker({at: 3}))
    assert not tables.published


def test_facts_beyond_the_end_are_published_again_with_their_bytes(delivery: Delivery):
    first, second = delivery.received(), delivery.accepted()
    tables = Tables({(RECEIVED, 0): 8, (ACCEPTED, 0): 3}, [(first, 0, 7), (second, 0, 2)])

    assert repaired(tables, Broker({(RECEIVED, 0): 7, (ACCEPTED, 0): 3}))

    assert topics(tables.published) == [RECEIVED]
    assert encode(first) in [message.value for message in tables.published]
    assert tables.ends == {(RECEIVED, 0): 7}


def test_the_events_of_every_fact_go_to_the_sealer_again(delivery: Delivery):
    facts = [delivery.received(), delivery.accepted()]
    tables = Tables({(RECEIVED, 0): 8}, [(fact, 0, n) for n, fact in enumerate(facts)])

    repaired(tables, Broker({(RECEIVED, 0): 7}))

    events = [message for message in tables.published if message.topic == AUDIT_INTAKE.name]
    assert len(events) >= len(facts)


def test_open_work_is_published_again_though_its_topic_has_it(delivery: Delivery):
    received = delivery.received()
    tables = Tables({(RECEIVED, 0): 1, (ACCEPTED, 0): 9}, [(received, 0, 0)])
    tables.open_work = [(received.head.event_id,)]

    repaired(tables, Broker({(RECEIVED, 0): 1, (ACCEPTED, 0): 8}))

    assert topics(tables.published) == [RECEIVED]


def test_every_input_of_the_tracker_is_compared():
    for name in TRACKER_INPUTS:
        tables = Tables({(name, 0): 5}, [])

        assert repaired(tables, Broker({(name, 0): 4}))
        assert tables.ends == {(name, 0): 4}

"""The sealer, with a broker in memory: what it holds back of its index is known to it."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Message

from schemas.models import Producer as MadeBy
from streams.sealer.clients import SealerTopics
from streams.sealer.event_index import EventIndex, Position
from streams.sealer.intake import BATCH
from streams.sealer.log_requests import LogRequests
from streams.sealer.role import PRODUCER_NAME, Sealer, SealerAdapters
from streams.sealer.sealed_log import SealedLog, open_sealed_log
from streams.sealer.signing import FOLDER, SigningKeys, open_checkpoints
from streams.sealer.validation import ReadRecord, read_record
from streams.transparency_log.merkle import leaf_hashes, root_of
from streams.verification.index_comparison import verify_index
from tests.support.audit_log import an_event, delivery


@dataclass
class MemoryProducer:
    """Gives offsets as the broker does: one for each record, and one for the end of each
    transaction."""

    end: int = 0
    sent: list[tuple[Callable[[None, Message], None], int]] = field(default_factory=list)

    def begin_transaction(self) -> None:
        self.sent = []

    def produce(
        self, topic: str, on_delivery: Callable[[None, Message], None], **fields: Any
    ) -> None:
        self.sent.append((on_delivery, self.end))
        self.end += 1

    def send_offsets_to_transaction(self, *_: object) -> None:
        pass

    def commit_transaction(self, _: float) -> None:
        for delivered, offset in self.sent:
            delivered(None, Message(topic="premis", partition=0, offset=offset))
        self.end += 1


class MemoryConsumer:
    """A consumer of the intake that is asked for its group only."""

    def consumer_group_metadata(self) -> None:
        pass

    def close(self) -> None:
        pass


class NoWitness:
    """Publishes no checkpoint."""

    def publish(self, size: int, checkpoint: bytes, proofs: bytes) -> None:
        pass

    def close(self) -> None:
        pass


@pytest.fixture
def index(tmp_path: Path) -> EventIndex:
    return EventIndex(tmp_path / "audit" / "index.db")


@pytest.fixture
def stopping() -> threading.Event:
    return threading.Event()


@pytest.fixture
def sealed(tmp_path: Path) -> SealedLog:
    return open_sealed_log(tmp_path / "audit" / FOLDER)


@pytest.fixture
def sealer(
    tmp_path: Path, index: EventIndex, sealed: SealedLog, stopping: threading.Event
) -> Sealer:
    (tmp_path / "run").mkdir()
    folder = tmp_path / "audit"
    adapters: dict[str, Any] = {
        "producer": MemoryProducer(),
        "consumer": MemoryConsumer(),
        "open_log": None,
        "index": index,
        "sealed": sealed,
        "checkpoints": open_checkpoints(tmp_path, NoWitness()),
        "keys": SigningKeys(tmp_path),
        "requests": LogRequests(tmp_path),
        "anomalies": folder / "anomalies",
        "wait_for": lambda _: None,
    }
    made_by = MadeBy(name=PRODUCER_NAME, version="1")
    return Sealer(SealerAdapters(**adapters), SealerTopics(), made_by, stopping)


def records(first: int, count: int) -> list[ReadRecord]:
    """Records of the intake, as they are read."""
    found = []
    for number in range(first, first + count):
        key, value = delivery(an_event(number))
        fields = {"key": key, "value": value, "timestamp": (1, 1_770_000_000_000)}
        found.append(read_record(Message(topic="intake", partition=0, offset=number, **fields)))
    return found


def test_events_are_sealed_once_while_their_index_is_held_in_memory(
    sealer: Sealer, index: EventIndex, sealed: SealedLog, tmp_path: Path
):
    file, folder = tmp_path / "audit" / "index.db", tmp_path / "audit" / FOLDER

    sealer.seal(records(0, BATCH))
    sealer.seal(records(BATCH // 2, BATCH))
    written_meanwhile = EventIndex(file).position()
    sealer.seal(records(BATCH, BATCH // 2 + 10))

    assert written_meanwhile == Position(0, 0, 0)
    count = BATCH * 3 // 2 + 10
    assert [one.seq for one in EventIndex(file).all()] == list(range(count))
    assert index.position() == EventIndex(file).position()
    sealed.store.close()
    log = open_sealed_log(folder)
    assert log.size == count
    assert root_of(leaf_hashes(list(log.store.leaves()))) == log.store.root()
    assert verify_index(file, log.store.tree(), folder) is None


def test_the_index_is_written_when_no_records_follow_a_full_batch(
    sealer: Sealer,
    stopping: threading.Event,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    file = EventIndex(tmp_path / "audit" / "index.db")
    positions: list[int] = []
    parts = iter([records(0, BATCH), [], []])

    def poll() -> list[ReadRecord]:
        positions.append(file.position().next_seq)
        if len(positions) == 3:
            stopping.set()
        return next(parts)

    monkeypatch.setattr(sealer, "poll", poll)
    sealer.run()

    assert positions == [0, 0, BATCH]

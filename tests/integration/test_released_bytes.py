"""What the tracker cannot read is kept byte for byte, and read again from the same bytes when it is
released."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas import ids
from schemas.catalogue import redone_topic, topic_of
from schemas.codec import Undecodable, decode, encode
from schemas.models import ControlDecided, Record, WorkQuarantined
from streams.kafka.messages import Incoming
from streams.storage.memory import MemoryStorage
from streams.tracker import process_manager as tracker_line
from streams.tracker.process_manager import ProcessManager
from streams.tracker.rebuild import dump, store_decided
from streams.tracker.unit_of_work import Connection
from tests.core_machine.database import Databases, running_databases
from tests.support.line_facts import Delivery, Log, a_request

ACQUIRED = topic_of("PageAcquired").name
RELEASED = redone_topic("intake")
PAGE = "vol-1:0001"


@pytest.fixture(scope="module")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    with running_databases(tmp_path_factory.mktemp("released")) as running:
        yield running


class Bench:
    """A tracker that reads what it once could not, and what one would see of it."""

    def __init__(self, conn: Connection, folder: Path) -> None:
        self.conn, self.storage, self.log = conn, MemoryStorage(folder), Log()
        self.line = ProcessManager(conn, self.storage, "1")
        self.line.fence()
        self.read: list[Incoming] = []
        self.batch = Delivery(self.storage, "b-1", {"vol-1": 1})
        self.take(self.batch.received(), self.batch.accepted(), self.batch.registered("vol-1"))

    def take(self, *facts: Record) -> None:
        self.take_messages(*self.log(*facts))

    def take_messages(self, *messages: Incoming) -> None:
        self.read += messages
        self.line.take(messages)

    def outbox(self, topic: str) -> list[Incoming]:
        """What the relay would publish there, as it would be read."""
        rows = self.conn.execute(
            "SELECT key, headers, value FROM line.outbox WHERE topic = %s ORDER BY id", [topic]
        )
        return [
            Incoming(topic, 0, offset, key.encode(), value, {n: t.encode() for n, t in headers})
            for offset, (key, headers, value) in enumerate(rows)
        ]

    def told(self, kind: type[Record]) -> list[Record]:
        return [decode(one.value) for one in self.outbox(topic_of(kind.__name__).name)]

    def release(self, record: WorkQuarantined) -> Incoming:
        """Release a record; gives what is sent to be read again."""
        self.take(a_request("release", f"quarantine:{record.head.event_id}"))
        return self.outbox(RELEASED)[-1]

    def steps_done(self) -> list[str]:
        return [step for (step,) in self.conn.execute("SELECT step FROM line.page_branches")]

    def record_states(self) -> list[str]:
        rows = self.conn.execute("SELECT state FROM line.quarantine ORDER BY occurred_at")
        return [state for (state,) in rows]


@pytest.fixture
def bench(databases: Databases, tmp_path: Path) -> Iterator[Bench]:
    with databases.fresh() as name, databases.connect(name) as conn:
        yield Bench(conn, tmp_path)


def knows_no_pages(value: bytes | None, expected: type[Record] | None = None) -> Record:
    """An older decoder, to which the schema of an acquired page is not known."""
    fact = decode(value, expected)
    if type(fact).__name__ == "PageAcquired":
        raise Undecodable("schema 9 is not known")
    return fact


def set_aside(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> tuple[bytes, WorkQuarantined]:
    """The bytes of a fact that was not understood when it came, and its record."""
    value = encode(bench.batch.acquired(PAGE))
    with monkeypatch.context() as older:
        older.setattr(tracker_line, "decode", knows_no_pages)
        bench.take_messages(bench.log.raw(ACQUIRED, PAGE, value))
    (record,) = bench.told(WorkQuarantined)
    assert isinstance(record, WorkQuarantined)
    return value, record


def test_bytes_that_can_be_read_by_now_take_effect_when_they_are_released(bench, monkeypatch):
    value, record = set_aside(bench, monkeypatch)
    before = bench.steps_done()

    sent = bench.release(record)
    bench.take_messages(sent)

    assert (record.code, bench.storage.read(record.files[0])) == ("message.undecodable", value)
    assert (sent.value, sent.key) == (value, PAGE.encode())
    assert sent.header("step") == "tracker"
    assert sent.header("cause") == bench.told(ControlDecided)[0].head.event_id
    assert (before, bench.steps_done()) == ([], ["acquire_page"])
    assert bench.record_states() == ["released"]


def test_bytes_that_still_cannot_be_read_are_set_aside_again_and_nothing_is_lost(bench):
    bench.take_messages(bench.log.raw(ACQUIRED, "k", b"\x01garbage"))
    (first,) = bench.told(WorkQuarantined)

    bench.take_messages(bench.release(first))
    second = bench.told(WorkQuarantined)[1]
    bench.take_messages(bench.release(second))

    third = bench.told(WorkQuarantined)[2]
    assert len({record.head.event_id for record in (first, second, third)}) == 3
    assert {record.origin.topic for record in (first, second, third)} == {ACQUIRED}
    assert bench.storage.read(third.files[0]) == b"\x01garbage"
    assert sorted(bench.record_states()) == ["open", "released", "released"]


def test_a_fact_on_a_topic_of_others_is_kept_and_not_believed_when_released(bench):
    foreign = encode(bench.batch.recognized(PAGE))
    bench.take_messages(bench.log.raw(ACQUIRED, PAGE, foreign))
    (record,) = bench.told(WorkQuarantined)

    sent = bench.release(record)
    bench.take_messages(sent)

    assert sent.value == foreign
    assert bench.steps_done() == []
    assert "PageRecognized where a PageAcquired belongs" in bench.told(WorkQuarantined)[1].found


def test_what_is_sent_to_the_router_is_not_the_trackers(bench):
    headers = {"step": b"router", "release": ids.make_id("x").encode()}

    bench.take_messages(Incoming(RELEASED, 0, 0, b"k", b"no fact", headers))

    assert bench.told(WorkQuarantined) == []


@pytest.mark.parametrize("place", [{}, {"topic": b"t", "partition": b"x", "offset": b"1"}])
def test_a_message_that_pretends_to_be_released_is_set_aside_and_the_line_goes_on(bench, place):
    pretended = Incoming(RELEASED, 0, 0, b"k", b"no fact", {"step": b"tracker", **place})

    bench.take_messages(pretended, *bench.log(bench.batch.acquired(PAGE)))

    (record,) = bench.told(WorkQuarantined)
    assert record.origin.topic == RELEASED
    assert bench.steps_done() == ["acquire_page"]


def test_a_rebuild_reads_released_bytes_and_does_not_send_them_again(bench, monkeypatch):
    _, record = set_aside(bench, monkeypatch)
    sent = bench.release(record)
    bench.take_messages(sent)
    own = ("PageAdmitted", "ItemCompleted", "BatchSettled", "ControlDecided", "WorkQuarantined")
    told = [one for name in own for one in bench.outbox(topic_of(name).name)]
    before = dump(bench.conn)

    bench.line.forget()
    store_decided(bench.conn, [*told, sent])
    quarantined = topic_of("WorkQuarantined").name
    bench.line.take(bench.read, decide=False)
    bench.line.take([one for one in told if one.topic == quarantined], decide=False)
    bench.line.finish_rebuild()

    assert dump(bench.conn) == before
    assert bench.outbox(RELEASED) == []

"""The tracker's tables on a real PostgreSQL: duplicates, any order, zombies, one decision for each."""

import itertools
import json
import random
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from infra.migrate import migrate
from schemas import ids
from schemas.catalogue import AUDIT_INTAKE, redone_topic, topic_of
from schemas.codec import decode
from schemas.models import (
    BatchSettled,
    ControlDecided,
    ItemCompleted,
    PageAdmitted,
    Record,
    WorkQuarantined,
)
from streams.execution.facts import utc_now
from streams.kafka.messages import Incoming
from streams.storage.memory import MemoryStorage
from streams.tracker.process_manager import ProcessManager, Superseded
from streams.tracker.rebuild import dump, store_decided, tell_events_again
from tests.support.line_facts import Delivery, Log, a_request
from tests.support.parts import Parts

NUMBERS = itertools.count()
Connect = Callable[[], psycopg.Connection[Any]]


@pytest.fixture
def connect(parts: Parts) -> Iterator[Connect]:
    """Opens connections of the tracker's to one fresh database."""
    name = f"line_{next(NUMBERS)}"
    with psycopg.connect(parts.dsn(), autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {name}".encode())
    migrate(parts.database.dsn("postgres", name))
    opened: list[psycopg.Connection[Any]] = []

    def open_one() -> psycopg.Connection[Any]:
        opened.append(psycopg.connect(parts.database.dsn("tracker", name), autocommit=True))
        return opened[-1]

    yield open_one
    for conn in opened:
        conn.close()
    with psycopg.connect(parts.dsn(), autocommit=True) as conn:
        conn.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def storage(tmp_path: Path) -> MemoryStorage:
    return MemoryStorage(tmp_path)


class Bench:
    """A line, and what one would see of it."""

    def __init__(self, connect: Connect, storage: MemoryStorage, pool_size: int = 1000) -> None:
        self.conn = connect()
        self.line = ProcessManager(self.conn, storage, "1", pool_size)
        self.line.open()
        self.log = Log()

    def take(self, *facts: Record) -> None:
        self.line.take(self.log(*facts))

    def told(self, kind: type[Record]) -> list[Any]:
        """Facts of a record that stand in the outbox, in order."""
        rows = self.conn.execute(
            "SELECT value FROM line.outbox WHERE topic = %s ORDER BY id",
            [topic_of(kind.__name__).name],
        )
        return [decode(value) for (value,) in rows]

    def counts(self, batch_id: str) -> dict[str, Any]:
        columns = "state, registered, packaged, quarantined, cancelled, in_flight"
        row = self.conn.execute(
            f"SELECT {columns} FROM line.batch_status WHERE batch_id = %s".encode(), [batch_id]
        ).fetchone()
        assert row is not None
        return dict(zip(columns.split(", "), row, strict=True))

    def states(self, table: str, key: str) -> dict[str, str]:
        return dict(self.conn.execute(f"SELECT {key}, state FROM line.{table}".encode()).fetchall())

    def law_holds(self) -> bool:
        broken = self.conn.execute(
            "SELECT count(*) FROM line.batch_status"
            " WHERE registered <> packaged + quarantined + cancelled + in_flight"
        ).fetchone()
        return broken == (0,)


def test_a_batch_that_goes_well_is_admitted_completed_packaged_and_settled(connect, storage):
    bench, batch = Bench(connect, storage), Delivery(storage, "b-1", {"vol-1": 2, "vol-2": 1})

    bench.take(batch.received())
    submitted = bench.counts("b-1")["state"]
    bench.take(batch.accepted())
    announced = bench.counts("b-1")
    bench.take(*(batch.registered(item) for item in batch.items))
    admitted = bench.told(PageAdmitted)
    pages = [page for item in batch.items for page in batch.pages(item)]
    bench.take(*(batch.acquired(page) for page in pages))
    bench.take(*(batch.recognized(page) for page in pages))
    completed = bench.told(ItemCompleted)
    bench.take(*(batch.published(item) for item in batch.items))
    settled = bench.told(BatchSettled)

    assert submitted == "submitted"
    assert (announced["state"], announced["in_flight"]) == ("running", 3)
    assert sorted(fact.head.page_id for fact in admitted) == pages
    assert {fact.head.item_id for fact in completed} == {"vol-1", "vol-2"}
    assert bench.counts("b-1") == {
        "state": "settled",
        "registered": 3,
        "packaged": 3,
        "quarantined": 0,
        "cancelled": 0,
        "in_flight": 0,
    }
    assert [fact.head.event_id for fact in settled] == [ids.make_id("b-1", 1, "BatchSettled")]
    assert settled[0].packaged == 3


def test_the_item_record_holds_the_facts_of_all_pages_in_order(connect, storage):
    bench, batch = Bench(connect, storage), Delivery(storage, "b-1", {"vol-1": 2})
    bench.take(*(fact for fact in batch.everything() if type(fact).__name__ != "PackagePublished"))

    (completed,) = bench.told(ItemCompleted)
    files = {file.use: file for file in completed.files}
    record = json.loads(storage.read(files["item-record"]))

    assert [fact["record"] for fact in record["facts"]] == [
        "BatchAccepted",
        "ItemRegistered",
        *("PageAdmitted", "PageAcquired", "PageRecognized"),
        *("PageAdmitted", "PageAcquired", "PageRecognized"),
    ]
    assert record["page_list"] == files["page-list"].model_dump(mode="json")
    assert completed.head.cause_id == batch.registered_id("vol-1")
    latest = max(fact["fact"]["head"]["occurred_at"] for fact in record["facts"])
    assert completed.head.occurred_at.isoformat().replace("+00:00", "Z") == latest


def a_mixed_world(storage: MemoryStorage) -> list[Record]:
    """Three batches: one fine with a missing page and captures, one with faults, one refused."""
    fine = Delivery(
        *(storage, "b-fine", {"f-1": 3, "f-2": 2}),
        missing=frozenset({"f-1:0002"}),
        captured=True,
    )
    faulty = Delivery(storage, "b-faulty", {"q-1": 3, "q-2": 1, "q-3": 1})
    refused = Delivery(storage, "b-refused", {"r-1": 1})
    facts = fine.everything()
    facts += [faulty.received(), faulty.accepted()]
    facts += [faulty.registered(item) for item in faulty.items]
    facts += [faulty.page_quarantined("q-1:0001", "acquire_page")]
    facts += [faulty.acquired("q-1:0002"), faulty.recognized("q-1:0002")]
    facts += [faulty.acquired("q-1:0003")]
    facts += [faulty.page_quarantined("q-1:0003", "recognize_page")]
    facts += [faulty.acquired("q-2:0001"), faulty.recognized("q-2:0001")]
    facts += [faulty.item_quarantined("q-2")]
    facts += [faulty.acquired("q-3:0001"), faulty.recognized("q-3:0001")]
    facts += [faulty.page_quarantined("q-3:0001", "describe_page", required=False)]
    facts += [faulty.published("q-3"), faulty.receipt("q-3", accepted=False)]
    facts += [refused.received(), refused.batch_quarantined()]
    return facts


def run_in_order(bench: Bench, facts: list[Record], chance: random.Random) -> None:
    """Feed facts in portions of random size; the law must hold after each transaction."""
    left = list(facts)
    while left:
        size = chance.randint(1, 9)
        portion, left = left[:size], left[size:]
        bench.take(*portion)
        assert bench.law_holds()


def test_duplicates_and_any_order_end_in_the_same_rows_and_one_decision_each(connect, storage):
    facts = a_mixed_world(storage)
    straight = Bench(connect, storage)
    run_in_order(straight, facts, random.Random(0))
    expected, told = dump(straight.conn), told_ids(straight)
    assert straight.counts("b-fine")["state"] == "settled"
    assert straight.counts("b-faulty")["quarantined"] == 4
    assert straight.counts("b-faulty")["packaged"] == 1
    assert straight.counts("b-refused")["state"] == "quarantined"

    bench = straight
    for seed in range(1, 7):
        chance = random.Random(seed)
        mixed = facts + chance.sample(facts, len(facts) // 2)
        chance.shuffle(mixed)
        bench.line.forget()
        bench = Bench(lambda: straight.conn, storage)
        run_in_order(bench, mixed, chance)

        assert dump(bench.conn) == expected, f"seed {seed}"
        assert told_ids(bench) == told, f"seed {seed}"


def told_ids(bench: Bench) -> list[tuple[str, str]]:
    kinds: tuple[type[Record], ...] = (PageAdmitted, ItemCompleted, BatchSettled, WorkQuarantined)
    return sorted(
        (kind.__name__, fact.head.event_id) for kind in kinds for fact in bench.told(kind)
    )


def test_every_fact_of_the_trackers_goes_out_with_its_premis_events(connect, storage):
    bench, batch = Bench(connect, storage), Delivery(storage, "b-1", {"vol-1": 1})
    bench.take(*batch.everything())

    rows = bench.conn.execute("SELECT topic, key, value FROM line.outbox").fetchall()
    facts = {decode(value).head.event_id for topic, _, value in rows if topic != AUDIT_INTAKE.name}
    events = [decode(value) for topic, _, value in rows if topic == AUDIT_INTAKE.name]

    assert len(facts) == 3
    assert {event.head.cause_id for event in events} == facts


def test_an_item_is_held_only_when_all_its_pages_have_ended_or_are_quarantined(connect, storage):
    bench, batch = Bench(connect, storage), Delivery(storage, "b-1", {"vol-1": 2})
    bench.take(batch.received(), batch.accepted(), batch.registered("vol-1"))

    bench.take(batch.page_quarantined("vol-1:0001", "acquire_page"))
    while_running = bench.states("items", "item_id"), bench.counts("b-1")
    bench.take(batch.acquired("vol-1:0002"), batch.recognized("vol-1:0002"))
    at_rest = bench.states("items", "item_id"), bench.counts("b-1")

    assert while_running[0] == {"vol-1": "running"}
    assert (while_running[1]["quarantined"], while_running[1]["in_flight"]) == (1, 1)
    assert at_rest[0] == {"vol-1": "held"}
    assert (at_rest[1]["quarantined"], at_rest[1]["state"]) == (2, "settled")


def test_work_that_was_done_after_all_closes_its_quarantine_record(connect, storage):
    bench, batch = Bench(connect, storage), Delivery(storage, "b-1", {"vol-1": 1})
    bench.take(batch.received(), batch.accepted(), batch.registered("vol-1"))
    bench.take(batch.acquired("vol-1:0001"), batch.page_quarantined("vol-1:0001", "recognize_page"))

    bench.take(batch.recognized("vol-1:0001"))

    assert list(bench.states("quarantine", "quarantine_id").values()) == ["superseded"]
    assert bench.states("items", "item_id") == {"vol-1": "completed"}


def test_a_second_digest_under_a_known_batch_id_is_refused_and_the_first_goes_on(connect, storage):
    bench, first = Bench(connect, storage), Delivery(storage, "b-1", {"vol-1": 1})
    other = Delivery(storage, "b-1", {"vol-1": 1, "vol-2": 1}, manifest="m2")
    bench.take(first.received(), other.received())

    bench.take(other.accepted(), other.registered("vol-2"), *first.everything())

    (refusal,) = bench.told(WorkQuarantined)
    assert (refusal.code, refusal.origin.event_id) == ("batch.id-taken", other.received_id)
    assert bench.states("items", "item_id") == {"vol-1": "packaged"}
    assert bench.counts("b-1")["state"] == "settled"


def test_a_second_delivery_of_an_item_is_refused_without_regard_to_case(connect, storage):
    bench, first = Bench(connect, storage), Delivery(storage, "b-1", {"vol-1": 1})
    second = Delivery(storage, "b-2", {"VOL-1": 2, "vol-9": 1}, manifest="m2")
    bench.take(*first.everything())

    bench.take(*second.everything())

    (refusal,) = bench.told(WorkQuarantined)
    assert (refusal.code, refusal.head.item_id) == ("item.already-delivered", "VOL-1")
    counts = bench.counts("b-2")
    assert (counts["packaged"], counts["quarantined"], counts["in_flight"]) == (1, 2, 0)
    assert counts["state"] == "settled"


def test_deferred_work_goes_to_its_lane_untouched_and_once(connect, storage):
    bench, batch = Bench(connect, storage), Delivery(storage, "b-1", {"vol-1": 1})
    bench.take(batch.received(), batch.accepted(), batch.registered("vol-1"))
    deferral = batch.deferred("vol-1:0001", 1)

    bench.take(deferral, deferral)

    rows = bench.conn.execute(
        "SELECT key, headers, value, not_before FROM line.outbox WHERE topic = %s",
        [redone_topic("text")],
    ).fetchall()
    assert len(rows) == 1
    key, headers, value, not_before = rows[0]
    assert (key, value) == ("vol-1:0001", deferral.value)
    assert dict(headers) == {
        "step": "recognize_page",
        "attempt": "2",
        "deferral": deferral.head.event_id,
    }
    assert not_before >= deferral.head.occurred_at


def test_a_worker_whose_clock_is_days_ahead_does_not_make_its_work_wait_for_days(connect, storage):
    bench, batch = Bench(connect, storage), Delivery(storage, "b-1", {"vol-1": 1})
    bench.take(batch.received(), batch.accepted(), batch.registered("vol-1"))
    deferral = batch.deferred("vol-1:0001", 1)
    ahead = deferral.head.model_copy(update={"occurred_at": utc_now() + timedelta(days=3)})

    bench.take(deferral.model_copy(update={"head": ahead}))

    row = bench.conn.execute(
        "SELECT not_before FROM line.outbox WHERE topic = %s", [redone_topic("text")]
    ).fetchone()
    assert row[0] < utc_now() + timedelta(minutes=1)


def test_after_the_last_attempt_the_page_is_quarantined_by_the_tracker(connect, storage):
    bench, batch = Bench(connect, storage), Delivery(storage, "b-1", {"vol-1": 1})
    bench.take(batch.received(), batch.accepted(), batch.registered("vol-1"))
    bench.take(batch.acquired("vol-1:0001"))

    bench.take(*(batch.deferred("vol-1:0001", attempt) for attempt in (1, 2, 3)))
    (given_up,) = bench.told(WorkQuarantined)
    bench.take(given_up)

    assert (given_up.code, given_up.step, given_up.attempts) == (
        "work.tool-hung",
        "recognize_page",
        3,
    )
    assert given_up.required
    assert bench.counts("b-1")["quarantined"] == 1
    assert bench.states("items", "item_id") == {"vol-1": "held"}


def test_bytes_that_are_no_fact_are_set_aside_and_the_line_goes_on(connect, storage):
    bench, batch = Bench(connect, storage), Delivery(storage, "b-1", {"vol-1": 1})
    topic = topic_of("PageAcquired").name
    poison = bench.log.raw(topic, "k", b"\x01garbage")

    bench.line.take([*bench.log(batch.received()), poison, *bench.log(batch.accepted())])

    (refusal,) = bench.told(WorkQuarantined)
    assert refusal.code == "message.undecodable"
    assert storage.read(refusal.files[0]) == b"\x01garbage"
    assert bench.counts("b-1")["state"] == "running"


def test_a_fact_that_postgres_cannot_hold_is_set_aside_alone(connect, storage):
    bench, batch = Bench(connect, storage), Delivery(storage, "b-1", {"vol-1": 1})
    capture = batch.captured_fact("vol-1:0001")
    poison = capture.model_copy(update={"capture_id": "nul\0"})

    bench.take(batch.received(), poison, batch.accepted())

    assert [fact.code for fact in bench.told(WorkQuarantined)] == ["message.undecodable"]
    assert bench.counts("b-1")["state"] == "running"


def test_a_page_list_that_is_gone_refuses_the_item_and_not_the_line(connect, storage):
    bench, batch = Bench(connect, storage), Delivery(storage, "b-1", {"vol-1": 1})
    registered = batch.registered("vol-1")
    del storage.objects[registered.files[0].key]

    bench.take(batch.received(), batch.accepted(), registered)

    (refusal,) = bench.told(WorkQuarantined)
    assert refusal.code == "item.page-list-unfit"
    assert bench.counts("b-1")["quarantined"] == 1


def test_the_window_bounds_what_is_at_work(connect, storage):
    bench = Bench(connect, storage, pool_size=1)
    batch = Delivery(storage, "b-1", {"vol-1": 5})

    bench.take(batch.received(), batch.accepted(), batch.registered("vol-1"))
    at_first = len(bench.told(PageAdmitted))
    bench.take(batch.acquired("vol-1:0001"), batch.recognized("vol-1:0001"))

    assert (at_first, len(bench.told(PageAdmitted))) == (2, 3)


def test_a_zombie_can_neither_commit_nor_decide(connect, storage):
    bench, batch = Bench(connect, storage), Delivery(storage, "b-1", {"vol-1": 1})
    bench.take(batch.received())
    successor = ProcessManager(connect(), storage, "1")
    successor.fence()
    before = dump(bench.conn)

    with pytest.raises(Superseded):
        bench.take(batch.accepted())
    with pytest.raises(Superseded):
        bench.line.take([])

    assert dump(bench.conn) == before


def test_an_offset_that_another_moved_stops_the_turn(connect, storage):
    bench, batch = Bench(connect, storage), Delivery(storage, "b-1", {"vol-1": 1})
    bench.take(batch.received())
    bench.conn.execute("UPDATE line.offsets SET next_offset = 7")

    with pytest.raises(Superseded):
        bench.take(batch.received())


def test_only_one_tracker_gets_the_lock(connect, storage):
    Bench(connect, storage)
    second = ProcessManager(connect(), storage, "1")
    stop = threading.Event()
    stop.set()

    assert second.open(stop) is False


def test_a_person_pauses_resumes_and_cancels_a_batch_and_is_always_answered(connect, storage):
    bench = Bench(connect, storage, pool_size=1)
    batch = Delivery(storage, "b-1", {"vol-1": 1, "vol-2": 4})
    bench.take(batch.received(), batch.accepted())
    bench.take(a_request("pause", "batch:b-1"))
    bench.take(*(batch.registered(item) for item in batch.items))
    while_paused = bench.counts("b-1")["state"], len(bench.told(PageAdmitted))

    bench.take(a_request("resume", "batch:b-1"))
    bench.take(batch.acquired("vol-1:0001"), batch.recognized("vol-1:0001"))
    bench.take(a_request("cancel", "batch:b-1"))
    bench.take(a_request("release", "batch:b-1"))
    bench.take(batch.published("vol-1"))

    assert while_paused == ("paused", 0)
    answers = {fact.action: (fact.granted, fact.code) for fact in bench.told(ControlDecided)}
    assert answers["cancel"] == (True, None)
    assert answers["release"] == (False, "control.subject-unfit")
    counts = bench.counts("b-1")
    assert (counts["packaged"], counts["cancelled"], counts["in_flight"]) == (1, 4, 0)
    assert (counts["state"], len(bench.told(BatchSettled))) == ("cancelled", 1)


def an_eventful_life(bench: Bench, storage: MemoryStorage) -> list[Incoming]:
    """Everything that makes the tracker decide something; returns all that it read."""
    good = Delivery(storage, "b-1", {"vol-1": 2, "vol-2": 2})
    other = Delivery(storage, "b-1", {"vol-9": 1}, manifest="m2")
    again = Delivery(storage, "b-2", {"Vol-1": 1, "vol-3": 1})
    dropped = Delivery(storage, "b-3", {"vol-4": 2})
    read = bench.log(*good.everything(), other.received(), *again.everything())
    read += bench.log(dropped.received(), dropped.accepted(), dropped.registered("vol-4"))
    read += bench.log(dropped.deferred("vol-4:0001", 1), dropped.deferred("vol-4:0002", 1))
    read += bench.log(*(dropped.deferred("vol-4:0001", attempt) for attempt in (2, 3)))
    read += bench.log(a_request("pause", "batch:b-3"), a_request("cancel", "batch:b-3"))
    read += bench.log(a_request("release", "quarantine:x"), good.receipt("vol-1", accepted=False))
    read.append(bench.log.raw(topic_of("PageAcquired").name, "k", b"no fact"))
    for start in range(0, len(read), 5):
        bench.line.take(read[start : start + 5])
    return read


def published(bench: Bench) -> list[Incoming]:
    """What the relay would have published, as messages of the tracker's topics."""
    rows = bench.conn.execute("SELECT topic, key, headers, value FROM line.outbox ORDER BY id")
    offsets: dict[str, int] = {}
    messages = []
    for topic, key, headers, value in rows:
        offset = offsets[topic] = offsets.get(topic, -1) + 1
        named = {name: text.encode() for name, text in headers}
        messages.append(Incoming(topic, 0, offset, key.encode(), value, named))
    return messages


def test_a_rebuild_gives_the_same_rows_and_tells_nothing_again(connect, storage):
    bench = Bench(connect, storage)
    read = an_eventful_life(bench, storage)
    # A retry that was dropped by the cancel was never told; all else was.
    told, before = published(bench), dump(bench.conn)
    own = [one for one in told if one.topic != AUDIT_INTAKE.name]

    bench.line.forget()
    store_decided(bench.conn, own)
    quarantined = topic_of("WorkQuarantined").name
    mixed = [*read, *(one for one in own if one.topic == quarantined)]
    for start in range(0, len(mixed), 7):
        bench.line.take(mixed[start : start + 7], decide=False)
    bench.line.finish_rebuild()

    assert dump(bench.conn) == before
    assert not bench.line.rebuilding
    assert [decode(value) for (value,) in _facts_in_outbox(bench)] == []


def _facts_in_outbox(bench: Bench) -> list[tuple[bytes]]:
    return bench.conn.execute(
        "SELECT value FROM line.outbox WHERE topic NOT LIKE 'digitization.work.redone.%%'"
    ).fetchall()


def test_where_the_outbox_was_lost_the_events_of_all_facts_are_told_again(connect, storage):
    bench, batch = Bench(connect, storage), Delivery(storage, "b-1", {"vol-1": 1})
    bench.take(*batch.everything())
    told = published(bench)
    events = {one.value for one in told if one.topic == AUDIT_INTAKE.name}

    bench.line.forget()
    tell_events_again(bench.conn, [one for one in told if one.topic != AUDIT_INTAKE.name])

    assert {one.value for one in published(bench)} == events


def test_a_retry_that_was_sent_before_a_rebuild_is_not_sent_again(connect, storage):
    bench, batch = Bench(connect, storage), Delivery(storage, "b-1", {"vol-1": 2})
    facts = [batch.received(), batch.accepted(), batch.registered("vol-1")]
    sent, waiting = batch.deferred("vol-1:0001", 1), batch.deferred("vol-1:0002", 1)
    read = bench.log(*facts, sent, waiting)
    bench.line.take(read)
    told = [one for one in published(bench) if one.header("deferral") != waiting.head.event_id]

    bench.line.forget()
    store_decided(bench.conn, [one for one in told if one.topic != AUDIT_INTAKE.name])
    bench.line.take(read, decide=False)
    bench.line.finish_rebuild()

    assert [one.header("deferral") for one in published(bench)] == [waiting.head.event_id]

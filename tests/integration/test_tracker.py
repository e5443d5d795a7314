"""The tracker's tables on a real PostgreSQL: duplicates, any order, zombies, one decision for each."""

import json
import random
import threading
from datetime import timedelta

import pytest

from schemas import ids
from schemas.catalogue import AUDIT_INTAKE, redone_topic, topic_of
from schemas.codec import decode
from schemas.models import (
    BatchSettled,
    ControlDecided,
    Fact,
    ItemCompleted,
    PageAdmitted,
    WorkQuarantined,
)
from streams.execution.facts import utc_now
from streams.kafka.messages import Incoming, Outgoing
from streams.storage.memory import MemoryStorage
from streams.topology import REDONE
from streams.tracker.process_manager import ProcessManager, Superseded
from streams.tracker.rebuild import republish_events
from tests.support.line_facts import Delivery, a_request
from tests.support.tracker_harness import TrackerHarness, portions
from tests.support.tracker_tables import dump


def test_a_batch_that_goes_well_is_admitted_completed_packaged_and_settled(tracker, storage):
    batch = Delivery(storage, "b-1", {"vol-1": 2, "vol-2": 1})

    tracker.process(batch.received())
    submitted = tracker.counts("b-1")["state"]
    tracker.process(batch.accepted())
    announced = tracker.counts("b-1")
    tracker.process(*(batch.registered(item) for item in batch.items))
    admitted = tracker.published(PageAdmitted)
    pages = [page for item in batch.items for page in batch.pages(item)]
    tracker.process(*(batch.acquired(page) for page in pages))
    tracker.process(*(batch.recognized(page) for page in pages))
    completed = tracker.published(ItemCompleted)
    tracker.process(*(batch.published(item) for item in batch.items))
    settled = tracker.published(BatchSettled)

    assert submitted == "submitted"
    assert (announced["state"], announced["in_flight"]) == ("running", 3)
    assert sorted(fact.head.page_id for fact in admitted) == pages
    assert {fact.head.item_id for fact in completed} == {"vol-1", "vol-2"}
    assert tracker.counts("b-1") == {
        "state": "settled",
        "registered": 3,
        "packaged": 3,
        "quarantined": 0,
        "cancelled": 0,
        "in_flight": 0,
    }
    assert [fact.head.event_id for fact in settled] == [ids.make_id("b-1", 1, "BatchSettled")]
    assert settled[0].packaged == 3


def test_the_item_record_holds_the_facts_of_all_pages_in_order(tracker, storage):
    batch = Delivery(storage, "b-1", {"vol-1": 2})
    tracker.process(
        *(fact for fact in batch.everything() if type(fact).__name__ != "PackagePublished")
    )

    (completed,) = tracker.published(ItemCompleted)
    files = {file.use: file for file in completed.files}
    record = json.loads(storage.read(files["item-record"]))

    assert [fact["record"] for fact in record["facts"]] == [
        "BatchAccepted",
        "ItemRegistered",
        *("PageAdmitted", "PageAcquired", "PageRecognized"),
        *("PageAdmitted", "PageAcquired", "PageRecognized"),
    ]
    assert next(iter(record)) == "bag_layout"
    assert record["page_list"] == files["page-list"].model_dump(mode="json")
    assert completed.head.cause_id == batch.registered_id("vol-1")
    latest = max(fact["fact"]["head"]["occurred_at"] for fact in record["facts"])
    assert completed.head.occurred_at.isoformat().replace("+00:00", "Z") == latest


def test_the_item_record_holds_the_history_of_the_item_and_of_its_batch(tracker, storage):
    batch = Delivery(storage, "b-1", {"vol-1": 1, "vol-2": 1})
    page, other = "vol-1:0001", "vol-2:0001"
    tracker.process(batch.received(), batch.accepted())
    tracker.process(*(batch.registered(item) for item in batch.items))
    tracker.process(a_request("pause", "batch:b-1"), a_request("resume", "batch:b-1"))
    tracker.process(batch.acquired(page), batch.acquired(other))
    failed = batch.page_quarantined(page, "recognize_page")
    tracker.process(batch.deferred(page, 1), failed, batch.deferred(other, 1))
    tracker.process(a_request("release", f"quarantine:{failed.head.event_id}"))
    tracker.process(batch.recognized(page), batch.recognized(other))

    records = {}
    for completed in tracker.published(ItemCompleted):
        files = {file.use: file for file in completed.files}
        records[completed.head.item_id] = json.loads(storage.read(files["item-record"]))

    assert [(one["record"], one["fact"].get("action")) for one in records["vol-1"]["releases"]] == [
        ("ControlDecided", "release")
    ]
    histories = {
        item: sorted(
            (one["record"], one["fact"].get("action") or one["fact"]["head"]["page_id"] or "")
            for one in record["history"]
        )
        for item, record in records.items()
    }
    of_batch = [
        ("BatchReceived", ""),
        ("ControlDecided", "pause"),
        ("ControlDecided", "resume"),
    ]
    assert histories == {
        "vol-1": [*of_batch, ("WorkDeferred", page), ("WorkQuarantined", page)],
        "vol-2": [*of_batch, ("WorkDeferred", other)],
    }


def three_batches(storage: MemoryStorage) -> list[Fact]:
    """One batch without faults but with a missing page and captures, one with faults, one refused."""
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


def process_in_portions(tracker: TrackerHarness, facts: list[Fact], chance: random.Random) -> None:
    """Process facts in portions of random size; the counts must add up after each transaction."""
    left = list(facts)
    while left:
        size = chance.randint(1, 9)
        portion, left = left[:size], left[size:]
        tracker.process(*portion)
        assert tracker.counts_add_up()


def decided_ids(tracker: TrackerHarness) -> list[tuple[str, str]]:
    kinds: tuple[type[Fact], ...] = (PageAdmitted, ItemCompleted, BatchSettled, WorkQuarantined)
    return sorted(
        (kind.__name__, fact.head.event_id) for kind in kinds for fact in tracker.published(kind)
    )


def test_duplicates_and_any_order_end_in_the_same_rows_and_one_decision_each(tracker, storage):
    facts = three_batches(storage)
    process_in_portions(tracker, facts, random.Random(0))
    expected, decided = dump(tracker.conn), decided_ids(tracker)
    assert tracker.counts("b-fine")["state"] == "settled"
    assert tracker.counts("b-faulty")["quarantined"] == 4
    assert tracker.counts("b-faulty")["packaged"] == 1
    assert tracker.counts("b-refused")["state"] == "quarantined"

    last = tracker
    for seed in range(1, 7):
        chance = random.Random(seed)
        shuffled = facts + chance.sample(facts, len(facts) // 2)
        chance.shuffle(shuffled)
        last.manager.begin_rebuild()
        last = TrackerHarness(lambda: tracker.conn, storage)
        process_in_portions(last, shuffled, chance)

        assert dump(last.conn) == expected, f"seed {seed}"
        assert decided_ids(last) == decided, f"seed {seed}"


def test_every_fact_of_the_tracker_is_published_with_its_premis_events(tracker, storage):
    batch = Delivery(storage, "b-1", {"vol-1": 1})
    tracker.process(*batch.everything())

    rows = tracker.conn.execute("SELECT topic, key, value FROM line.outbox").fetchall()
    facts = {decode(value).head.event_id for topic, _, value in rows if topic != AUDIT_INTAKE.name}
    events = [decode(value) for topic, _, value in rows if topic == AUDIT_INTAKE.name]

    assert len(facts) == 3
    assert {event.head.cause_id for event in events} == facts


def test_an_item_is_held_only_when_all_its_pages_have_ended_or_are_quarantined(tracker, storage):
    batch = Delivery(storage, "b-1", {"vol-1": 2})
    tracker.process(batch.received(), batch.accepted(), batch.registered("vol-1"))

    tracker.process(batch.page_quarantined("vol-1:0001", "acquire_page"))
    while_running = tracker.states("items", "item_id"), tracker.counts("b-1")
    tracker.process(batch.acquired("vol-1:0002"), batch.recognized("vol-1:0002"))
    at_rest = tracker.states("items", "item_id"), tracker.counts("b-1")

    assert while_running[0] == {"vol-1": "running"}
    assert (while_running[1]["quarantined"], while_running[1]["in_flight"]) == (1, 1)
    assert at_rest[0] == {"vol-1": "held"}
    assert (at_rest[1]["quarantined"], at_rest[1]["state"]) == (2, "settled")


def test_a_late_result_closes_the_quarantine_record_of_its_work(tracker, storage):
    batch = Delivery(storage, "b-1", {"vol-1": 1})
    tracker.process(batch.received(), batch.accepted(), batch.registered("vol-1"))
    tracker.process(
        batch.acquired("vol-1:0001"), batch.page_quarantined("vol-1:0001", "recognize_page")
    )

    tracker.process(batch.recognized("vol-1:0001"))

    assert list(tracker.states("quarantine", "quarantine_id").values()) == ["superseded"]
    assert tracker.states("items", "item_id") == {"vol-1": "completed"}


def test_a_second_manifest_under_a_known_batch_id_is_refused_and_the_first_continues(
    tracker, storage
):
    first = Delivery(storage, "b-1", {"vol-1": 1})
    other = Delivery(storage, "b-1", {"vol-1": 1, "vol-2": 1}, manifest="m2")
    tracker.process(first.received(), other.received())

    tracker.process(other.accepted(), other.registered("vol-2"), *first.everything())

    (refusal,) = tracker.published(WorkQuarantined)
    assert (refusal.code, refusal.origin.event_id) == ("batch.id-taken", other.received_id)
    assert tracker.states("items", "item_id") == {"vol-1": "packaged"}
    assert tracker.counts("b-1")["state"] == "settled"


def test_a_second_delivery_of_an_item_is_refused_whatever_its_case(tracker, storage):
    first = Delivery(storage, "b-1", {"vol-1": 1})
    second = Delivery(storage, "b-2", {"VOL-1": 2, "vol-9": 1}, manifest="m2")
    tracker.process(*first.everything())

    tracker.process(*second.everything())

    (refusal,) = tracker.published(WorkQuarantined)
    assert (refusal.code, refusal.head.item_id) == ("item.already-delivered", "VOL-1")
    counts = tracker.counts("b-2")
    assert (counts["packaged"], counts["quarantined"], counts["in_flight"]) == (1, 2, 0)
    assert counts["state"] == "settled"


def test_deferred_work_is_published_to_its_lane_once_and_unchanged(tracker, storage):
    batch = Delivery(storage, "b-1", {"vol-1": 1})
    tracker.process(batch.received(), batch.accepted(), batch.registered("vol-1"))
    deferral = batch.deferred("vol-1:0001", 1)

    tracker.process(deferral, deferral)

    rows = tracker.conn.execute(
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


def test_a_retry_that_the_broker_lost_is_scheduled_again_and_reading_continues_at_the_end(
    tracker, storage
):
    batch = Delivery(storage, "b-1", {"vol-1": 1})
    tracker.process(batch.received(), batch.accepted(), batch.registered("vol-1"))
    deferral = batch.deferred("vol-1:0001", 1)
    read = tracker.log(deferral)
    tracker.manager.process(read)
    at = (read[0].topic, read[0].partition)
    tracker.conn.execute("DELETE FROM line.outbox")  # all was published, and the broker lost it

    tracker.manager.publish_again({at: 0}, [Outgoing("t", "k", b"v")], last=True)
    tracker.manager.process(read)

    again, retry = tracker.outbox()
    assert (again.topic, again.value) == ("t", b"v")
    assert (retry.topic, retry.header("deferral")) == (redone_topic("text"), deferral.head.event_id)
    assert tracker.manager.next_offsets([at]) == {at: read[0].offset + 1}


def test_a_worker_whose_clock_is_days_ahead_does_not_delay_its_work_by_days(tracker, storage):
    batch = Delivery(storage, "b-1", {"vol-1": 1})
    tracker.process(batch.received(), batch.accepted(), batch.registered("vol-1"))
    deferral = batch.deferred("vol-1:0001", 1)
    ahead = deferral.head.model_copy(update={"occurred_at": utc_now() + timedelta(days=3)})

    tracker.process(deferral.model_copy(update={"head": ahead}))

    row = tracker.conn.execute(
        "SELECT not_before FROM line.outbox WHERE topic = %s", [redone_topic("text")]
    ).fetchone()
    assert row[0] < utc_now() + timedelta(minutes=1)


def test_the_tracker_quarantines_a_page_after_the_last_attempt(tracker, storage):
    batch = Delivery(storage, "b-1", {"vol-1": 1})
    tracker.process(batch.received(), batch.accepted(), batch.registered("vol-1"))
    tracker.process(batch.acquired("vol-1:0001"))

    tracker.process(*(batch.deferred("vol-1:0001", attempt) for attempt in (1, 2, 3)))
    (given_up,) = tracker.published(WorkQuarantined)
    tracker.process(given_up)

    assert (given_up.code, given_up.step, given_up.attempts) == (
        "work.tool-hung",
        "recognize_page",
        3,
    )
    assert given_up.required
    assert tracker.counts("b-1")["quarantined"] == 1
    assert tracker.states("items", "item_id") == {"vol-1": "held"}


def test_undecodable_bytes_are_quarantined_and_the_other_messages_are_processed(tracker, storage):
    batch = Delivery(storage, "b-1", {"vol-1": 1})
    topic = topic_of("PageAcquired").name
    poison = tracker.log.raw(topic, "k", b"\x01garbage")

    tracker.manager.process(
        [*tracker.log(batch.received()), poison, *tracker.log(batch.accepted())]
    )

    (refusal,) = tracker.published(WorkQuarantined)
    assert refusal.code == "message.undecodable"
    assert storage.read(refusal.files[0]) == b"\x01garbage"
    assert tracker.counts("b-1")["state"] == "running"


def test_only_the_fact_that_postgres_cannot_store_is_quarantined(tracker, storage):
    batch = Delivery(storage, "b-1", {"vol-1": 1})
    capture = batch.captured_fact("vol-1:0001")
    poison = capture.model_copy(update={"capture_id": "nul\0"})

    tracker.process(batch.received(), poison, batch.accepted())

    assert [fact.code for fact in tracker.published(WorkQuarantined)] == ["message.undecodable"]
    assert tracker.counts("b-1")["state"] == "running"


@pytest.mark.parametrize("content", [None, b"other bytes"])
def test_an_item_whose_page_list_is_lost_or_damaged_is_refused(tracker, storage, content):
    batch = Delivery(storage, "b-1", {"vol-1": 1})
    registered = batch.registered("vol-1")
    del storage.objects[registered.files[0].key]
    if content:
        storage.objects[registered.files[0].key] = content

    tracker.process(batch.received(), batch.accepted(), registered)

    (refusal,) = tracker.published(WorkQuarantined)
    assert refusal.code == "item.page-list-unfit"
    assert tracker.counts("b-1")["quarantined"] == 1


def test_the_window_limits_the_pages_in_progress(connect_tracker, storage):
    tracker = TrackerHarness(connect_tracker, storage, pool_size=1)
    batch = Delivery(storage, "b-1", {"vol-1": 5})

    tracker.process(batch.received(), batch.accepted(), batch.registered("vol-1"))
    at_first = len(tracker.published(PageAdmitted))
    tracker.process(batch.acquired("vol-1:0001"), batch.recognized("vol-1:0001"))

    assert (at_first, len(tracker.published(PageAdmitted))) == (2, 3)


def test_a_zombie_can_neither_commit_nor_decide(tracker, connect_tracker, storage):
    batch = Delivery(storage, "b-1", {"vol-1": 1})
    tracker.process(batch.received())
    successor = ProcessManager(connect_tracker(), storage, "1")
    successor.take_over()
    before = dump(tracker.conn)

    with pytest.raises(Superseded):
        tracker.process(batch.accepted())
    with pytest.raises(Superseded):
        tracker.manager.process([])

    assert dump(tracker.conn) == before


def test_an_offset_that_another_tracker_advanced_stops_the_transaction(tracker, storage):
    batch = Delivery(storage, "b-1", {"vol-1": 1})
    tracker.process(batch.received())
    tracker.conn.execute("UPDATE line.offsets SET next_offset = 7")

    with pytest.raises(Superseded):
        tracker.process(batch.received())


def test_only_one_tracker_gets_the_lock(tracker, connect_tracker, storage):
    second = ProcessManager(connect_tracker(), storage, "1")
    stop = threading.Event()
    stop.set()

    assert second.start(stop) is False


def test_a_batch_is_paused_resumed_and_cancelled_and_every_request_is_answered(
    connect_tracker, storage
):
    tracker = TrackerHarness(connect_tracker, storage, pool_size=1)
    batch = Delivery(storage, "b-1", {"vol-1": 1, "vol-2": 4})
    tracker.process(batch.received(), batch.accepted())
    tracker.process(a_request("pause", "batch:b-1"))
    tracker.process(*(batch.registered(item) for item in batch.items))
    while_paused = tracker.counts("b-1")["state"], len(tracker.published(PageAdmitted))

    tracker.process(a_request("resume", "batch:b-1"))
    tracker.process(batch.acquired("vol-1:0001"), batch.recognized("vol-1:0001"))
    tracker.process(a_request("cancel", "batch:b-1"))
    tracker.process(a_request("release", "batch:b-1"))
    tracker.process(batch.published("vol-1"))

    assert while_paused == ("paused", 0)
    answers = {fact.action: (fact.granted, fact.code) for fact in tracker.published(ControlDecided)}
    assert answers["cancel"] == (True, None)
    assert answers["release"] == (False, "control.subject-unfit")
    counts = tracker.counts("b-1")
    assert (counts["packaged"], counts["cancelled"], counts["in_flight"]) == (1, 4, 0)
    assert (counts["state"], len(tracker.published(BatchSettled))) == ("cancelled", 1)


def read_all_kinds_of_facts(tracker: TrackerHarness, storage: MemoryStorage) -> list[Incoming]:
    """Process facts that cause every kind of decision; returns the messages."""
    good = Delivery(storage, "b-1", {"vol-1": 2, "vol-2": 2})
    other = Delivery(storage, "b-1", {"vol-9": 1}, manifest="m2")
    again = Delivery(storage, "b-2", {"Vol-1": 1, "vol-3": 1})
    dropped = Delivery(storage, "b-3", {"vol-4": 2})
    read = tracker.log(*good.everything(), other.received(), *again.everything())
    read += tracker.log(dropped.received(), dropped.accepted(), dropped.registered("vol-4"))
    read += tracker.log(dropped.deferred("vol-4:0001", 1), dropped.deferred("vol-4:0002", 1))
    read += tracker.log(*(dropped.deferred("vol-4:0001", attempt) for attempt in (2, 3)))
    read += tracker.log(a_request("pause", "batch:b-3"), a_request("cancel", "batch:b-3"))
    read += tracker.log(a_request("release", "quarantine:x"), good.receipt("vol-1", accepted=False))
    read.append(tracker.log.raw(topic_of("PageAcquired").name, "k", b"no fact"))
    for portion in portions(read, 5):
        tracker.manager.process(portion)
    return read


def test_a_rebuild_gives_the_same_rows_and_publishes_nothing_again(tracker, storage):
    read = read_all_kinds_of_facts(tracker, storage)
    # All but the retries that the cancel dropped were published.
    own, before = tracker.outbox_without_events(), dump(tracker.conn)
    quarantined = topic_of("WorkQuarantined").name
    inputs = [*read, *(message for message in own if message.topic == quarantined)]

    tracker.rebuild(own, *portions(inputs, 7))

    assert dump(tracker.conn) == before
    assert not tracker.manager.rebuilding
    assert [message for message in tracker.outbox() if message.topic not in REDONE] == []


def test_a_rebuild_after_the_loss_of_the_outbox_publishes_the_events_of_all_facts(tracker, storage):
    tracker.process(*Delivery(storage, "b-1", {"vol-1": 1}).everything())
    facts = tracker.outbox_without_events()
    events = {message.value for message in tracker.outbox() if message.topic == AUDIT_INTAKE.name}

    tracker.manager.begin_rebuild()
    republish_events(tracker.conn, facts)

    assert {message.value for message in tracker.outbox()} == events


def test_a_retry_that_was_published_before_a_rebuild_is_not_published_again(tracker, storage):
    batch = Delivery(storage, "b-1", {"vol-1": 2})
    facts = [batch.received(), batch.accepted(), batch.registered("vol-1")]
    sent, waiting = batch.deferred("vol-1:0001", 1), batch.deferred("vol-1:0002", 1)
    read = tracker.log(*facts, sent, waiting)
    tracker.manager.process(read)
    deferral_id = waiting.head.event_id
    published = [
        message
        for message in tracker.outbox_without_events()
        if message.header("deferral") != deferral_id
    ]

    tracker.rebuild(published, read)

    assert [message.header("deferral") for message in tracker.outbox()] == [deferral_id]

"""Decisions about quarantine records, on a real PostgreSQL: release, reject, withdraw."""

import json
from dataclasses import replace

import pytest

from schemas import ids
from schemas.catalogue import redone_topic, topic_of
from schemas.models import (
    BatchReceived,
    BatchSettled,
    ControlDecided,
    ItemCompleted,
    PageAdmitted,
    WorkQuarantined,
)
from tests.support.line_facts import Delivery, a_file, a_request
from tests.support.tracker_harness import TrackerHarness, portions
from tests.support.tracker_tables import dump

PAGE = "vol-1:0002"


def hold_an_item(tracker: TrackerHarness, batch: Delivery, step: str = "recognize_page") -> str:
    """Quarantine the second page of an item of two pages; returns the id of the record."""
    tracker.process(batch.received(), batch.accepted(), batch.registered("vol-1"))
    tracker.process(batch.acquired("vol-1:0001"), batch.recognized("vol-1:0001"))
    if step != "acquire_page":
        tracker.process(batch.acquired(PAGE))
    record = batch.page_quarantined(PAGE, step)
    tracker.process(record)
    return record.head.event_id


def last_decision(tracker: TrackerHarness) -> tuple[bool, str | None]:
    """Whether the last request was granted, and the code if it was not."""
    last = tracker.published(ControlDecided)[-1]
    return last.granted, last.code


def redone(tracker: TrackerHarness, lane: str) -> list[tuple[str, dict[str, str], bytes]]:
    """Key, headers and value of each message that repeats work of a lane."""
    rows = tracker.conn.execute(
        "SELECT key, headers, value FROM line.outbox WHERE topic = %s", [redone_topic(lane)]
    )
    return [(key, dict(headers), value) for key, headers, value in rows]


def test_a_released_page_is_published_to_its_lane_unchanged_and_its_item_completes(
    tracker, storage
):
    batch = Delivery(storage, "b-1", {"vol-1": 2})
    name = hold_an_item(tracker, batch)
    held = tracker.counts("b-1")

    request = a_request("release", f"quarantine:{name}")
    tracker.process(request)
    (sent,) = redone(tracker, "text")
    tracker.process(batch.recognized(PAGE), batch.published("vol-1"))

    decision = ids.make_id(request.head.event_id, "ControlDecided")
    assert (held["quarantined"], held["state"]) == (2, "settled")
    assert last_decision(tracker) == (True, None)
    assert sent[0] == PAGE
    assert sent[1] == {
        "step": "recognize_page",
        "attempt": "1",
        "cause": decision,
        "release": name,
    }
    assert sent[2].startswith(b"what ")
    assert tracker.states("quarantine", "quarantine_id") == {name: "released"}
    assert tracker.counts("b-1")["packaged"] == 2
    assert [fact.settlement for fact in tracker.published(BatchSettled)] == [1, 2]
    (completed,) = tracker.published(ItemCompleted)
    record = json.loads(storage.read(completed.files[0]))
    assert [one["fact"]["head"]["event_id"] for one in record["releases"]] == [decision]


def test_a_release_is_granted_once(tracker, storage):
    batch = Delivery(storage, "b-1", {"vol-1": 2})
    name = hold_an_item(tracker, batch)

    tracker.process(a_request("release", f"quarantine:{name}"))
    tracker.process(a_request("release", f"quarantine:{name}", value="again"))

    assert last_decision(tracker) == (False, "quarantine.not-open")
    assert len(redone(tracker, "text")) == 1


def test_a_corrected_file_opens_the_next_revision_of_its_page(tracker, storage):
    batch = Delivery(storage, "b-1", {"vol-1": 2})
    name = hold_an_item(tracker, batch, "acquire_page")
    digest = "cd" * 32
    named = {"key": f"staging/sha256/cd/{digest}", "sha256": digest, "size_bytes": 77}
    file = a_file("capture").model_copy(update=named)

    request = a_request("release", f"quarantine:{name}", value="new.tif", file=file)
    tracker.process(request)
    admitted = tracker.published(PageAdmitted)[-1]
    late = batch.acquired(PAGE), batch.recognized(PAGE)
    tracker.process(*late)
    after_late = tracker.counts("b-1")["in_flight"]
    again = [
        fact.model_copy(
            update={
                "head": fact.head.model_copy(
                    update={"revision": 2, "event_id": ids.make_id(fact.head.event_id, 2)}
                )
            }
        )
        for fact in late
    ]
    tracker.process(*again, batch.published("vol-1"))

    assert (admitted.head.page_id, admitted.head.revision) == (PAGE, 2)
    assert admitted.head.event_id == ids.make_id(PAGE, 2, "PageAdmitted")
    assert admitted.head.cause_id == ids.make_id(request.head.event_id, "ControlDecided")
    assert (admitted.files[0].sha256, admitted.files[0].size_bytes) == ("cd" * 32, 77)
    assert admitted.original_name == "0002.tif"
    assert after_late == 2
    assert tracker.counts("b-1")["packaged"] == 2
    assert redone(tracker, "masters") == []


def test_a_withdrawn_page_is_missing_and_its_item_completes_without_it(tracker, storage):
    batch = Delivery(storage, "b-1", {"vol-1": 2})
    name = hold_an_item(tracker, batch)

    tracker.process(a_request("withdraw", f"quarantine:{name}"))
    (completed,) = tracker.published(ItemCompleted)
    tracker.process(batch.published("vol-1"))

    record = json.loads(storage.read(completed.files[0]))
    assert record["withdrawn"] == ["0002"]
    assert PAGE not in {one["fact"]["head"]["page_id"] for one in record["facts"]}
    assert tracker.states("quarantine", "quarantine_id") == {name: "withdrawn"}
    assert tracker.counts("b-1") == {
        "state": "settled",
        "registered": 2,
        "packaged": 2,
        "quarantined": 0,
        "cancelled": 0,
        "in_flight": 0,
    }


def test_a_file_that_is_no_page_is_withdrawn_and_recorded_as_such(tracker, storage):
    batch = Delivery(storage, "b-1", {"vol-1": 2})
    name = hold_an_item(tracker, batch)

    tracker.process(a_request("withdraw", f"quarantine:{name}", value="not-a-page"))
    (completed,) = tracker.published(ItemCompleted)
    decided = tracker.published(ControlDecided)[-1]
    tracker.process(batch.published("vol-1"))

    record = json.loads(storage.read(completed.files[0]))
    assert (record["withdrawn"], record["not_pages"]) == (["0002"], ["0002"])
    assert [(act.type, act.sources) for act in decided.acts] == [("decision", (f"page:{PAGE}",))]
    assert tracker.counts("b-1")["packaged"] == 2


def test_a_withdrawal_with_another_value_is_refused(tracker, storage):
    batch = Delivery(storage, "b-1", {"vol-1": 2})
    name = hold_an_item(tracker, batch)

    tracker.process(a_request("withdraw", f"quarantine:{name}", value="perhaps"))

    assert last_decision(tracker) == (False, "control.subject-unfit")


def test_the_last_page_of_an_item_is_not_withdrawn(tracker, storage):
    batch = Delivery(storage, "b-1", {"vol-1": 1})
    tracker.process(batch.received(), batch.accepted(), batch.registered("vol-1"))
    record = batch.page_quarantined("vol-1:0001", "acquire_page")
    tracker.process(record)

    tracker.process(a_request("withdraw", f"quarantine:{record.head.event_id}"))

    assert last_decision(tracker) == (False, "quarantine.last-page")


def test_requests_in_one_portion_are_decided_one_after_the_other(tracker, storage):
    batch = Delivery(storage, "b-1", {"vol-1": 2})
    tracker.process(batch.received(), batch.accepted(), batch.registered("vol-1"))
    records = [batch.page_quarantined(page, "acquire_page") for page in batch.pages("vol-1")]
    tracker.process(*records)
    names = [f"quarantine:{record.head.event_id}" for record in records]

    tracker.process(
        a_request("withdraw", names[0]),
        a_request("withdraw", names[1]),
        a_request("release", names[0]),
    )

    answers = {
        (fact.action, fact.subjects[0]): fact.code for fact in tracker.published(ControlDecided)
    }
    assert answers == {
        ("withdraw", names[0]): None,
        ("withdraw", names[1]): "quarantine.last-page",
        ("release", names[0]): "quarantine.not-open",
    }


def test_a_rejected_page_cancels_its_item_and_closes_its_records(tracker, storage):
    batch = Delivery(storage, "b-1", {"vol-1": 2, "vol-2": 1})
    tracker.process(batch.received(), batch.accepted(), *map(batch.registered, batch.items))
    records = [batch.page_quarantined(page, "acquire_page") for page in batch.pages("vol-1")]
    tracker.process(*records)

    tracker.process(a_request("reject", f"quarantine:{records[0].head.event_id}"))

    assert last_decision(tracker) == (True, None)
    assert set(tracker.states("quarantine", "quarantine_id").values()) == {"rejected"}
    assert tracker.states("items", "item_id") == {"vol-1": "cancelled", "vol-2": "running"}
    counts = tracker.counts("b-1")
    assert (counts["cancelled"], counts["in_flight"]) == (2, 1)


def test_a_rejected_second_delivery_counts_as_cancelled(tracker, storage):
    tracker.process(*Delivery(storage, "b-1", {"vol-1": 1}).everything())
    again = Delivery(storage, "b-2", {"VOL-1": 3})
    tracker.process(again.received(), again.accepted(), again.registered("VOL-1"))
    (refused,) = tracker.published(WorkQuarantined)
    before = tracker.counts("b-2")

    tracker.process(a_request("release", f"quarantine:{refused.head.event_id}"))
    released = last_decision(tracker)
    tracker.process(a_request("reject", f"quarantine:{refused.head.event_id}"))

    assert released == (False, "quarantine.needs-correction")
    assert (before["quarantined"], before["cancelled"]) == (3, 0)
    after = tracker.counts("b-2")
    assert (after["quarantined"], after["cancelled"]) == (0, 3)
    assert tracker.counts_add_up()


def test_the_release_of_a_refused_batch_repeats_its_pre_flight(tracker, storage):
    batch = Delivery(storage, "b-1", {"vol-1": 1})
    record = batch.batch_quarantined()
    tracker.process(batch.received(), record)
    refused = tracker.counts("b-1")["state"]

    request = a_request("release", f"quarantine:{record.head.event_id}")
    tracker.process(request)
    decision = ids.make_id(request.head.event_id, "ControlDecided")
    facts = [batch.accepted(), batch.registered("vol-1")]
    caused = [
        fact.model_copy(update={"head": fact.head.model_copy(update={"cause_id": decision})})
        for fact in facts
    ]
    tracker.process(*caused)

    assert refused == "quarantined"
    assert len(redone(tracker, "text")) == 1
    assert tracker.counts("b-1")["state"] == "running"
    assert len(tracker.published(PageAdmitted)) == 1


def test_a_corrected_manifest_replaces_a_refused_one(tracker, storage):
    batch = Delivery(storage, "b-1", {"vol-1": 1})
    record = batch.batch_quarantined()
    tracker.process(batch.received(), record)
    better = Delivery(storage, "b-1", {"vol-1": 1}, manifest="m2")

    tracker.process(corrected(better, record.head.event_id), better.accepted())
    tracker.process(better.registered("vol-1"))
    once_more = replace(better, manifest="m3")
    tracker.process(corrected(once_more, record.head.event_id))

    assert tracker.states("quarantine", "quarantine_id")[record.head.event_id] == "released"
    assert tracker.counts("b-1")["state"] == "running"
    (refused,) = tracker.published(WorkQuarantined)
    assert refused.code == "batch.release-unfit"


def test_a_refused_batch_is_corrected_without_its_quarantine_id(tracker, storage):
    batch = Delivery(storage, "b-1", {"vol-1": 1})
    record = batch.batch_quarantined()
    tracker.process(batch.received(), record)
    better = replace(batch, manifest="m2")

    tracker.process(better.received(), better.accepted(), better.registered("vol-1"))
    late = replace(batch, manifest="m3")
    tracker.process(late.received())

    assert tracker.counts("b-1")["state"] == "running"
    assert tracker.states("quarantine", "quarantine_id")[record.head.event_id] == "superseded"
    (refused,) = tracker.published(WorkQuarantined)
    assert (refused.code, refused.origin.event_id) == (
        *("batch.id-taken", late.received().head.event_id),
    )


@pytest.mark.parametrize("size", [1, 100])
def test_a_rebuild_knows_which_submission_was_taken(tracker, storage, size: int):
    batch = Delivery(storage, "b-1", {"vol-1": 1})
    better, late = replace(batch, manifest="m2"), replace(batch, manifest="m3")
    record = batch.batch_quarantined()
    read = tracker.log(batch.received(), record, better.received(), better.accepted())
    read += tracker.log(better.registered("vol-1"), late.received(), late.batch_quarantined())
    for message in read:
        tracker.manager.process([message])
    own, before = tracker.outbox_without_events(), dump(tracker.conn)
    quarantined = topic_of("WorkQuarantined").name
    inputs = [*read, *(message for message in own if message.topic == quarantined)]
    inputs.sort(key=lambda message: message.topic == quarantined)

    tracker.rebuild(own, *portions(inputs, size))

    assert dump(tracker.conn) == before
    assert tracker.outbox_without_events() == []


def corrected(batch: Delivery, name: str) -> BatchReceived:
    """A corrected manifest for a quarantine record."""
    return batch.received().model_copy(update={"release": name})


@pytest.mark.parametrize("size", [1, 3, 100])
def test_a_rebuild_that_reads_the_requests_first_gives_the_same_rows(tracker, storage, size: int):
    read = read_all_kinds_of_decisions(tracker, storage)
    own, before = tracker.outbox_without_events(), dump(tracker.conn)
    control, quarantined = (topic_of(name).name for name in ("ControlRequested", "WorkQuarantined"))
    inputs = [*read, *(message for message in own if message.topic == quarantined)]
    inputs.sort(key=lambda message: message.topic != control)

    tracker.rebuild(own, *portions(inputs, size))

    assert dump(tracker.conn) == before
    assert tracker.outbox_without_events() == []


def read_all_kinds_of_decisions(tracker: TrackerHarness, storage) -> list:
    """Process releases with and without file, a withdrawal, a rejection and a corrected manifest;
    returns the messages."""
    one = Delivery(storage, "b-1", {"vol-1": 2, "vol-2": 2, "vol-3": 2, "vol-4": 2})
    refused = Delivery(storage, "b-2", {"vol-5": 1})
    better = replace(refused, manifest="m2")
    records = {item: one.page_quarantined(f"{item}:0002", "acquire_page") for item in one.items}
    read = tracker.log(one.received(), one.accepted(), *map(one.registered, one.items))
    read += tracker.log(*records.values(), refused.received(), refused.batch_quarantined())
    tracker.manager.process(read)
    file = a_file("capture")
    requests = [
        a_request("release", f"quarantine:{records['vol-1'].head.event_id}"),
        a_request(
            "release", f"quarantine:{records['vol-2'].head.event_id}", value="x.tif", file=file
        ),
        a_request("withdraw", f"quarantine:{records['vol-3'].head.event_id}"),
        a_request("reject", f"quarantine:{records['vol-4'].head.event_id}"),
        a_request("release", "quarantine:none"),
    ]
    first = tracker.log(*requests)
    first += tracker.log(corrected(better, refused.batch_quarantined().head.event_id))
    first += tracker.log(better.accepted(), better.registered("vol-5"))
    first += tracker.log(one.acquired("vol-1:0002"), one.recognized("vol-1:0002"))
    for portion in portions(first, 2):
        tracker.manager.process(portion)
    return [*read, *first]

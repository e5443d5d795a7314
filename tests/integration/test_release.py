"""What people decide about quarantine records, on a real PostgreSQL: released, rejected, withdrawn."""

import json
from dataclasses import replace

import pytest

from schemas import ids
from schemas.catalogue import AUDIT_INTAKE, redone_topic, topic_of
from schemas.models import (
    BatchReceived,
    BatchSettled,
    ControlDecided,
    ItemCompleted,
    PageAdmitted,
    WorkQuarantined,
)
from streams.tracker.rebuild import dump, store_decided
from tests.integration.test_tracker import Bench, connect, published, storage
from tests.support.line_facts import Delivery, a_file, a_request

__all__ = ["connect", "storage"]
PAGE = "vol-1:0002"


def a_held_item(bench: Bench, batch: Delivery, step: str = "recognize_page") -> str:
    """An item of two pages, the second of which is in quarantine; gives the record's id."""
    bench.take(batch.received(), batch.accepted(), batch.registered("vol-1"))
    bench.take(batch.acquired("vol-1:0001"), batch.recognized("vol-1:0001"))
    if step != "acquire_page":
        bench.take(batch.acquired(PAGE))
    record = batch.page_quarantined(PAGE, step)
    bench.take(record)
    return record.head.event_id


def answer(bench: Bench) -> tuple[bool, str | None]:
    last = bench.told(ControlDecided)[-1]
    return last.granted, last.code


def redone(bench: Bench, lane: str) -> list[tuple[str, dict[str, str], bytes]]:
    rows = bench.conn.execute(
        "SELECT key, headers, value FROM line.outbox WHERE topic = %s", [redone_topic(lane)]
    )
    return [(key, dict(headers), value) for key, headers, value in rows]


def test_a_released_page_is_sent_to_its_lane_untouched_and_its_item_completes(connect, storage):
    bench, batch = Bench(connect, storage), Delivery(storage, "b-1", {"vol-1": 2})
    name = a_held_item(bench, batch)
    held = bench.counts("b-1")

    request = a_request("release", f"quarantine:{name}")
    bench.take(request)
    (sent,) = redone(bench, "text")
    bench.take(batch.recognized(PAGE), batch.published("vol-1"))

    decision = ids.make_id(request.head.event_id, "ControlDecided")
    assert (held["quarantined"], held["state"]) == (2, "settled")
    assert answer(bench) == (True, None)
    assert sent[0] == PAGE
    assert sent[1] == {
        "step": "recognize_page",
        "attempt": "1",
        "cause": decision,
        "release": name,
    }
    assert sent[2].startswith(b"what ")
    assert bench.states("quarantine", "quarantine_id") == {name: "released"}
    assert bench.counts("b-1")["packaged"] == 2
    assert [fact.settlement for fact in bench.told(BatchSettled)] == [1, 2]
    (completed,) = bench.told(ItemCompleted)
    record = json.loads(storage.read(completed.files[0]))
    assert [one["fact"]["head"]["event_id"] for one in record["releases"]] == [decision]


def test_a_release_is_granted_once(connect, storage):
    bench, batch = Bench(connect, storage), Delivery(storage, "b-1", {"vol-1": 2})
    name = a_held_item(bench, batch)

    bench.take(a_request("release", f"quarantine:{name}"))
    bench.take(a_request("release", f"quarantine:{name}", value="again"))

    assert answer(bench) == (False, "quarantine.not-open")
    assert len(redone(bench, "text")) == 1


def test_a_corrected_file_opens_the_next_revision_of_its_page(connect, storage):
    bench, batch = Bench(connect, storage), Delivery(storage, "b-1", {"vol-1": 2})
    name = a_held_item(bench, batch, "acquire_page")
    file = a_file("capture").model_copy(update={"sha256": "cd" * 32, "size_bytes": 77})

    request = a_request("release", f"quarantine:{name}", value="new.tif", file=file)
    bench.take(request)
    admitted = bench.told(PageAdmitted)[-1]
    late = batch.acquired(PAGE), batch.recognized(PAGE)
    bench.take(*late)
    after_late = bench.counts("b-1")["in_flight"]
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
    bench.take(*again, batch.published("vol-1"))

    assert (admitted.head.page_id, admitted.head.revision) == (PAGE, 2)
    assert admitted.head.event_id == ids.make_id(PAGE, 2, "PageAdmitted")
    assert admitted.head.cause_id == ids.make_id(request.head.event_id, "ControlDecided")
    assert (admitted.files[0].sha256, admitted.files[0].size_bytes) == ("cd" * 32, 77)
    assert admitted.original_name == "0002.tif"
    assert after_late == 2
    assert bench.counts("b-1")["packaged"] == 2
    assert redone(bench, "masters") == []


def test_a_withdrawn_page_is_missing_and_its_item_goes_on_without_it(connect, storage):
    bench, batch = Bench(connect, storage), Delivery(storage, "b-1", {"vol-1": 2})
    name = a_held_item(bench, batch)

    bench.take(a_request("withdraw", f"quarantine:{name}"))
    (completed,) = bench.told(ItemCompleted)
    bench.take(batch.published("vol-1"))

    record = json.loads(storage.read(completed.files[0]))
    assert record["withdrawn"] == ["0002"]
    assert PAGE not in {one["fact"]["head"]["page_id"] for one in record["facts"]}
    assert bench.states("quarantine", "quarantine_id") == {name: "withdrawn"}
    assert bench.counts("b-1") == {
        "state": "settled",
        "registered": 2,
        "packaged": 2,
        "quarantined": 0,
        "cancelled": 0,
        "in_flight": 0,
    }


def test_the_last_page_of_an_item_is_not_withdrawn(connect, storage):
    bench, batch = Bench(connect, storage), Delivery(storage, "b-1", {"vol-1": 1})
    bench.take(batch.received(), batch.accepted(), batch.registered("vol-1"))
    record = batch.page_quarantined("vol-1:0001", "acquire_page")
    bench.take(record)

    bench.take(a_request("withdraw", f"quarantine:{record.head.event_id}"))

    assert answer(bench) == (False, "quarantine.last-page")


def test_requests_that_come_together_are_judged_one_after_the_other(connect, storage):
    bench, batch = Bench(connect, storage), Delivery(storage, "b-1", {"vol-1": 2})
    bench.take(batch.received(), batch.accepted(), batch.registered("vol-1"))
    records = [batch.page_quarantined(page, "acquire_page") for page in batch.pages("vol-1")]
    bench.take(*records)
    names = [f"quarantine:{record.head.event_id}" for record in records]

    bench.take(
        a_request("withdraw", names[0]),
        a_request("withdraw", names[1]),
        a_request("release", names[0]),
    )

    answers = {(fact.action, fact.subjects[0]): fact.code for fact in bench.told(ControlDecided)}
    assert answers == {
        ("withdraw", names[0]): None,
        ("withdraw", names[1]): "quarantine.last-page",
        ("release", names[0]): "quarantine.not-open",
    }


def test_a_rejected_page_cancels_its_item_and_closes_its_records(connect, storage):
    bench, batch = Bench(connect, storage), Delivery(storage, "b-1", {"vol-1": 2, "vol-2": 1})
    bench.take(batch.received(), batch.accepted(), *map(batch.registered, batch.items))
    records = [batch.page_quarantined(page, "acquire_page") for page in batch.pages("vol-1")]
    bench.take(*records)

    bench.take(a_request("reject", f"quarantine:{records[0].head.event_id}"))

    assert answer(bench) == (True, None)
    assert set(bench.states("quarantine", "quarantine_id").values()) == {"rejected"}
    assert bench.states("items", "item_id") == {"vol-1": "cancelled", "vol-2": "running"}
    counts = bench.counts("b-1")
    assert (counts["cancelled"], counts["in_flight"]) == (2, 1)


def test_a_rejected_second_delivery_counts_as_cancelled(connect, storage):
    bench = Bench(connect, storage)
    bench.take(*Delivery(storage, "b-1", {"vol-1": 1}).everything())
    again = Delivery(storage, "b-2", {"VOL-1": 3})
    bench.take(again.received(), again.accepted(), again.registered("VOL-1"))
    (refused,) = bench.told(WorkQuarantined)
    before = bench.counts("b-2")

    bench.take(a_request("release", f"quarantine:{refused.head.event_id}"))
    released = answer(bench)
    bench.take(a_request("reject", f"quarantine:{refused.head.event_id}"))

    assert released == (False, "quarantine.needs-correction")
    assert (before["quarantined"], before["cancelled"]) == (3, 0)
    after = bench.counts("b-2")
    assert (after["quarantined"], after["cancelled"]) == (0, 3)
    assert bench.law_holds()


def test_a_refused_batch_is_judged_again_under_the_decision(connect, storage):
    bench, batch = Bench(connect, storage), Delivery(storage, "b-1", {"vol-1": 1})
    record = batch.batch_quarantined()
    bench.take(batch.received(), record)
    refused = bench.counts("b-1")["state"]

    request = a_request("release", f"quarantine:{record.head.event_id}")
    bench.take(request)
    decision = ids.make_id(request.head.event_id, "ControlDecided")
    facts = [batch.accepted(), batch.registered("vol-1")]
    caused = [
        fact.model_copy(update={"head": fact.head.model_copy(update={"cause_id": decision})})
        for fact in facts
    ]
    bench.take(*caused)

    assert refused == "quarantined"
    assert len(redone(bench, "text")) == 1
    assert bench.counts("b-1")["state"] == "running"
    assert len(bench.told(PageAdmitted)) == 1


def test_a_corrected_manifest_takes_the_place_of_a_refused_one(connect, storage):
    bench, batch = Bench(connect, storage), Delivery(storage, "b-1", {"vol-1": 1})
    record = batch.batch_quarantined()
    bench.take(batch.received(), record)
    better = Delivery(storage, "b-1", {"vol-1": 1}, manifest="m2")

    bench.take(corrected(better, record.head.event_id), better.accepted())
    bench.take(better.registered("vol-1"))
    once_more = replace(better, manifest="m3")
    bench.take(corrected(once_more, record.head.event_id))

    assert bench.states("quarantine", "quarantine_id")[record.head.event_id] == "released"
    assert bench.counts("b-1")["state"] == "running"
    (refused,) = bench.told(WorkQuarantined)
    assert refused.code == "batch.release-unfit"


def corrected(batch: Delivery, name: str) -> BatchReceived:
    return batch.received().model_copy(update={"release": name})


@pytest.mark.parametrize("turn", [1, 3, 100])
def test_a_rebuild_comes_to_the_same_rows_whatever_is_read_first(connect, storage, turn: int):
    bench = Bench(connect, storage)
    read = a_life_with_decisions(bench, storage)
    told, before = published(bench), dump(bench.conn)
    own = [one for one in told if one.topic != AUDIT_INTAKE.name]
    control = topic_of("ControlRequested").name
    quarantined = topic_of("WorkQuarantined").name
    own_quarantined = [one for one in own if one.topic == quarantined]
    mixed = sorted([*read, *own_quarantined], key=lambda one: one.topic != control)

    bench.line.forget()
    store_decided(bench.conn, own)
    for start in range(0, len(mixed), turn):
        bench.line.take(mixed[start : start + turn], decide=False)
    bench.line.finish_rebuild()

    assert dump(bench.conn) == before
    again = [one for one in published(bench) if one.topic != AUDIT_INTAKE.name]
    assert [one for one in again if one.header("release") or one.value == b""] == []
    assert again == []


def a_life_with_decisions(bench: Bench, storage) -> list:
    """Releases with and without file, a withdrawal, a rejection, a corrected manifest."""
    one = Delivery(storage, "b-1", {"vol-1": 2, "vol-2": 2, "vol-3": 2, "vol-4": 2})
    refused = Delivery(storage, "b-2", {"vol-5": 1})
    better = replace(refused, manifest="m2")
    records = {item: one.page_quarantined(f"{item}:0002", "acquire_page") for item in one.items}
    read = bench.log(one.received(), one.accepted(), *map(one.registered, one.items))
    read += bench.log(*records.values(), refused.received(), refused.batch_quarantined())
    bench.line.take(read)
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
    first = bench.log(*requests)
    first += bench.log(corrected(better, refused.batch_quarantined().head.event_id))
    first += bench.log(better.accepted(), better.registered("vol-5"))
    first += bench.log(one.acquired("vol-1:0002"), one.recognized("vol-1:0002"))
    for start in range(0, len(first), 2):
        bench.line.take(first[start : start + 2])
    return [*read, *first]

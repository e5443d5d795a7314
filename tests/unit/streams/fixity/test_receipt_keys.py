"""Which receipt must exist for a fact."""

from pathlib import Path

from schemas import ids
from schemas.models import PageDerived, Producer, WorkDeferred, WorkQuarantined
from streams.fixity.receipt_keys import receipt_key_of
from streams.storage.memory import MemoryStorage
from tests.support.builders import a_head
from tests.support.line_facts import Delivery

INPUT, DECISION = ids.make_id("an input"), ids.make_id("a decision")
PRODUCER = Producer(name="copystand/derive_page", version="1")


def derived(work_id: str, cause: str) -> PageDerived:
    event_id = ids.fact_id(work_id, "PageDerived")
    return PageDerived(head=a_head(event_id=event_id, cause_id=cause, producer=PRODUCER))


def test_the_receipt_of_a_fact_follows_from_its_cause_and_step():
    work = ids.work_id(INPUT, "derive_page")

    assert receipt_key_of(derived(work, INPUT), {}) == f"receipts/b-1/{work[:2]}/{work}"


def test_the_receipt_of_released_work_follows_from_the_decision():
    work = ids.work_id(INPUT, "derive_page", DECISION)
    fact = derived(work, DECISION)

    assert receipt_key_of(fact, {DECISION: ["another", INPUT]}) == f"receipts/b-1/{work[:2]}/{work}"
    assert receipt_key_of(fact, {}) is None


def test_a_deferral_and_a_record_name_their_work(tmp_path: Path):
    batch = Delivery(MemoryStorage(tmp_path), "b-1", {"vol-1": 1})
    deferred = by(batch.deferred("vol-1:0001", 2))
    assert isinstance(deferred, WorkDeferred)
    quarantined = by(batch.page_quarantined("vol-1:0001", "recognize_page"))
    assert isinstance(quarantined, WorkQuarantined)

    one, other = deferred.work_id, quarantined.work_id
    assert receipt_key_of(deferred, {}) == f"receipts/b-1/{one[:2]}/{one}.2"
    assert receipt_key_of(quarantined, {}) == f"receipts/b-1/{other[:2]}/{other}"


def test_facts_of_the_tracker_and_of_the_router_have_no_receipt_of_a_worker(tmp_path: Path):
    batch = Delivery(MemoryStorage(tmp_path), "b-1", {"vol-1": 1})

    assert receipt_key_of(by(batch.received(), "copystand/router"), {}) is None
    record = by(batch.page_quarantined("vol-1:0001", "recognize_page"), "copystand/tracker")
    assert receipt_key_of(record, {}) is None


def by(fact, name: str = "copystand/recognize_page"):
    producer = Producer(name=name, version="1")
    return fact.model_copy(update={"head": fact.head.model_copy(update={"producer": producer})})

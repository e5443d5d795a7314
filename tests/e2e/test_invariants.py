"""The law by the stand-alone reader: each state of a page is told from the topics by its own measure."""

from dataclasses import replace
from pathlib import Path

import pytest

from schemas import ids
from schemas.catalogue import key_of, topic_of
from schemas.codec import decode, encode
from schemas.models import (
    BatchReceived,
    ControlDecided,
    ControlRequested,
    ItemCompleted,
    PackagePublished,
    PageDerived,
    Record,
    WorkQuarantined,
)
from streams.storage.local import LocalStorage
from tests.support.builders import restamped
from tests.support.invariants import Counts, counts
from tests.support.line_facts import Delivery, a_file, a_request
from tests.support.reader import Raw

FIRST, SECOND, THIRD = (f"vol-1:000{number}" for number in (1, 2, 3))


def told(*facts: Record) -> list[Raw]:
    """Facts as they stand on their topics."""
    return [
        Raw(topic_of(type(fact).__name__).name, 0, at, key_of(fact).encode(), encode(fact))
        for at, fact in enumerate(facts)
    ]


class Batch(Delivery):
    """A batch, and what came of it so far."""

    def accepted_with_items(self) -> list[Record]:
        """What stands on the topics when all items are registered."""
        return [self.received(), self.accepted(), *map(self.registered, self.items)]

    def read(self, *pages: str) -> list[Record]:
        """What ends these pages."""
        return [fact for page in pages for fact in (self.acquired(page), self.recognized(page))]

    def packaged(self, item_id: str, masters: int, missing: int = 0) -> list[Record]:
        """A completed item and its package."""
        published = self.published(item_id)
        completed = ItemCompleted(
            head=restamped(published, event_id=published.head.cause_id).head,
            page_count=self.items[item_id],
            priority="normal",
        )
        of_it = {"masters": masters, "missing": missing}
        return [
            completed,
            published.model_copy(update={"counts": published.counts.model_copy(update=of_it)}),
        ]


def decided(request: ControlRequested, granted: bool = True) -> list[Record]:
    """A request and its answer."""
    event_id = ids.make_id(request.head.event_id, "ControlDecided")
    answer = ControlDecided(
        head=request.head.model_copy(update={"event_id": event_id, "cause_id": request.head.event_id}),
        action=request.action, subjects=request.subjects, value=request.value, by=request.by,
        reason=request.reason, granted=granted, code=None if granted else "batch.over",
    )  # fmt: skip
    return [request, answer]


def judged(action: str, record: Record, **more: object) -> list[Record]:
    """A granted decision about a quarantine record."""
    return decided(a_request(action, f"quarantine:{record.head.event_id}", **more))  # type: ignore[attr-defined,arg-type]


@pytest.fixture
def batch(tmp_path: Path) -> Batch:
    """Two items of three pages each; the second page of vol-1 is missing by manifest."""
    return Batch(
        LocalStorage(tmp_path), "b-1", {"vol-1": 3, "vol-2": 3}, missing=frozenset({SECOND})
    )


def of(batch: Batch, tmp_path: Path, *facts: Record) -> tuple[int, int, int, int]:
    """Packaged, quarantined, cancelled, in flight; the law holds with 6 pages registered."""
    found = counts(told(*batch.accepted_with_items(), *facts), batch.batch_id, tmp_path)
    assert found.registered == 6
    assert found.holds(), found
    return found.packaged, found.quarantined, found.cancelled, found.in_flight


def test_all_pages_of_an_accepted_batch_are_in_flight(batch: Batch, tmp_path: Path):
    assert of(batch, tmp_path) == (0, 0, 0, 6)


def test_a_batch_that_is_not_accepted_or_refused_in_pre_flight_has_no_pages(batch: Batch):
    facts = [batch.received(), batch.batch_quarantined()]

    assert counts(told(*facts[:1]), "b-1") == counts(told(*facts), "b-1") == Counts(0, 0, 0, 0, 0)


def test_packaged_is_what_the_package_says_it_holds_and_lacks(batch: Batch, tmp_path: Path):
    facts = [*batch.read(FIRST, THIRD), *batch.packaged("vol-1", masters=2, missing=1)]

    assert of(batch, tmp_path, *facts) == (3, 0, 0, 3)


def test_a_page_that_is_in_no_package_breaks_the_law(batch: Batch, tmp_path: Path):
    facts = [*batch.accepted_with_items(), *batch.packaged("vol-1", masters=1, missing=1)]

    assert not counts(told(*facts), "b-1", tmp_path).holds()


def test_a_lost_registration_breaks_the_law(batch: Batch, tmp_path: Path):
    assert not counts(told(*batch.accepted_with_items()[:-1]), "b-1", tmp_path).holds()


def test_an_item_is_held_when_each_page_with_a_file_is_at_rest(batch: Batch, tmp_path: Path):
    fault = batch.page_quarantined(FIRST, "acquire_page")
    at_work = [fault, batch.acquired(THIRD)]

    assert of(batch, tmp_path, *at_work) == (0, 1, 0, 5)
    assert of(batch, tmp_path, *at_work, batch.recognized(THIRD)) == (0, 3, 0, 3)


def test_a_stuck_page_is_at_rest_when_its_other_branches_are(tmp_path: Path):
    batch = Batch(LocalStorage(tmp_path), "b-1", {"vol-1": 2})
    required = {"required_branches": ("derive_page", "recognize_page")}
    facts = [batch.received(), batch.accepted()]
    facts += [batch.registered("vol-1").model_copy(update=required)]
    facts += [*batch.read(SECOND), derived(batch, SECOND)]
    facts += [batch.acquired(FIRST), batch.page_quarantined(FIRST, "recognize_page")]

    while_deriving = counts(told(*facts), "b-1", tmp_path)
    after = counts(told(*facts, derived(batch, FIRST)), "b-1", tmp_path)
    stuck_too = batch.page_quarantined(FIRST, "derive_page")

    assert while_deriving == Counts(2, 0, 1, 0, 1)
    assert after == counts(told(*facts, stuck_too), "b-1", tmp_path) == Counts(2, 0, 2, 0, 0)


def derived(batch: Batch, page_id: str) -> Record:
    """The reading images of a page."""
    like = batch.recognized(page_id)
    return PageDerived(head=restamped(like, event_id=ids.make_id("derived", page_id)).head)


def test_a_failed_optional_branch_moves_no_page(batch: Batch, tmp_path: Path):
    fault = batch.page_quarantined(FIRST, "describe_page", required=False)

    assert of(batch, tmp_path, fault) == (0, 0, 0, 6)


def test_a_failed_packaging_quarantines_all_pages_of_its_item(batch: Batch, tmp_path: Path):
    assert of(batch, tmp_path, batch.item_quarantined("vol-1")) == (0, 3, 0, 3)


def test_a_delivery_that_was_refused_as_a_whole_is_quarantined_until_rejected(
    batch: Batch, tmp_path: Path
):
    registered = batch.registered("vol-1")
    refusal = batch.quarantined(registered.head, "tracker")
    refusal = refusal.model_copy(
        update={"origin": refusal.origin.model_copy(update={"event_id": registered.head.event_id})}
    )

    assert of(batch, tmp_path, refusal) == (0, 3, 0, 3)
    assert of(batch, tmp_path, refusal, *judged("reject", refusal)) == (0, 0, 3, 3)


def test_a_released_page_is_in_flight_until_it_fails_again(batch: Batch, tmp_path: Path):
    fault = batch.page_quarantined(FIRST, "acquire_page")
    again = restamped(fault, event_id=ids.make_id("again"))
    released = [fault, *judged("release", fault)]

    assert of(batch, tmp_path, *released) == (0, 0, 0, 6)
    assert of(batch, tmp_path, *released, again) == (0, 1, 0, 5)


def test_a_decision_that_was_not_granted_changes_nothing(batch: Batch, tmp_path: Path):
    fault = batch.page_quarantined(FIRST, "acquire_page")
    asked = a_request("release", f"quarantine:{fault.head.event_id}")

    assert of(batch, tmp_path, fault, *decided(asked, granted=False)) == (0, 1, 0, 5)


def test_work_that_was_done_after_all_needs_nobody(batch: Batch, tmp_path: Path):
    fault = batch.page_quarantined(FIRST, "recognize_page")

    assert of(batch, tmp_path, fault, batch.recognized(FIRST)) == (0, 0, 0, 6)


def test_late_facts_of_a_corrected_page_do_not_count(batch: Batch, tmp_path: Path):
    fault = batch.page_quarantined(FIRST, "acquire_page")
    corrected = [fault, *judged("release", fault, value="new.tif", file=a_file("capture"))]
    bad = [batch.page_quarantined(THIRD, "acquire_page")]
    late = batch.read(FIRST)
    again = [restamped(fact, revision=2, event_id=ids.make_id(fact.head.event_id)) for fact in late]  # type: ignore[attr-defined]

    assert of(batch, tmp_path, *corrected, *bad, *late) == (0, 1, 0, 5)
    assert of(batch, tmp_path, *corrected, *bad, *late, *again) == (0, 3, 0, 3)


def test_a_withdrawn_page_follows_its_item(batch: Batch, tmp_path: Path):
    fault = batch.page_quarantined(FIRST, "acquire_page")
    withdrawn = [fault, *judged("withdraw", fault)]

    assert of(batch, tmp_path, *withdrawn) == (0, 0, 0, 6)
    gone_on = [*withdrawn, *batch.read(THIRD), *batch.packaged("vol-1", masters=1, missing=2)]
    assert of(batch, tmp_path, *gone_on) == (3, 0, 0, 3)


def test_a_rejected_item_counts_as_cancelled(batch: Batch, tmp_path: Path):
    fault = batch.page_quarantined(FIRST, "acquire_page")

    assert of(batch, tmp_path, fault, *judged("reject", fault)) == (0, 0, 3, 3)


def test_a_cancel_moves_what_is_not_complete(batch: Batch, tmp_path: Path):
    completed, _ = batch.packaged("vol-1", masters=2, missing=1)
    cancel = decided(a_request("cancel", "batch:b-1"))

    assert of(batch, tmp_path, *batch.read(FIRST, THIRD), completed, *cancel) == (0, 0, 3, 3)
    other = decided(a_request("cancel", "batch:b-2"))
    assert of(batch, tmp_path, *other) == (0, 0, 0, 6)


def test_of_two_manifests_under_one_batch_id_only_the_first_counts(batch: Batch, tmp_path: Path):
    other = replace(batch, manifest="m2", items={"vol-9": 4})
    received = other.received()
    refusal = batch.quarantined(received.head, "tracker")
    refusal = refusal.model_copy(
        update={"origin": refusal.origin.model_copy(update={"event_id": received.head.event_id})}
    )

    facts = [received, other.accepted(), other.registered("vol-9"), refusal]

    assert of(batch, tmp_path, *facts) == (0, 0, 0, 6)


def test_a_corrected_manifest_takes_the_place_of_one_that_was_refused(tmp_path: Path):
    first = Batch(LocalStorage(tmp_path), "b-1", {"vol-1": 1})
    record: WorkQuarantined = first.batch_quarantined()
    better = Batch(LocalStorage(tmp_path), "b-1", {"vol-1": 2}, manifest="m2")
    answer: BatchReceived = better.received().model_copy(update={"release": record.head.event_id})

    facts = [first.received(), record, answer, *better.accepted_with_items()[1:]]

    assert counts(told(*facts), "b-1", tmp_path) == Counts(2, 0, 0, 0, 2)


def test_a_refused_batch_is_judged_again_under_the_decision(batch: Batch, tmp_path: Path):
    record = batch.batch_quarantined()
    answer = judged("release", record)
    again = [
        restamped(fact, cause_id=answer[1].head.event_id)  # type: ignore[attr-defined]
        for fact in batch.accepted_with_items()[1:]
    ]

    facts = [batch.received(), record, *answer, *again]

    assert counts(told(*facts), "b-1", tmp_path) == Counts(6, 0, 0, 0, 6)


def test_without_a_store_every_registered_page_is_taken_as_one_with_a_file(batch: Batch):
    facts = told(*batch.accepted_with_items(), batch.page_quarantined(FIRST, "acquire_page"))

    assert counts(facts, "b-1") == Counts(6, 0, 1, 0, 5)


def test_a_package_of_another_revision_is_not_this_items(batch: Batch, tmp_path: Path):
    completed, published = batch.packaged("vol-1", masters=2, missing=1)
    other = decode(encode(published), PackagePublished).model_copy(update={"revision": 7})

    assert of(batch, tmp_path, completed, other) == (0, 0, 0, 6)

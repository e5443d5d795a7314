"""New versions of items, on a real PostgreSQL: a delivery that replaces a packaged item."""

import itertools
import json
import sys
from typing import Any

import pytest

from schemas import ids
from schemas.models import (
    ItemCompleted,
    ItemRegistered,
    PackagePublished,
    PageAcquired,
    PageAdmitted,
    PageRecognized,
    WorkQuarantined,
)
from streams.tracker import unit_of_work
from streams.tracker.process_manager import ProcessManager
from streams.tracker.queries import query
from tests.core_machine.dying import Crash
from tests.integration.test_persons import (
    Recorded,
    asks,
    is_rebuilt_alike,
    open_codes,
    registers,
    submission,
)
from tests.support.line_facts import Delivery
from tests.support.tracker_harness import TrackerHarness

ITEM = "vol-1"
EARLIER, LATER = "b-1", "b-2"


class Later:
    """A delivery of the same item, whose pages have a higher revision."""

    def __init__(self, storage: Any, pages: int, batch_id: str = LATER, revision: int = 2) -> None:
        self.facts = Delivery(storage, batch_id, {ITEM: pages})
        self.revision = revision

    def registered(self, replaces: str | None = ITEM) -> ItemRegistered:
        return self.facts.registered(ITEM).model_copy(update={"replaces": replaces})

    def begun(self, replaces: str | None = ITEM, sender: str = "station") -> list[Any]:
        received = submission(self.facts, None, sender)
        return [received, self.facts.accepted(), self.registered(replaces)]

    def worked(self, page_id: str, revision: int) -> tuple[PageAcquired, PageRecognized]:
        """The page as the worker hands it on."""
        admitted = ids.make_id(page_id, revision, "PageAdmitted")
        acquired_id = ids.fact_id(ids.work_id(admitted, "acquire_page"), "PageAcquired")
        recognized_id = ids.fact_id(ids.work_id(acquired_id, "recognize_page"), "PageRecognized")
        acquired = self._head(self.facts.acquired(page_id), acquired_id, admitted, revision)
        read = self._head(self.facts.recognized(page_id), recognized_id, acquired_id, revision)
        return acquired, read

    def published(self) -> PackagePublished:
        completed = ids.make_id(ITEM, self.revision, "ItemCompleted")
        event_id = ids.fact_id(ids.work_id(completed, "assemble_package"), "PackagePublished")
        fact = self._head(self.facts.published(ITEM), event_id, completed, self.revision)
        package_id = ids.package_id(ITEM, self.revision)
        return fact.model_copy(update={"package_id": package_id, "revision": self.revision})

    def _head(self, fact: Any, event_id: str, cause_id: str, revision: int) -> Any:
        changes = {"event_id": event_id, "cause_id": cause_id, "revision": revision}
        return fact.model_copy(update={"head": fact.head.model_copy(update=changes)})


@pytest.fixture
def reads(tracker: TrackerHarness) -> Recorded:
    """The tracker, as something that reads facts."""
    return Recorded(tracker)


@pytest.fixture
def packaged(reads: Recorded, storage: Any) -> Delivery:
    """An item of two pages, of which the second is withdrawn, in a settled batch."""
    batch = Delivery(storage, EARLIER, {ITEM: 2})
    first, second = batch.pages(ITEM)
    reads(submission(batch, None), batch.accepted(), batch.registered(ITEM))
    reads(batch.acquired(first), batch.recognized(first))
    damaged = batch.page_quarantined(second, "acquire_page")
    reads(damaged)
    reads(asks("withdraw", f"quarantine:{damaged.head.event_id}"))
    reads(batch.published(ITEM))
    return batch


def figures(tracker: TrackerHarness) -> dict[str, tuple[str, int, int]]:
    """State, registered and packaged pages by batch."""
    rows = tracker.conn.execute(
        "SELECT batch_id, state, registered, packaged FROM line.batch_status ORDER BY batch_id"
    )
    return {batch_id: (state, pages, done) for batch_id, state, pages, done in rows}


def test_a_delivery_that_replaces_a_packaged_item_is_its_next_version(reads, storage, packaged):
    tracker, later = reads.tracker, Later(storage, 3)

    reads(*later.begun())
    admitted = [(one.head.page_id, one.head.revision) for one in tracker.published(PageAdmitted)]
    for page_id, revision in admitted[2:]:
        reads(*later.worked(page_id, revision))
    completed = tracker.published(ItemCompleted)
    reads(later.published())

    assert admitted[2:] == [("vol-1:0001", 2), ("vol-1:0002", 2), ("vol-1:0003", 1)]
    assert [(one.head.batch_id, one.head.revision) for one in completed] == [
        (EARLIER, 1),
        (LATER, 2),
    ]
    assert figures(tracker) == {EARLIER: ("settled", 2, 2), LATER: ("settled", 3, 3)}
    assert tracker.states("packages", "package_id") == {
        "vol-1.v1": "superseded",
        "vol-1.v2": "published",
    }
    assert is_rebuilt_alike(tracker, reads.read, reads.read[::-1])


class Statements:
    """The named statements of the tracker; the process dies before the one of a number."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.left = sys.maxsize
        self.crashes = 0
        patch.setattr(unit_of_work, "query", self._query)

    def _query(self, name: str) -> Any:
        self.left -= 1
        if not self.left:
            self.crashes += 1
            raise Crash
        return query(name)


def process_with_crashes(reads: Recorded, dies: Statements, *facts: Any) -> None:
    """Read facts; the tracker dies before each statement of it, then after the commit."""
    tracker = reads.tracker
    messages = tracker.log(*facts)
    reads.read += messages
    for number in itertools.count(1):
        dies.left = number
        try:
            tracker.manager.process(messages)
            break
        except Crash:
            dies.left = sys.maxsize
            tracker.manager = ProcessManager(tracker.conn, tracker.storage, "1", 1000)
            tracker.manager.take_over()
    dies.left = sys.maxsize
    tracker.manager.process(messages)


def test_a_crash_at_any_statement_of_a_replacing_delivery_loses_nothing_and_adds_no_version(
    reads, storage, packaged, monkeypatch
):
    tracker, later, dies = reads.tracker, Later(storage, 3), Statements(monkeypatch)

    process_with_crashes(reads, dies, *later.begun())
    admitted = tracker.published(PageAdmitted)
    for one in admitted[2:]:
        for fact in later.worked(one.head.page_id, one.head.revision):
            process_with_crashes(reads, dies, fact)
    process_with_crashes(reads, dies, later.published())

    assert dies.crashes > 100
    assert [(one.head.page_id, one.head.revision) for one in admitted[2:]] == [
        *(("vol-1:0001", 2), ("vol-1:0002", 2), ("vol-1:0003", 1))
    ]
    completed = tracker.published(ItemCompleted)
    assert [(one.head.batch_id, one.head.revision) for one in completed] == [
        *((EARLIER, 1), (LATER, 2))
    ]
    assert figures(tracker) == {EARLIER: ("settled", 2, 2), LATER: ("settled", 3, 3)}
    versions = tracker.conn.execute("SELECT item_id, revision FROM line.earlier_versions")
    assert versions.fetchall() == [(ITEM, 1)]
    assert tracker.states("packages", "package_id") == {
        "vol-1.v1": "superseded",
        "vol-1.v2": "published",
    }
    assert tracker.published(WorkQuarantined) == []
    assert is_rebuilt_alike(tracker, reads.read, reads.read[::-1])


def test_a_quarantined_page_of_the_next_version_is_decided_and_rebuilt(reads, storage, packaged):
    tracker, later = reads.tracker, Later(storage, 2)
    reads(*later.begun())
    first, second = later.facts.pages(ITEM)
    reads(*later.worked(first, 2))
    work = ids.work_id(ids.make_id(second, 2, "PageAdmitted"), "acquire_page")
    damaged = later.facts.page_quarantined(second, "acquire_page")
    changes = {"event_id": ids.fact_id(work, "WorkQuarantined"), "revision": 2}
    damaged = damaged.model_copy(update={"head": damaged.head.model_copy(update=changes)})
    reads(damaged)
    held = figures(tracker)[LATER]

    reads(asks("withdraw", f"quarantine:{damaged.head.event_id}"))
    reads(later.published())

    assert held == ("settled", 2, 0)
    assert figures(tracker) == {EARLIER: ("settled", 2, 2), LATER: ("settled", 2, 2)}
    assert is_rebuilt_alike(tracker, reads.read, reads.read[::-1])


def test_a_third_version_follows_the_second_one_also_in_a_rebuild(reads, storage, packaged):
    tracker = reads.tracker
    for number in (2, 3):
        later = Later(storage, 1, f"b-{number}", revision=number)
        reads(*later.begun())
        reads(*later.worked(later.facts.pages(ITEM)[0], number))
        reads(later.published())

    assert [one.head.revision for one in tracker.published(ItemCompleted)] == [1, 2, 3]
    assert {name: state for name, (state, *_) in figures(tracker).items()} == dict.fromkeys(
        ("b-1", "b-2", "b-3"), "settled"
    )
    assert is_rebuilt_alike(tracker, reads.read, reads.read[::-1])


@pytest.mark.parametrize(
    ("replaces", "sender", "code"),
    [
        (None, "station", "item.already-delivered"),
        ("vol-9", "station", "item.already-delivered"),
        ("vol-1.v7", "station", "item.already-delivered"),
        (ITEM, "station-other", "item.already-delivered"),
    ],
)
def test_a_delivery_that_may_not_replace_the_item_is_refused(
    reads, storage, packaged, replaces, sender, code
):
    tracker, later = reads.tracker, Later(storage, 1)

    reads(*later.begun(replaces, sender))

    assert open_codes(tracker) == [code]
    assert tracker.states("packages", "package_id") == {"vol-1.v1": "published"}
    assert figures(tracker)[EARLIER] == ("settled", 2, 2)
    assert is_rebuilt_alike(tracker, reads.read)


def test_an_item_in_progress_is_not_replaced(reads, storage):
    batch, later, tracker = Delivery(storage, EARLIER, {ITEM: 1}), Later(storage, 1), reads.tracker
    reads(submission(batch, None), batch.accepted(), batch.registered(ITEM))

    reads(*later.begun())
    page = batch.pages(ITEM)[0]
    reads(batch.acquired(page), batch.recognized(page), batch.published(ITEM))

    (record,) = tracker.published(WorkQuarantined)
    assert record.code == "item.in-progress"
    assert figures(tracker)[EARLIER] == ("settled", 1, 1)
    assert is_rebuilt_alike(tracker, reads.read, reads.read[::-1])


def test_the_first_delivery_of_an_item_may_name_itself(reads, storage):
    later, tracker = Later(storage, 1, revision=1), reads.tracker

    reads(*later.begun())
    reads(*later.worked(later.facts.pages(ITEM)[0], 1))
    reads(later.published())

    assert figures(tracker)[LATER] == ("settled", 1, 1)
    assert is_rebuilt_alike(tracker, reads.read[::-1])


def test_a_record_of_the_earlier_version_that_is_open_is_superseded(reads, storage, packaged):
    tracker, later = reads.tracker, Later(storage, 1)
    optional = packaged.page_quarantined(packaged.pages(ITEM)[0], "enrich_page", required=False)
    reads(optional)
    before = open_codes(tracker)

    reads(*later.begun())

    assert (len(before), open_codes(tracker)) == (1, [])


def test_an_item_that_was_cancelled_is_delivered_again(reads, storage):
    batch, later, tracker = Delivery(storage, EARLIER, {ITEM: 2}), Later(storage, 1), reads.tracker
    reads(submission(batch, None), batch.accepted(), batch.registered(ITEM))
    reads(asks("cancel", f"batch:{EARLIER}"))

    reads(*later.begun())
    reads(*later.worked(later.facts.pages(ITEM)[0], 2))
    reads(later.published())

    assert figures(tracker) == {EARLIER: ("cancelled", 2, 0), LATER: ("settled", 1, 1)}
    assert is_rebuilt_alike(tracker, reads.read)


def test_the_earlier_version_stays_until_the_later_batch_is_accepted(reads, storage, packaged):
    tracker, later = reads.tracker, Later(storage, 1)
    received, accepted, registered = later.begun()

    reads(received, registered)
    waits = tracker.states("items", "batch_id")
    reads(accepted)

    assert (waits, tracker.states("items", "batch_id")) == (
        {EARLIER: "packaged"},
        {LATER: "running"},
    )


def test_a_version_of_a_batch_with_an_unknown_operator_changes_nothing(reads, storage, packaged):
    tracker, later = reads.tracker, Later(storage, 1)
    received, accepted, registered = later.begun()
    reads(registers("p-1"))

    reads(received, registered)
    reads(accepted.model_copy(update={"operator": "o-99"}))

    assert open_codes(tracker) == ["person.unknown"]
    assert tracker.states("items", "batch_id") == {EARLIER: "packaged"}
    assert figures(tracker)[EARLIER] == ("settled", 2, 2)
    assert is_rebuilt_alike(tracker, reads.read)


def test_the_item_record_names_the_package_that_is_superseded(reads, storage, packaged):
    tracker, later = reads.tracker, Later(storage, 1)

    reads(*later.begun())
    reads(*later.worked(later.facts.pages(ITEM)[0], 2))

    records = [json.loads(storage.read(one.files[0])) for one in tracker.published(ItemCompleted)]
    assert [one.get("supersedes") for one in records] == [None, ["vol-1.v1"]]

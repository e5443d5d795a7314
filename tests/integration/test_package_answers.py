"""Effects of the answers of repositories on packages, in the tracker's tables."""

from datetime import timedelta
from typing import Any

import pytest
from psycopg.rows import dict_row

from schemas import ids
from schemas.models import ReceiptAccepted, WorkQuarantined
from streams.clients.repository.packages import PackageFilter, PackageQueries
from tests.support.line_facts import NOON, Delivery
from tests.support.tracker_harness import TrackerHarness


def an_answer(
    batch: Delivery, accepted: bool, minute: int, repository: str = "archive", **about: Any
) -> ReceiptAccepted:
    """A receipt of the front door's for vol-1."""
    fact = batch.receipt("vol-1", accepted)
    head = fact.head.model_copy(
        update={
            "event_id": ids.make_id("answer", repository, str(accepted), minute),
            "occurred_at": NOON + timedelta(minutes=minute),
            **about,
        }
    )
    return fact.model_copy(update={"head": head, "repository": repository})


@pytest.fixture
def batch(storage) -> Delivery:
    return Delivery(storage, "b-1", {"vol-1": 2})


@pytest.fixture
def tracker(tracker, batch) -> TrackerHarness:
    """A tracker for which vol-1 is packaged."""
    tracker.process(*batch.everything())
    return tracker


def records(tracker: TrackerHarness) -> list[tuple[Any, ...]]:
    """Code, subject and state of all quarantine records, in order."""
    return tracker.conn.execute(
        "SELECT code, batch_id, item_id, page_id, state FROM line.quarantine"
        " ORDER BY occurred_at, quarantine_id"
    ).fetchall()


def state(tracker: TrackerHarness, package_id: str = "vol-1.v1") -> str:
    return tracker.states("packages", "package_id")[package_id]


def test_an_acceptance_makes_the_package_accepted_and_nothing_else(tracker, batch):
    before = tracker.counts("b-1")

    tracker.process(an_answer(batch, True, 1))

    assert (state(tracker), records(tracker), tracker.counts("b-1")) == ("accepted", [], before)


def test_a_refusal_is_quarantined_for_the_package_and_moves_no_page(tracker, batch):
    before, pages = tracker.counts("b-1"), tracker.states("pages", "page_id")

    tracker.process(an_answer(batch, False, 1))

    (told,) = tracker.published(WorkQuarantined)
    assert state(tracker) == "refused"
    assert records(tracker) == [("package.refused", "b-1", "vol-1", None, "open")]
    assert (told.code, told.where, told.required) == ("package.refused", "package vol-1.v1", False)
    assert told.found == "archive: no embargo date"
    assert (tracker.counts("b-1"), tracker.states("pages", "page_id")) == (before, pages)
    assert tracker.counts_add_up()


def test_the_batch_and_page_in_an_answer_are_ignored(tracker, batch):
    lie = an_answer(batch, False, 1, batch_id="b-9", item_id="vol-9", page_id="vol-1:0001")

    tracker.process(lie)

    assert records(tracker) == [("package.refused", "b-1", "vol-1", None, "open")]
    assert set(tracker.states("pages", "page_id").values()) == {"packaged"}


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_later_answer_of_the_same_repository_counts_and_closes_the_record(tracker, batch, order):
    answers = [an_answer(batch, False, 1), an_answer(batch, True, 2)]

    for at in order:
        tracker.process(answers[at])

    assert state(tracker) == "accepted"
    assert [row[4] for row in records(tracker)] == ["superseded"]


def test_a_refusal_of_one_repository_outweighs_the_acceptance_of_another(tracker, batch):
    tracker.process(an_answer(batch, False, 1, "archive"), an_answer(batch, True, 2, "library"))

    assert state(tracker) == "refused"
    assert [row[4] for row in records(tracker)] == ["open"]


def test_an_answer_that_comes_before_its_package_is_kept(connect_tracker, storage, batch):
    tracker = TrackerHarness(connect_tracker, storage)
    *facts, package = batch.everything()

    tracker.process(*facts, an_answer(batch, False, 1))
    tracker.process(package)

    assert (state(tracker), [row[4] for row in records(tracker)]) == ("refused", ["open"])


def test_a_higher_revision_supersedes_package_and_refusal(tracker, batch):
    tracker.process(an_answer(batch, False, 1))
    second = batch.published("vol-1")
    head = second.head.model_copy(update={"event_id": ids.make_id("v2"), "revision": 2})
    change = {"head": head, "package_id": "vol-1.v2", "revision": 2}

    tracker.process(second.model_copy(update=change))

    assert (state(tracker), state(tracker, "vol-1.v2")) == ("superseded", "published")
    assert [row[4] for row in records(tracker)] == ["superseded"]


def test_an_answer_that_comes_twice_changes_nothing(tracker, batch):
    tracker.process(an_answer(batch, False, 1))
    tracker.process(an_answer(batch, False, 1))

    assert len(records(tracker)) == 1


def test_packages_without_an_answer_are_counted_after_some_days(tracker, batch, connect_tracker):
    tracker.conn.execute("UPDATE line.packages SET published_at = now() - interval '15 days'")
    with connect_tracker() as conn:
        conn.row_factory = dict_row
        known = PackageQueries(conn)
        late, young = timedelta(days=14), timedelta(days=16)
        told = [known.unanswered(age)["count"] for age in (late, young)]
        listed = [row["package_id"] for row in known.list(PackageFilter(unanswered_for=late))]
    tracker.process(an_answer(batch, True, 1))
    with connect_tracker() as conn:
        conn.row_factory = dict_row
        after = PackageQueries(conn).unanswered(late)

    assert (told, listed) == ([1, 0], ["vol-1.v1"])
    assert after == {"count": 0, "oldest": None}

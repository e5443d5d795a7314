"""What repositories' answers do to packages, in the tracker's tables on a real PostgreSQL."""

from datetime import timedelta
from typing import Any

import pytest
from psycopg.rows import dict_row

from schemas import ids
from schemas.models import ReceiptAccepted, WorkQuarantined
from streams.clients.repository.packages import PackageFilter, PackageQueries
from tests.integration.test_tracker import Bench, connect, storage
from tests.support.line_facts import NOON, Delivery

__all__ = ["connect", "storage"]


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
def bench(connect, storage, batch) -> Bench:
    """A line on which vol-1 is packaged."""
    made = Bench(connect, storage)
    made.take(*batch.everything())
    return made


def records(bench: Bench) -> list[tuple[Any, ...]]:
    """Code, subject and state of all quarantine records, in order."""
    return bench.conn.execute(
        "SELECT code, batch_id, item_id, page_id, state FROM line.quarantine"
        " ORDER BY occurred_at, quarantine_id"
    ).fetchall()


def state(bench: Bench, package_id: str = "vol-1.v1") -> str:
    return bench.states("packages", "package_id")[package_id]


def test_an_acceptance_makes_the_package_accepted_and_nothing_else(bench, batch):
    before = bench.counts("b-1")

    bench.take(an_answer(batch, True, 1))

    assert (state(bench), records(bench), bench.counts("b-1")) == ("accepted", [], before)


def test_a_refusal_is_set_aside_at_the_package_and_moves_no_page(bench, batch):
    before, pages = bench.counts("b-1"), bench.states("pages", "page_id")

    bench.take(an_answer(batch, False, 1))

    (told,) = bench.told(WorkQuarantined)
    assert state(bench) == "refused"
    assert records(bench) == [("package.refused", "b-1", "vol-1", None, "open")]
    assert (told.code, told.where, told.required) == ("package.refused", "package vol-1.v1", False)
    assert told.found == "archive: no embargo date"
    assert (bench.counts("b-1"), bench.states("pages", "page_id")) == (before, pages)
    assert bench.law_holds()


def test_what_a_repository_says_of_batch_and_page_counts_for_nothing(bench, batch):
    lie = an_answer(batch, False, 1, batch_id="b-9", item_id="vol-9", page_id="vol-1:0001")

    bench.take(lie)

    assert records(bench) == [("package.refused", "b-1", "vol-1", None, "open")]
    assert set(bench.states("pages", "page_id").values()) == {"packaged"}


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_later_answer_of_the_same_repository_counts_and_closes_the_record(bench, batch, order):
    answers = [an_answer(batch, False, 1), an_answer(batch, True, 2)]

    for at in order:
        bench.take(answers[at])

    assert state(bench) == "accepted"
    assert [row[4] for row in records(bench)] == ["superseded"]


def test_a_refusal_of_one_repository_stands_beside_the_acceptance_of_another(bench, batch):
    bench.take(an_answer(batch, False, 1, "archive"), an_answer(batch, True, 2, "library"))

    assert state(bench) == "refused"
    assert [row[4] for row in records(bench)] == ["open"]


def test_an_answer_that_comes_before_its_package_is_kept(connect, storage, batch):
    bench = Bench(connect, storage)
    *facts, published = batch.everything()

    bench.take(*facts, an_answer(batch, False, 1))
    bench.take(published)

    assert (state(bench), [row[4] for row in records(bench)]) == ("refused", ["open"])


def test_a_higher_revision_supersedes_package_and_refusal(bench, batch):
    bench.take(an_answer(batch, False, 1))
    second = batch.published("vol-1")
    head = second.head.model_copy(update={"event_id": ids.make_id("v2"), "revision": 2})
    change = {"head": head, "package_id": "vol-1.v2", "revision": 2}

    bench.take(second.model_copy(update=change))

    assert (state(bench), state(bench, "vol-1.v2")) == ("superseded", "published")
    assert [row[4] for row in records(bench)] == ["superseded"]


def test_an_answer_that_comes_twice_changes_nothing(bench, batch):
    bench.take(an_answer(batch, False, 1))
    bench.take(an_answer(batch, False, 1))

    assert len(records(bench)) == 1


def test_packages_without_an_answer_are_told_after_some_days(bench, batch, connect):
    bench.conn.execute("UPDATE line.packages SET published_at = now() - interval '15 days'")
    with connect() as conn:
        conn.row_factory = dict_row
        known = PackageQueries(conn)
        late, young = timedelta(days=14), timedelta(days=16)
        told = [known.unanswered(age)["count"] for age in (late, young)]
        listed = [row["package_id"] for row in known.list(PackageFilter(unanswered_for=late))]
    bench.take(an_answer(batch, True, 1))
    with connect() as conn:
        conn.row_factory = dict_row
        after = PackageQueries(conn).unanswered(late)

    assert (told, listed) == ([1, 0], ["vol-1.v1"])
    assert after == {"count": 0, "oldest": None}

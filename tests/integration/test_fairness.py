"""The window of work on a real PostgreSQL: which pages have a place in it, and which are next."""

import json
import random
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.models import BatchSettled, Fact
from streams.tracker import admission
from streams.tracker.process_manager import ProcessManager
from streams.tracker.queries import query
from tests.support.clocked_tracker import MINUTE, ClockedTracker
from tests.support.line_facts import NOON, Delivery, a_request

pytestmark = pytest.mark.usefixtures("fixed_window")

QUEUED, RUSH_AT = 120, 30
"""Batches, and the step at which a rush batch arrives."""


def test_four_hundred_deferred_pages_free_their_places_for_a_hundred_others(
    connect_tracker, storage
):
    tracker = ClockedTracker(connect_tracker, storage, window=100)
    slow = tracker.start_batch("slow", 400)
    while waiting := [page for page in slow.pages("slow-vol") if page in at_work(tracker)]:
        tracker.defer(slow, waiting, tracker.now + 5 * MINUTE)
    assert tracker.retries() == {("slow", False): 400}

    other = tracker.start_batch("other", 100)
    working = tracker.in_window()
    tracker.finish(other, *other.pages("other-vol"))
    tracker.process(other.published("other-vol"))

    assert working == {"other": 100}
    assert tracker.counts("other")["state"] == "settled"
    assert tracker.counts("slow")["in_flight"] == 400


def test_a_rush_batch_does_not_wait_for_the_pages_of_a_window_that_has_shrunk(
    connect_tracker, storage, monkeypatch: pytest.MonkeyPatch
):
    tracker = ClockedTracker(connect_tracker, storage, window=20)
    tracker.start_batch("slow", 40)
    monkeypatch.setattr(admission, "window_size", lambda ended, _: 4)
    tracker.start_batch("other", 5)

    urgent = tracker.start_batch("urgent", 7, priority="rush")
    at_first = tracker.in_window()
    tracker.finish(urgent, *[page for page in sorted(at_work(tracker)) if "urgent" in page][:2])

    assert at_first == {"slow": 20, "urgent": 4}
    assert tracker.in_window() == {"slow": 20, "urgent": 4}
    assert tracker.admitted() == {"slow": 20, "urgent": 6}


def at_work(tracker: ClockedTracker) -> set[str]:
    """The pages in the window."""
    return {
        page for (page,) in tracker.conn.execute("SELECT page_id FROM line.pages WHERE working")
    }


def test_retries_that_are_due_together_enter_the_window_as_places_become_free(
    connect_tracker, storage
):
    tracker = ClockedTracker(connect_tracker, storage, window=10)
    slow = tracker.start_batch("slow", 40)
    while waiting := sorted(at_work(tracker)):
        tracker.defer(slow, waiting, tracker.now + MINUTE)

    tracker.now += 2 * MINUTE
    tracker.process()
    at_first = tracker.retries(), tracker.in_window()
    tracker.finish(slow, *sorted(at_work(tracker))[:3])

    assert at_first == ({("slow", False): 30, ("slow", True): 10}, {"slow": 10})
    assert tracker.retries()["slow", False] == 27
    assert tracker.in_window() == {"slow": 10}


def test_a_due_retry_precedes_new_work_of_lower_priority_and_follows_that_of_higher(
    connect_tracker, storage
):
    tracker = ClockedTracker(connect_tracker, storage, window=4)
    begun = tracker.start_batch("begun", 4)
    tracker.defer(begun, begun.pages("begun-vol"), tracker.now + MINUTE)
    low = tracker.start_batch("low", 20, "night")
    pages = low.pages("low-vol")
    tracker.now += 2 * MINUTE
    tracker.process()
    while_full = tracker.retries()

    tracker.finish(low, pages[0])
    after_one = tracker.retries()["begun", True], tracker.admitted()["low"]
    urgent = tracker.start_batch("urgent", 1, "rush")
    tracker.finish(low, pages[1])
    after_two = tracker.retries()["begun", True], tracker.admitted()["urgent"]
    tracker.finish(low, pages[2])

    assert while_full == {("begun", False): 4}
    assert after_one == (1, 4)
    assert after_two == (1, 1)
    assert (tracker.retries()["begun", True], tracker.admitted()["low"]) == (2, 4)
    assert urgent.batch_id in tracker.in_window()


def test_retries_and_new_work_of_equal_priority_share_the_window(connect_tracker, storage):
    tracker = ClockedTracker(connect_tracker, storage, window=10)
    begun = tracker.start_batch("begun", 30)
    while waiting := sorted(at_work(tracker)):
        tracker.defer(begun, waiting, tracker.now + MINUTE)
    tracker.now += 2 * MINUTE

    tracker.start_batch("new", 30)

    assert tracker.in_window() == {"begun": 5, "new": 5}


def test_a_deferred_page_keeps_its_place_while_another_required_branch_works(
    connect_tracker, storage
):
    tracker = ClockedTracker(connect_tracker, storage, window=4)
    batch = tracker.start_batch("two", 6, required_branches=("derive_page", "recognize_page"))
    first, *_ = batch.pages("two-vol")

    tracker.defer(batch, [first], tracker.now + MINUTE)
    kept = tracker.admitted()["two"]
    tracker.process(batch.page_quarantined(first, "derive_page"))

    assert kept == 4
    assert tracker.admitted()["two"] == 5


def test_an_optional_branch_neither_takes_nor_frees_a_place(connect_tracker, storage):
    tracker = ClockedTracker(connect_tracker, storage, window=4)
    batch = tracker.start_batch("two", 8)
    first = batch.pages("two-vol")[0]

    tracker.defer(batch, [first], tracker.now + MINUTE, step="enrich_page", lane="enrichment")

    assert tracker.retries() == {("two", True): 1}
    assert tracker.admitted() == {"two": 4}


def test_a_paused_batch_retries_nothing_until_it_is_resumed(connect_tracker, storage):
    tracker = ClockedTracker(connect_tracker, storage, window=4)
    batch = tracker.start_batch("slow", 2)
    tracker.defer(batch, batch.pages("slow-vol"), tracker.now + MINUTE)
    tracker.process(a_request("pause", "batch:slow"))
    tracker.now += 2 * MINUTE
    tracker.process()
    while_paused = tracker.retries()

    tracker.process(a_request("resume", "batch:slow"))

    assert while_paused == {("slow", False): 2}
    assert tracker.retries() == {("slow", True): 2}


def test_no_retry_is_held_for_a_batch_that_has_ended(connect_tracker, storage):
    tracker = ClockedTracker(connect_tracker, storage, window=4)
    ended, gone = tracker.start_batch("ended", 1), tracker.start_batch("gone", 1)
    tracker.defer(ended, ended.pages("ended-vol"), tracker.now + MINUTE)
    tracker.defer(gone, gone.pages("gone-vol"), tracker.now + MINUTE)

    tracker.finish(ended, *ended.pages("ended-vol"))
    tracker.process(ended.published("ended-vol"), a_request("cancel", "batch:gone"))
    late = gone.deferred("gone-vol:0001", 2).model_copy(
        update={"attempts_allowed": 9, "next_at": tracker.now}
    )
    tracker.process(late)

    assert tracker.retries() == {("ended", True): 1, ("gone", True): 1}
    assert {tracker.counts(name)["state"] for name in ("ended", "gone")} == {"settled", "cancelled"}


class Fairness:
    """Counts the places that each batch was given, and the widest differences between batches."""

    def __init__(self, tracker: ClockedTracker, names: list[str], pages: int) -> None:
        self.names, self.pages = names, pages
        self.given = Counter(tracker.in_window())
        self.widest_share = self.widest_spread = 0

    def record(self, before: Counter[str], after: Counter[str]) -> set[str]:
        """Fact the window before and after new admissions; returns the batches with new places."""
        for name, count in after.items():
            self.given[name] += count - before[name]
        waiting = [name for name in self.names if self.given[name] < self.pages]
        if waiting:
            shares = [after[name] for name in waiting]
            given = [self.given[name] for name in waiting]
            self.widest_share = max(self.widest_share, max(shares) - min(shares))
            self.widest_spread = max(self.widest_spread, max(given) - min(given))
        return {name for name in after if after[name] > before[name]}


def finish_some_pages(
    tracker: ClockedTracker,
    batches: dict[str, Delivery],
    ended: Counter[str],
    chance: random.Random,
) -> tuple[Counter[str], list[str]]:
    """Finish up to 20 pages in the window, and publish the packages of completed batches. Returns
    the window without these pages, and the completed batches."""
    working = sorted(at_work(tracker))
    chosen = chance.sample(working, min(20, len(working)))
    facts: list[Fact] = []
    completed = []
    for page in chosen:
        batch = batches[page.split("-")[0]]
        ended[batch.batch_id] += 1
        facts += [batch.acquired(page), batch.recognized(page)]
        if ended[batch.batch_id] == sum(batch.items.values()):
            facts.append(batch.published(f"{batch.batch_id}-vol"))
            completed.append(batch.batch_id)
    left = Counter(page.split("-")[0] for page in working)
    left.subtract(page.split("-")[0] for page in chosen)
    tracker.process(*facts)
    return left, completed


def test_queued_batches_take_turns_and_a_rush_batch_goes_first(connect_tracker, storage):
    """Fair: no waiting batch has two places more than another or was given three places more than
    another, and no batch is finished before all have started."""
    tracker, chance = ClockedTracker(connect_tracker, storage, window=40), random.Random(5)
    names = [f"q{number:03}" for number in range(QUEUED)]
    batches = {name: Delivery(storage, name, {f"{name}-vol": 20}) for name in names}
    facts = [one for b in batches.values() for one in (b.received(), b.accepted())]
    tracker.process(*facts, *(batch.registered(f"{name}-vol") for name, batch in batches.items()))
    fairness, ended = Fairness(tracker, names, 20), Counter[str]()
    before_rush: set[str] = set()

    for number in range(1000):
        if not at_work(tracker):
            break
        waiting_to_start = [name for name in names if not fairness.given[name]]
        window, completed = finish_some_pages(tracker, batches, ended, chance)
        assert not completed or not waiting_to_start, f"{completed} before {waiting_to_start}"
        started = fairness.record(window, tracker.in_window())
        if number == RUSH_AT:
            batches["rush"] = tracker.start_batch("rush", 20, "rush")
            fairness.given["rush"] += tracker.in_window()["rush"]
        elif number > RUSH_AT and fairness.given["rush"] < 20:
            before_rush |= started - {"rush"}

    states = Counter(tracker.states("batch_status", "batch_id").values())
    assert states == {"settled": QUEUED + 1}, states
    assert len(tracker.published(BatchSettled)) == QUEUED + 1
    widest = (fairness.widest_share, fairness.widest_spread)
    assert widest <= (1, 2), widest
    assert before_rush == set()
    assert set(fairness.given.values()) == {20}


def test_the_cost_of_a_transaction_does_not_grow_with_what_waits(connect_tracker, storage):
    tracker = ClockedTracker(connect_tracker, storage, window=20)
    tracker.conn.execute(
        "INSERT INTO line.batches (batch_id, received_id, accepted_id, accepted_at, item_count, page_count)"
        " SELECT 'b' || n, 'r' || n, 'a' || n, now(), 1, 333 FROM generate_series(1, 300) n;"
        "INSERT INTO line.items (item_id, item_key, batch_id, registered_id, registered_at, revision,"
        " page_count, required, page_list, profile)"
        " SELECT 'i' || n, 'i' || n, 'b' || n, 'g' || n, now(), 1, 333, '{acquire_page,recognize_page}',"
        " '{}', '{}' FROM generate_series(1, 300) n;"
        "INSERT INTO line.pages (page_id, item_id, batch_id, ref, sequence, kind, revision, entry)"
        " SELECT 'i' || n || ':' || s, 'i' || n, 'b' || n, s::text, s, 'page', 1, '{}'"
        " FROM generate_series(1, 300) n, generate_series(1, 333) s;"
        "INSERT INTO line.outbox (not_before, topic, value, page_id, held_for)"
        " SELECT now() + interval '1 hour', 't', '', 'i' || n || ':' || s, 'b' || n"
        " FROM generate_series(1, 300) n, generate_series(1, 333) s"
    )
    tracker.conn.execute("ANALYZE")

    values = {"places": 20, "now": datetime.now(UTC), "has_space": True, "is_night": True}
    values["priorities"] = ["rush", "normal", "night"]
    queries = ("window", "waiting_batches", "late_pages")
    read = {name: rows_read(tracker, name, values) for name in queries}

    assert read["window"] + read["late_pages"] < 10
    # One row of each of the 300 batches, and 20 pages of each of the first 20.
    assert 400 <= read["waiting_batches"] < 2000, read


def rows_read(tracker: ClockedTracker, name: str, values: dict[str, Any]) -> float:
    """The number of rows of pages and of the outbox that a query reads."""
    text = f"EXPLAIN (ANALYZE, FORMAT JSON) {query(name).as_string()}"
    (plan,) = tracker.conn.execute(text.encode(), values).fetchone() or ((),)
    document = json.loads(plan) if isinstance(plan, str) else plan

    def rows(node: dict[str, Any]) -> float:
        own = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
        counts = node.get("Relation Name") in ("pages", "outbox")
        return own * node["Actual Loops"] * counts + sum(map(rows, node.get("Plans", ())))

    return rows(document[0]["Plan"])


@pytest.mark.parametrize("has_space", [True, False])
def test_without_space_in_the_store_no_page_starts_and_started_pages_continue(
    connect_tracker, storage, has_space
):
    tracker = ClockedTracker(connect_tracker, storage, window=4)
    begun = tracker.start_batch("begun", 2)
    tracker.defer(begun, begun.pages("begun-vol"), tracker.now + MINUTE)
    full = ProcessManager(
        *(tracker.conn, storage, "1", 2),
        has_space=lambda: has_space,
        clock=lambda: NOON + 2 * MINUTE,
    )
    full.take_over()
    tracker.manager = full

    tracker.start_batch("new", 2)

    assert tracker.retries() == {("begun", True): 2}
    assert tracker.admitted()["new"] == (2 if has_space else 0)

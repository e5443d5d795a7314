"""The window of work on a real PostgreSQL: who has a place in it, and whose turn it is."""

import json
import random
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.models import BatchSettled
from streams.tracker.process_manager import ProcessManager
from streams.tracker.queries import query
from tests.integration.test_tracker import connect, storage
from tests.support.clocked import MINUTE, Clocked, fixed_window
from tests.support.line_facts import NOON, Delivery, a_request

__all__ = ["connect", "fixed_window", "storage"]
pytestmark = pytest.mark.usefixtures("fixed_window")


def test_pages_whose_work_is_deferred_make_room_and_four_hundred_do_not_stop_a_hundred(
    connect, storage
):
    line = Clocked(connect, storage, window=100)
    slow = line.batch("slow", 400)
    while waiting := [page for page in slow.pages("slow-vol") if page in at_work(line)]:
        line.defer(slow, waiting, line.now + 5 * MINUTE)
    assert line.retries() == {("slow", False): 400}

    other = line.batch("other", 100)
    working = line.working()
    line.end(other, *other.pages("other-vol"))
    line.take(other.published("other-vol"))

    assert working == {"other": 100}
    assert line.counts("other")["state"] == "settled"
    assert line.counts("slow")["in_flight"] == 400


def at_work(line: Clocked) -> set[str]:
    return {page for (page,) in line.conn.execute("SELECT page_id FROM line.pages WHERE working")}


def test_retries_that_fall_due_together_enter_again_as_there_is_room_and_not_at_once(
    connect, storage
):
    line = Clocked(connect, storage, window=10)
    slow = line.batch("slow", 40)
    while waiting := sorted(at_work(line)):
        line.defer(slow, waiting, line.now + MINUTE)

    line.now += 2 * MINUTE
    line.take()
    at_first = line.retries(), line.working()
    line.end(slow, *sorted(at_work(line))[:3])

    assert at_first == ({("slow", False): 30, ("slow", True): 10}, {"slow": 10})
    assert line.retries()["slow", False] == 27
    assert line.working() == {"slow": 10}


def test_a_due_retry_goes_before_new_work_of_lower_priority_and_after_what_is_urgent(
    connect, storage
):
    line = Clocked(connect, storage, window=4)
    begun = line.batch("begun", 4)
    line.defer(begun, begun.pages("begun-vol"), line.now + MINUTE)
    low = line.batch("low", 20, "night")
    pages = low.pages("low-vol")
    line.now += 2 * MINUTE
    line.take()
    while_full = line.retries()

    line.end(low, pages[0])
    after_one = line.retries()["begun", True], line.admitted()["low"]
    urgent = line.batch("urgent", 1, "rush")
    line.end(low, pages[1])
    after_two = line.retries()["begun", True], line.admitted()["urgent"]
    line.end(low, pages[2])

    assert while_full == {("begun", False): 4}
    assert after_one == (1, 4)
    assert after_two == (1, 1)
    assert (line.retries()["begun", True], line.admitted()["low"]) == (2, 4)
    assert urgent.batch_id in line.working()


def test_retries_and_new_work_of_equal_priority_share_the_window(connect, storage):
    line = Clocked(connect, storage, window=10)
    begun = line.batch("begun", 30)
    while waiting := sorted(at_work(line)):
        line.defer(begun, waiting, line.now + MINUTE)
    line.now += 2 * MINUTE

    line.batch("new", 30)

    assert line.working() == {"begun": 5, "new": 5}


def test_a_page_with_another_required_branch_at_work_keeps_its_place(connect, storage):
    line = Clocked(connect, storage, window=4)
    batch = line.batch("two", 6, required_branches=("derive_page", "recognize_page"))
    first, *_ = batch.pages("two-vol")

    line.defer(batch, [first], line.now + MINUTE)
    kept = line.admitted()["two"]
    line.take(batch.page_quarantined(first, "derive_page"))

    assert kept == 4
    assert line.admitted()["two"] == 5


def test_a_branch_that_nobody_waits_for_takes_no_place_and_gives_none(connect, storage):
    line = Clocked(connect, storage, window=4)
    batch = line.batch("two", 8)
    first = batch.pages("two-vol")[0]

    line.defer(batch, [first], line.now + MINUTE, step="enrich_page", lane="enrichment")

    assert line.retries() == {("two", True): 1}
    assert line.admitted() == {"two": 4}


def test_a_paused_batch_tries_nothing_again_until_it_goes_on(connect, storage):
    line = Clocked(connect, storage, window=4)
    batch = line.batch("slow", 2)
    line.defer(batch, batch.pages("slow-vol"), line.now + MINUTE)
    line.take(a_request("pause", "batch:slow"))
    line.now += 2 * MINUTE
    line.take()
    while_paused = line.retries()

    line.take(a_request("resume", "batch:slow"))

    assert while_paused == {("slow", False): 2}
    assert line.retries() == {("slow", True): 2}


def test_no_retry_is_left_behind_when_its_batch_is_over(connect, storage):
    line = Clocked(connect, storage, window=4)
    ended, gone = line.batch("ended", 1), line.batch("gone", 1)
    line.defer(ended, ended.pages("ended-vol"), line.now + MINUTE)
    line.defer(gone, gone.pages("gone-vol"), line.now + MINUTE)

    line.end(ended, *ended.pages("ended-vol"))
    line.take(ended.published("ended-vol"), a_request("cancel", "batch:gone"))
    late = gone.deferred("gone-vol:0001", 2).model_copy(
        update={"attempts_allowed": 9, "next_at": line.now}
    )
    line.take(late)

    assert line.retries() == {("ended", True): 1, ("gone", True): 1}
    assert {line.counts(name)["state"] for name in ("ended", "gone")} == {"settled", "cancelled"}


def test_three_hundred_queued_batches_take_turns_and_a_rush_batch_goes_first(connect, storage):
    """Fair means here: no waiting batch has two places more than another, none was given three
    places more than another, and no batch is finished before every one has begun."""
    line, chance = Clocked(connect, storage, window=40), random.Random(5)
    names = [f"q{number:03}" for number in range(300)]
    batches = {name: Delivery(storage, name, {f"{name}-vol": 20}) for name in names}
    facts = [one for b in batches.values() for one in (b.received(), b.accepted())]
    line.take(*facts, *(batch.registered(f"{name}-vol") for name, batch in batches.items()))
    given, ended = Counter(line.working()), Counter()
    widest_share = widest_spread = 0
    rush_waited_for = []

    for turn in range(1000):
        working = sorted(at_work(line))
        if not working:
            break
        chosen = chance.sample(working, min(20, len(working)))
        facts = []
        for page in chosen:
            batch = batches[page.split("-")[0]]
            ended[batch.batch_id] += 1
            facts += [batch.acquired(page), batch.recognized(page)]
            if ended[batch.batch_id] == sum(batch.items.values()):
                facts.append(batch.published(f"{batch.batch_id}-vol"))
                unbegun = [name for name in names if not given[name]]
                assert unbegun == [], f"{batch.batch_id} ended before these had begun"
        before = Counter(page.split("-")[0] for page in working)
        before.subtract(page.split("-")[0] for page in chosen)
        line.take(*facts)
        after = line.working()
        for name, count in after.items():
            given[name] += count - before[name]
        if turn == 100:
            batches["rush"] = line.batch("rush", 20, "rush")
            given["rush"] += line.working()["rush"]
        elif turn > 100 and given["rush"] < 20:
            rush_waited_for += [
                name for name in after if name != "rush" and after[name] > before[name]
            ]
        waiting = [name for name in names if given[name] < 20]
        if waiting:
            shares, places = [after[name] for name in waiting], [given[name] for name in waiting]
            widest_share = max(widest_share, max(shares) - min(shares))
            widest_spread = max(widest_spread, max(places) - min(places))

    states = Counter(line.states("batch_status", "batch_id").values())
    assert states == {"settled": 301}, states
    assert len(line.told(BatchSettled)) == 301
    assert (widest_share, widest_spread) <= (1, 2), (widest_share, widest_spread)
    assert rush_waited_for == []
    assert (given["rush"], set(given.values())) == (20, {20})


def test_the_cost_of_a_turn_does_not_follow_all_that_waits(connect, storage):
    line = Clocked(connect, storage, window=20)
    line.conn.execute(
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
    line.conn.execute("ANALYZE")

    values = {"room": 20, "now": datetime.now(UTC), "new": True, "night": True}
    values["ranks"] = ["rush", "normal", "night"]
    read = {name: rows_read(line, name, values) for name in ("window", "waiting", "late")}

    assert read["window"] + read["late"] < 10
    # A look at each of the 300 batches, and 20 pages of each of the 20 that come first.
    assert 400 <= read["waiting"] < 2000, read


def rows_read(line: Clocked, name: str, values: dict[str, Any]) -> float:
    """Rows that a query reads of pages and of the outbox."""
    text = f"EXPLAIN (ANALYZE, FORMAT JSON) {query(name).as_string()}"
    (plan,) = line.conn.execute(text.encode(), values).fetchone() or ((),)
    document = json.loads(plan) if isinstance(plan, str) else plan

    def rows(node: dict[str, Any]) -> float:
        own = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
        counts = node.get("Relation Name") in ("pages", "outbox")
        return own * node["Actual Loops"] * counts + sum(map(rows, node.get("Plans", ())))

    return rows(document[0]["Plan"])


@pytest.mark.parametrize("room", [True, False])
def test_without_space_in_the_store_nothing_new_is_begun_and_what_was_begun_goes_on(
    connect, storage, room
):
    line = Clocked(connect, storage, window=4)
    begun = line.batch("begun", 2)
    line.defer(begun, begun.pages("begun-vol"), line.now + MINUTE)
    full = ProcessManager(
        *(line.conn, storage, "1", 2), has_room=lambda: room, clock=lambda: NOON + 2 * MINUTE
    )
    full.fence()
    line.line = full

    line.batch("new", 2)

    assert line.retries() == {("begun", True): 2}
    assert line.admitted()["new"] == (2 if room else 0)

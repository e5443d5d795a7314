"""Which work enters the window, decided without a database."""

import pytest

from streams.tracker.admission import WaitingBatch, select_work, window_size


def pages(batch_id: str, count: int) -> tuple[str, ...]:
    return tuple(f"{batch_id}:{number}" for number in range(count))


def test_admits_rush_before_normal_before_night():
    waiting = [
        WaitingBatch("c", "night", 0, pages("c", 3)),
        WaitingBatch("b", "normal", 0, pages("b", 2)),
        WaitingBatch("a", "rush", 90, pages("a", 2)),
    ]

    selected = select_work(5, waiting)

    assert selected == ["a:0", "a:1", "b:0", "b:1", "c:0"]


def test_gives_batches_of_equal_priority_equal_shares_of_the_window():
    waiting = [
        WaitingBatch("a", "normal", 4, pages("a", 9)),
        WaitingBatch("b", "normal", 1, pages("b", 9)),
    ]

    selected = select_work(7, waiting)

    shares = {"a": 4, "b": 1}
    for page in selected:
        shares[str(page)[0]] += 1
    assert shares == {"a": 6, "b": 6}


def test_admits_the_pages_of_a_batch_in_their_order():
    selected = select_work(2, [WaitingBatch("a", "normal", 0, ("a:1", "a:2", "a:3"))])

    assert selected == ["a:1", "a:2"]


def test_of_equal_shares_the_batch_that_has_waited_longest_goes_first():
    waiting = [
        WaitingBatch("a", "normal", 0, ("a:1", "a:2"), last_place=9),
        WaitingBatch("b", "normal", 0, ("b:1", "b:2"), last_place=3),
        WaitingBatch("c", "normal", 1, ("c:1",), last_place=1),
    ]

    assert select_work(5, waiting) == ["b:1", "a:1", "c:1", "b:2", "a:2"]


def test_retries_of_a_batch_precede_its_new_pages_and_follow_a_higher_priority():
    waiting = [
        WaitingBatch("a", "normal", 0, ("a:1",), retries=(7, 8)),
        WaitingBatch("b", "normal", 0, ("b:1", "b:2")),
        WaitingBatch("c", "rush", 5, ("c:1",)),
    ]

    assert select_work(5, waiting) == ["c:1", 7, "b:1", 8, "b:2"]


@pytest.mark.parametrize(("ended", "pool", "window"), [(0, 4, 8), (100, 4, 100), (9000, 4, 500)])
def test_the_window_follows_what_ended_recently_within_limits(ended, pool, window):
    assert window_size(ended, pool) == window

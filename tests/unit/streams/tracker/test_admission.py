"""What the tracker decides without a database: admission and retries."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from processors.outcome import ErrorClass
from streams.execution.retry_policy import POLICIES, delay, next_try, policy_of
from streams.named_queries import NamedQueries
from streams.tracker.admission import Waiting, choose, window_size
from streams.tracker.queries import query

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def pages(batch_id: str, count: int) -> tuple[str, ...]:
    return tuple(f"{batch_id}:{number}" for number in range(count))


def test_admits_rush_before_normal_before_night():
    waiting = [
        Waiting("c", "night", 0, pages("c", 3)),
        Waiting("b", "normal", 0, pages("b", 2)),
        Waiting("a", "rush", 90, pages("a", 2)),
    ]

    chosen = choose(5, waiting)

    assert chosen == ["a:0", "a:1", "b:0", "b:1", "c:0"]


def test_gives_batches_of_equal_priority_equal_shares_of_the_window():
    waiting = [Waiting("a", "normal", 4, pages("a", 9)), Waiting("b", "normal", 1, pages("b", 9))]

    chosen = choose(7, waiting)

    shares = {"a": 4, "b": 1}
    for page in chosen:
        shares[page[0]] += 1
    assert shares == {"a": 6, "b": 6}


def test_admits_the_pages_of_a_batch_in_their_order():
    chosen = choose(2, [Waiting("a", "normal", 0, ("a:1", "a:2", "a:3"))])

    assert chosen == ["a:1", "a:2"]


@pytest.mark.parametrize(("ended", "pool", "window"), [(0, 4, 8), (100, 4, 100), (9000, 4, 500)])
def test_the_window_follows_what_ended_lately_within_bounds(ended, pool, window):
    assert window_size(ended, pool) == window


def test_the_same_deferral_waits_the_same_time():
    policy = POLICIES[ErrorClass.UNKNOWN]

    assert delay(policy, 2, "seed") == delay(policy, 2, "seed")
    assert delay(policy, 2, "seed") != delay(policy, 2, "another seed")


@pytest.mark.parametrize("error_class", list(ErrorClass))
def test_a_delay_lies_between_nothing_and_the_cap(error_class):
    policy = policy_of(error_class)

    delays = [delay(policy, attempt, str(attempt)) for attempt in range(1, 40)]

    assert all(timedelta(0) <= one <= timedelta(seconds=policy.cap_seconds) for one in delays)


def test_gives_up_after_the_last_attempt():
    last = POLICIES[ErrorClass.TOOL_HUNG].attempts

    assert next_try("tool-hung", last - 1, "e", NOON, None) is not None
    assert next_try("tool-hung", last, "e", NOON, None) is None


def test_waits_as_long_as_the_cause_asked_for():
    due = next_try("unknown", 1, "e", NOON, 3600.0)

    assert due == NOON + timedelta(hours=1) + delay(policy_of("unknown"), 1, "e")


def test_an_error_class_that_nobody_foresaw_is_unknown():
    assert policy_of("gremlins") is POLICIES[ErrorClass.UNKNOWN]


def test_every_query_has_one_name(tmp_path: Path):
    twice = tmp_path / "twice.sql"
    twice.write_text("-- name: one\nSELECT 1;\n-- name: one\nSELECT 2;\n")

    with pytest.raises(ValueError, match="query name twice"):
        NamedQueries(twice)
    assert query("derive_pages").as_string()

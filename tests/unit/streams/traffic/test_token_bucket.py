"""A rate that holds for amounts of any size, and a burst after idle time."""

import random

import pytest

from streams.traffic.token_bucket import TokenBucket


def seconds_for(bucket: TokenBucket, amounts: list[float], now: float) -> float:
    """How long a taker needs that waits as long as it is asked to."""
    began = now
    for amount in amounts:
        while wait := bucket.attempt(amount, now):
            now += wait
    return now - began


def test_the_rate_holds_for_amounts_of_any_size():
    chosen = random.Random(7)
    for largest in (1, 50, 5_000):
        bucket = TokenBucket(rate=100, burst=10)
        amounts = [chosen.uniform(0.01, largest) for _ in range(5_000)]

        needed = seconds_for(bucket, amounts, now=0)

        # The last amount is taken before it is paid for.
        assert needed == pytest.approx((sum(amounts) - amounts[-1]) / 100, rel=0.001, abs=0.02)


def test_idle_time_saves_a_burst_and_no_more():
    bucket = TokenBucket(rate=100, burst=30)
    bucket.fill(now=1_000)

    assert [bucket.attempt(10, 1_000) for _ in range(3)] == [0, 0, 0]
    assert bucket.attempt(10, 1_000) > 0


def test_a_large_amount_is_a_debt_that_the_next_taker_waits_for():
    bucket = TokenBucket.full(rate=100, burst=10, now=0)

    assert bucket.attempt(510, 0) == 0
    assert bucket.wait_seconds(0) == pytest.approx(5)
    assert not bucket.may_take(4.99) and bucket.may_take(5.01)


def test_a_clock_that_goes_back_gives_nothing_and_takes_nothing():
    bucket = TokenBucket(rate=100, burst=10, tokens=5, filled_at=50)

    bucket.fill(now=20)
    bucket.fill(now=20.01)

    assert bucket.tokens == pytest.approx(6)


def test_what_must_not_wait_is_paid_by_the_others():
    bucket = TokenBucket.full(rate=100, burst=10, now=0)

    bucket.take(210)

    assert bucket.wait_seconds(0) == pytest.approx(2)

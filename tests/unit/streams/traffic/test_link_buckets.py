"""Shares of a link, with a clock that the test moves."""

import math
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import pytest

from streams.traffic.link_buckets import (
    COUNT,
    LONGEST_WAIT_SECONDS,
    WANTED_SECONDS,
    LinkRates,
    LinkState,
    TrafficClass,
    attempt,
    speed_at,
)

MASTERS, ACCESS, PACKAGES, REPAIR = TrafficClass
TOTAL = 10_000_000.0
MINIMUMS = {MASTERS: 0.4, ACCESS: 0.1, PACKAGES: 0.1, REPAIR: 0.05}
PART = 250_000


def rates(total: float = TOTAL) -> LinkRates:
    return LinkRates(
        total,
        {one: total * share for one, share in MINIMUMS.items()},
        dict.fromkeys(TrafficClass, 200_000.0),
    )


@dataclass
class Sender:
    """A process that sends parts of a class while it has any."""

    which: TrafficClass
    part: Callable[[], int] = lambda: PART
    begins: float = 0.0
    ends: float = math.inf
    sent: list[tuple[float, int]] = field(default_factory=list)
    next_at: float = 0.0

    def bytes_between(self, begin: float, end: float) -> int:
        return sum(size for at, size in self.sent if begin <= at < end)


def run(senders: Iterable[Sender], seconds: float, state: LinkState | None = None) -> LinkState:
    """Let senders ask, each when it was told to; the one that is due first goes first."""
    state = state or LinkState()
    active = list(senders)
    for one in active:
        one.next_at = max(one.next_at, one.begins)
    while True:
        one = min(active, key=lambda sender: sender.next_at)
        now = one.next_at
        if now >= seconds:
            return state
        if now >= one.ends:
            one.next_at = math.inf
            continue
        size = one.part()
        wait = attempt(state, rates(), one.which, size, now)
        if wait == 0:
            one.sent.append((now, size))
        one.next_at = now + (wait or 1e-6)


def test_all_that_want_more_get_their_minimum_and_masters_get_the_rest():
    senders = {which: Sender(which) for which in TrafficClass}

    run(senders.values(), 60)

    shares = {which: one.bytes_between(10, 60) / (50 * TOTAL) for which, one in senders.items()}
    assert shares[ACCESS] == pytest.approx(0.10, rel=0.01)
    assert shares[PACKAGES] == pytest.approx(0.10, rel=0.01)
    assert shares[REPAIR] == pytest.approx(0.05, rel=0.01)
    assert shares[MASTERS] == pytest.approx(0.75, rel=0.01)


def test_one_class_alone_gets_the_link():
    for which in TrafficClass:
        alone = Sender(which)

        run([alone], 30)

        assert alone.bytes_between(5, 30) / (25 * TOTAL) == pytest.approx(1, rel=0.01)


def test_unused_rate_goes_to_the_first_class_that_wants_it():
    access, repair = Sender(ACCESS), Sender(REPAIR)

    run([access, repair], 60)

    assert repair.bytes_between(10, 60) / (50 * TOTAL) == pytest.approx(0.05, rel=0.02)
    assert access.bytes_between(10, 60) / (50 * TOTAL) == pytest.approx(0.95, rel=0.01)


def test_two_senders_of_a_class_get_together_what_one_would():
    pair, packages = [Sender(MASTERS), Sender(MASTERS)], Sender(PACKAGES)

    run([*pair, packages], 60)

    together = sum(one.bytes_between(10, 60) for one in pair) / (50 * TOTAL)
    assert together == pytest.approx(0.90, rel=0.01)


def test_borrowed_rate_is_returned_within_a_second():
    packages, access = Sender(PACKAGES), Sender(ACCESS)
    masters = Sender(MASTERS, begins=30)

    run([packages, access, masters], 60)

    # Before that the two used what masters left; from then on masters have it at once.
    assert access.bytes_between(20, 30) > 0.85 * 10 * TOTAL
    assert masters.bytes_between(30, 31) >= 0.8 * TOTAL * 0.75
    assert masters.bytes_between(31, 60) / (29 * TOTAL) == pytest.approx(0.8, rel=0.01)


def test_no_class_starves_and_the_link_is_never_exceeded_under_random_loads():
    for seed in range(12):
        chosen = random.Random(seed)
        largest = chosen.choice([500_000, 2_000_000, 5_000_000])
        steady = {
            which: Sender(which, lambda c=chosen, m=largest: c.randint(m // 4, m))
            for which in TrafficClass
            if chosen.random() < 0.7
        }
        others = []
        for _ in range(chosen.randrange(8)):
            begins = chosen.uniform(0, 40)
            which, ends = chosen.choice(list(TrafficClass)), begins + chosen.uniform(0, 30)
            others.append(
                Sender(which, lambda c=chosen, m=largest: c.randint(m // 4, m), begins, ends)
            )

        run([*steady.values(), *others], 50)

        for which in steady:
            of_class = [one for one in [*steady.values(), *others] if one.which is which]
            passed = sum(one.bytes_between(10, 50) for one in of_class)
            # One part may have been taken before it was paid.
            assert passed >= 40 * TOTAL * MINIMUMS[which] * 0.99 - largest, (seed, which)
        all_bytes = sum(one.bytes_between(0, 50) for one in [*steady.values(), *others])
        assert all_bytes <= 50 * TOTAL + 5 * largest + 5_000_000, seed


def test_a_killed_waiter_delays_the_others_for_a_moment_only():
    state = LinkState()
    run([Sender(MASTERS, lambda: 2_000_000)], 10, state)
    # It waits when it is killed, and does not ask again.
    while attempt(state, rates(), MASTERS, PART, 10.0001) == 0:
        pass
    packages = Sender(PACKAGES, begins=10.001)

    run([packages], 20, state)

    late = 10 + WANTED_SECONDS + 0.5
    assert packages.bytes_between(late, 20) / ((20 - late) * TOTAL) == pytest.approx(1, rel=0.01)


def test_a_waiter_is_asked_to_come_back_before_its_turn_is_lost():
    assert LONGEST_WAIT_SECONDS < WANTED_SECONDS / 2


def test_a_lower_rate_holds_from_the_next_attempt():
    state = LinkState()
    sender = Sender(ACCESS)
    run([sender], 10, state)
    now, passed = 10.0, 0
    while now < 20:
        wait = attempt(state, rates(TOTAL / 10), ACCESS, PART, now)
        passed += 0 if wait else PART
        now += wait

    assert passed == pytest.approx(TOTAL, rel=0.1)


def test_without_rates_all_pass_and_are_counted():
    state = LinkState()

    waits = [attempt(state, None, REPAIR, 10_000, now / 10) for now in range(1, 1001)]

    assert set(waits) == {0.0}
    repair = state.classes[3]
    assert repair.size_bytes == 10_000_000
    assert speed_at(repair, 100) == pytest.approx(100_000, rel=0.02)
    assert speed_at(repair, 130) < 1_000


def test_a_state_survives_as_numbers_and_a_damaged_one_is_replaced():
    state = LinkState()
    run([Sender(MASTERS), Sender(REPAIR)], 5, state)
    numbers = state.numbers()

    assert len(numbers) == COUNT
    assert LinkState.of(numbers, 5.0) == state
    # After a boot the clock is behind; a write that was cut may have left anything.
    fresh = LinkState.of(numbers, 1.0)
    assert fresh.classes[0].size_bytes == 0 and fresh.filled_at == 1.0
    for at in range(COUNT):
        broken = [*numbers[:at], math.nan, *numbers[at + 1 :]]
        assert LinkState.of(broken, 5.0).filled_at == 5.0

"""A lane begins no more than its limits allow, and other lanes go on."""

import threading
from dataclasses import dataclass

import pytest

from streams.lane_limits import counts_of, read_limits
from streams.runtime.lane_report import LaneReport
from streams.worker.lane_gate import LaneGate
from streams.worker.lane_settings import LaneSettings
from streams.worker.scheduler import CHECK_EVERY_SECONDS

TEN_MINUTES = 600.0


@dataclass
class Clock:
    """A clock that a test sets."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def a_gate(clock: Clock, limits: str = "", **processes: int) -> LaneGate:
    settings = LaneSettings(read_limits(limits) if limits else {}, processes)
    gate = LaneGate(lambda: settings, clock=clock)
    gate.refresh()
    return gate


def begun_in(seconds: float, gate: LaneGate, clock: Clock, lane: str, **costs: int) -> int:
    """How many tasks begin if more of them always wait, and the queue is looked at regularly."""
    begun, end = 0, clock.now + seconds
    while clock.now < end:
        while gate.admits(lane):
            gate.began(lane)
            gate.pay(lane, counts_of(tasks=1))
            gate.pay(lane, counts_of(**costs))
            gate.ended(lane)
            begun += 1
        clock.now += CHECK_EVERY_SECONDS
    return begun


@pytest.mark.parametrize(
    ("limit", "costs", "expected"),
    [
        ("text=6/min", {}, 60),
        ("text=20/min", {}, 200),
        ("text=600/min", {}, 6000),
        ("text=30MP/s", {"pixels": 20_000_000}, 900),
        ("text=2MP/s", {"pixels": 20_000_000}, 60),
        ("text=8MB/s", {"size_bytes": 25_000_000}, 192),
        # The lower of two limits counts.
        ("text=20/min,text=2MP/s", {"pixels": 20_000_000}, 60),
    ],
)
def test_a_limit_is_held_within_5_percent_over_ten_minutes(
    limit: str, costs: dict[str, int], expected: int
):
    clock = Clock()

    begun = begun_in(TEN_MINUTES, a_gate(clock, limit), clock, "text", **costs)

    assert begun == pytest.approx(expected, rel=0.05)


def test_idle_time_is_not_saved_beyond_a_burst():
    clock = Clock()
    gate = a_gate(clock, "text=60/min")
    clock.now += 3600

    assert begun_in(10, gate, clock, "text") == pytest.approx(10, abs=3)


def test_a_limited_lane_holds_back_no_other_lane():
    clock = Clock()
    gate = a_gate(clock, "text=1/min")
    begun_in(1, gate, clock, "text")

    assert not gate.admits("text")
    assert gate.admits("masters")


def test_a_task_that_a_receipt_answers_uses_up_nothing():
    clock = Clock()
    gate = a_gate(clock, "text=1/min")

    for _ in range(100):
        assert gate.admits("text")
        gate.began("text")
        gate.ended("text")


def test_the_next_task_waits_until_the_cost_of_the_last_one_is_known():
    gate = a_gate(Clock(), "text=600/min")
    gate.began("text")

    before = gate.admits("text")
    gate.pay("text", counts_of(tasks=1))

    assert (before, gate.admits("text")) == (False, True)


def test_a_lane_has_at_most_its_number_of_tasks_at_once():
    gate = a_gate(Clock(), text=2)
    # Each task of a worker has a thread of its own.
    for _ in range(2):
        assert gate.admits("text")
        thread = threading.Thread(target=gate.began, args=("text",))
        thread.start()
        thread.join()

    full = gate.admits("text")
    gate.ended("text")

    assert (full, gate.admits("derivatives"), gate.admits("text")) == (False, True, True)


def test_changed_settings_act_on_the_next_task_and_keep_the_debt():
    clock, settings = Clock(), [LaneSettings(read_limits("masters=1MB/s"))]
    gate = LaneGate(lambda: settings.pop() if settings else None, clock=clock)
    gate.refresh()
    gate.began("masters")
    gate.pay("masters", counts_of(size_bytes=62_000_000))

    settings.append(LaneSettings(read_limits("masters=10MB/s")))
    gate.refresh()
    in_debt = gate.admits("masters")
    clock.now += 6.1

    assert (in_debt, gate.admits("masters")) == (False, True)


def test_a_limit_that_is_removed_holds_nothing_back():
    settings = [LaneSettings(read_limits("text=1/min"))]
    gate = LaneGate(lambda: settings.pop() if settings else None, clock=Clock())
    gate.refresh()
    gate.began("text")
    gate.pay("text", counts_of(tasks=1))
    limited = gate.admits("text")

    settings.append(LaneSettings())
    gate.refresh()

    assert (limited, gate.admits("text")) == (False, True)


def test_the_limits_and_long_waits_are_reported():
    reports: list[LaneReport] = []
    settings = LaneSettings(read_limits("text=20/min,masters=1MB/s"), {"text": 1, "derivatives": 2})
    gate = LaneGate(lambda: settings, reports.append, Clock())
    gate.refresh()

    gate.began("text")
    gate.pay("text", counts_of(tasks=1))
    gate.began("masters")
    gate.pay("masters", counts_of(size_bytes=500_000_000))

    first, last = reports
    assert first.limits == {
        "text": "20 tasks/min, 1 at once",
        "masters": "1 MB/s",
        "derivatives": "2 at once",
    }
    assert set(last.held_until) == {"masters"}

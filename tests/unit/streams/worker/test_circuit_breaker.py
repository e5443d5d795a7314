"""A dependency that fails repeatedly is not used for a while, and then tried once."""

from typing import Any, cast

from processors.outcome import ErrorClass
from streams.worker.circuit_breaker import FAILURES, LONGEST_PAUSE_SECONDS, Breakers
from streams.worker.scheduler import Task, TaskQueue


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def failing(breakers: Breakers, lane: str, error_class: ErrorClass, times: int = FAILURES) -> None:
    for number in range(times):
        breakers.failed(lane, error_class, f"work-{number}", "no such file: tesseract")


def test_ten_consecutive_failures_of_distinct_work_open_a_breaker_and_retries_of_one_page_do_not():
    breakers = Breakers(clock=Clock())

    for _ in range(50):
        breakers.failed("text", ErrorClass.TOOL_CRASHED, "the-same-page", "crash")
    assert breakers.admits("text")

    failing(breakers, "text", ErrorClass.TOOL_CRASHED)
    assert not breakers.admits("text")


def test_a_tool_that_does_not_start_opens_the_breaker_at_once_and_uses_up_no_attempts_of_others():
    clock = Clock()
    breakers = Breakers(clock=clock)

    breakers.failed("text", ErrorClass.TOOL_CRASHED, "one-page", "status 127", at_once=True)

    assert not breakers.admits("text")
    assert breakers.admits("masters")
    clock.now += 2.1
    assert breakers.admits("text")


def test_a_success_resets_the_count_of_failures():
    breakers = Breakers(clock=Clock())

    failing(breakers, "text", ErrorClass.TOOL_CRASHED, FAILURES - 1)
    breakers.succeeded("text")
    failing(breakers, "text", ErrorClass.TOOL_CRASHED, FAILURES - 1)

    assert breakers.admits("text")


def test_a_tool_stops_its_own_lane_and_the_store_stops_every_lane():
    breakers = Breakers(clock=Clock())

    failing(breakers, "text", ErrorClass.TOOL_HUNG)
    assert not breakers.admits("text")
    assert breakers.admits("masters")

    failing(breakers, "text", ErrorClass.STORAGE)
    assert not breakers.admits("masters")


def test_after_the_pause_one_trial_is_admitted_and_its_failure_doubles_the_pause():
    clock = Clock()
    breakers = Breakers(clock=clock)
    failing(breakers, "text", ErrorClass.UNKNOWN)

    pauses = []
    for number in range(8):
        began = clock.now
        while not breakers.admits("text"):
            clock.now += 0.5
        pauses.append(clock.now - began)
        breakers.began("text")
        assert not breakers.admits("text")
        clock.now += 0.1
        breakers.failed("text", ErrorClass.UNKNOWN, f"trial-{number}", "still")
        breakers.failed("text", ErrorClass.UNKNOWN, f"late-{number}", "began before it opened")

    assert pauses[:3] == [2.0, 4.0, 8.0]
    assert max(pauses) == LONGEST_PAUSE_SECONDS


def test_a_successful_trial_closes_the_breaker_and_both_changes_are_reported():
    clock, reports = Clock(), []
    breakers = Breakers(reports.append, clock)
    failing(breakers, "text", ErrorClass.TOOL_CRASHED)
    clock.now += 2.0
    breakers.began("text")

    breakers.succeeded("text")

    assert breakers.admits("text")
    assert reports[0].startswith("waits for text after 10 failures: no such file: tesseract")
    assert reports[-1] == ""


def test_the_queue_serves_no_lane_whose_breaker_is_open():
    breakers = Breakers(clock=Clock())
    queue = TaskQueue(breakers)
    for lane in ("text", "packages"):
        queue.put(Task(lane, "normal", cast(Any, lane), cast(Any, None)))
    failing(breakers, "text", ErrorClass.TOOL_CRASHED)

    first = queue.get()
    breakers.succeeded("text")

    assert (first.lane, queue.get().lane) == ("packages", "text")

"""What fails again and again is left alone for a while, and then tried with one work."""

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


def test_ten_different_works_in_a_row_open_it_and_one_bad_page_tried_often_does_not():
    breakers = Breakers(clock=Clock())

    for _ in range(50):
        breakers.failed("text", ErrorClass.TOOL_CRASHED, "the-same-page", "crash")
    assert breakers.lets_through("text")

    failing(breakers, "text", ErrorClass.TOOL_CRASHED)
    assert not breakers.lets_through("text")


def test_a_success_between_them_begins_the_count_anew():
    breakers = Breakers(clock=Clock())

    failing(breakers, "text", ErrorClass.TOOL_CRASHED, FAILURES - 1)
    breakers.succeeded("text")
    failing(breakers, "text", ErrorClass.TOOL_CRASHED, FAILURES - 1)

    assert breakers.lets_through("text")


def test_a_tool_stops_its_own_lane_and_the_store_stops_all():
    breakers = Breakers(clock=Clock())

    failing(breakers, "text", ErrorClass.TOOL_HUNG)
    assert not breakers.lets_through("text")
    assert breakers.lets_through("masters")

    failing(breakers, "text", ErrorClass.STORAGE)
    assert not breakers.lets_through("masters")


def test_after_the_pause_one_is_let_through_and_its_failure_doubles_the_pause():
    clock = Clock()
    breakers = Breakers(clock=clock)
    failing(breakers, "text", ErrorClass.UNKNOWN)

    pauses = []
    for number in range(8):
        began = clock.now
        while not breakers.lets_through("text"):
            clock.now += 0.5
        pauses.append(clock.now - began)
        breakers.began("text")
        assert not breakers.lets_through("text")
        clock.now += 0.1
        breakers.failed("text", ErrorClass.UNKNOWN, f"trial-{number}", "still")
        breakers.failed("text", ErrorClass.UNKNOWN, f"late-{number}", "begun before it opened")

    assert pauses[:3] == [2.0, 4.0, 8.0]
    assert max(pauses) == LONGEST_PAUSE_SECONDS


def test_the_success_of_the_trial_closes_it_and_people_are_told_of_both():
    clock, told = Clock(), []
    breakers = Breakers(told.append, clock)
    failing(breakers, "text", ErrorClass.TOOL_CRASHED)
    clock.now += 2.0
    breakers.began("text")

    breakers.succeeded("text")

    assert breakers.lets_through("text")
    assert told[0].startswith("waits for text after 10 failures: no such file: tesseract")
    assert told[-1] == ""


def test_the_queue_gives_nothing_of_a_lane_that_is_held_back():
    breakers = Breakers(clock=Clock())
    queue = TaskQueue(breakers)
    for lane in ("text", "packages"):
        queue.put(Task(lane, "normal", cast(Any, lane), cast(Any, None)))
    failing(breakers, "text", ErrorClass.TOOL_CRASHED)

    first = queue.get()
    breakers.succeeded("text")

    assert (first.lane, queue.get().lane) == ("packages", "text")

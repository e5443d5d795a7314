"""Urgent work first, masters first, and regularly the task that has waited longest."""

import threading
from typing import Any, cast
from unittest.mock import Mock

from streams.worker.scheduler import Task, TaskQueue


def a_task(name: str, lane: str, priority: str = "normal") -> Task:
    return Task(lane, priority, cast(Any, name), cast(Any, None))


def order(*tasks: Task) -> list[str]:
    queue = TaskQueue()
    for task in tasks:
        queue.put(task)
    return [cast(str, queue.get().driver) for _ in tasks]


class ClosedGate:
    """Admits no lane, as while a tool is missing."""

    def admits(self, lane: str) -> bool:
        return False

    def began(self, lane: str) -> None:
        raise AssertionError("no work may begin")


def test_masters_come_before_their_derivatives():
    assert order(a_task("text", "text"), a_task("master", "masters")) == ["master", "text"]


def test_a_rush_task_of_a_late_lane_comes_before_normal_masters():
    first = order(a_task("m", "masters"), a_task("r", "packages", "rush"))[0]

    assert first == "r"


def test_every_third_choice_is_the_oldest_task_so_that_no_lane_starves():
    masters = [a_task(f"m{number}", "masters") for number in range(6)]

    chosen = order(a_task("package", "packages", "night"), *masters)

    assert chosen.index("package") == 2
    assert sorted(chosen) == sorted(["package", *(f"m{number}" for number in range(6))])


def test_every_task_is_chosen_exactly_once():
    lanes = ("masters", "text", "packages")
    tasks = [a_task(str(number), lanes[number % 3]) for number in range(100)]

    assert sorted(order(*tasks), key=int) == [str(number) for number in range(100)]


def test_an_opened_gate_serves_the_tasks_that_it_held_back():
    queue, received = TaskQueue(ClosedGate()), []
    queue.put(Task("text", "normal", Mock(), Mock()))
    waiting = threading.Thread(target=lambda: received.append(queue.get()), daemon=True)
    waiting.start()
    waiting.join(0.1)
    assert waiting.is_alive()

    queue.open_gate()

    waiting.join(5)
    assert [task.lane for task in received] == ["text"]

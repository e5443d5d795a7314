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

    def ended(self, lane: str) -> None:
        raise AssertionError("no work has begun")


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

    queue.open_gates()

    waiting.join(5)
    assert [task.lane for task in received] == ["text"]


class GateOf:
    """Admits all lanes but one."""

    def __init__(self, held: str) -> None:
        self.held = held
        self.ended_lanes: list[str] = []

    def admits(self, lane: str) -> bool:
        return lane != self.held

    def began(self, lane: str) -> None:
        assert lane != self.held

    def ended(self, lane: str) -> None:
        self.ended_lanes.append(lane)


def test_a_lane_is_served_while_all_gates_admit_it():
    queue = TaskQueue(GateOf("text"), GateOf("masters"))
    for lane in ("text", "masters", "metadata"):
        queue.put(a_task(lane, lane, "rush"))

    assert queue.get().lane == "metadata"


def test_a_lane_at_its_limit_holds_back_no_rush_task_of_another_lane():
    queue = TaskQueue(GateOf("text"))
    for number in range(300):
        queue.put(a_task(f"t{number}", "text", "rush"))
    for number in range(3):
        queue.put(a_task(f"n{number}", "masters"))
    queue.put(a_task("r", "derivatives", "rush"))

    assert [cast(str, queue.get().driver) for _ in range(4)] == ["r", "n0", "n1", "n2"]


def test_the_end_of_a_task_is_reported_to_every_gate():
    gates = GateOf("text"), GateOf("text")
    queue = TaskQueue(*gates)
    queue.put(a_task("m", "masters"))

    queue.ended(queue.get())

    assert [gate.ended_lanes for gate in gates] == [["masters"], ["masters"]]

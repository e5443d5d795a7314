"""Rush first, masters first, and a minimum for whatever has waited longest."""

from typing import Any, cast

from streams.worker.scheduler import Task, TaskQueue


def a_task(name: str, lane: str, priority: str = "normal") -> Task:
    return Task(lane, priority, cast(Any, name), cast(Any, None))


def order(*tasks: Task) -> list[str]:
    tasks_queue = TaskQueue()
    for task in tasks:
        tasks_queue.put(task)
    return [cast(str, tasks_queue.get().driver) for _ in tasks]


def test_masters_come_before_what_is_made_of_them():
    assert order(a_task("text", "text"), a_task("master", "masters")) == ["master", "text"]


def test_a_rush_task_of_a_late_lane_comes_before_normal_masters():
    first = order(a_task("m", "masters"), a_task("r", "packages", "rush"))[0]

    assert first == "r"


def test_each_third_choice_is_the_oldest_so_that_no_lane_starves():
    masters = [a_task(f"m{number}", "masters") for number in range(6)]

    given = order(a_task("package", "packages", "night"), *masters)

    assert given.index("package") == 2
    assert sorted(given) == sorted(["package", *(f"m{number}" for number in range(6))])


def test_every_task_is_given_once_however_both_orders_interleave():
    lanes = ("masters", "text", "packages")
    tasks = [a_task(str(number), lanes[number % 3]) for number in range(100)]

    assert sorted(order(*tasks), key=int) == [str(number) for number in range(100)]

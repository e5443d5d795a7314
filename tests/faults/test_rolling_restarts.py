"""Every role is told to end (SIGTERM) and replaced while pages run: it gives back what it has not
done, and nothing is lost or told twice. Then the database is lost again and again.

One round here; `python -m tests.faults.rolling --rounds 10` has ten."""

from collections.abc import Iterator

import pytest

from streams.runtime.fatal_errors import LOST_A_SERVER
from tests.faults.rolling import EXIT_SECONDS, ROLES, Course, Load, course
from tests.support.running_line import Line, wait_for

TIMES = 3
"""With growing pauses, the third would be 2 s."""


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """A running line in a home of its own."""
    line = Line(tmp_path_factory.mktemp("rolling") / "home")
    try:
        line.up()
        yield line
    finally:
        line.down()


@pytest.fixture(scope="module")
def went(line: Line, tmp_path_factory: pytest.TempPathFactory) -> Course:
    """What came of it when all roles were replaced once."""
    folder = tmp_path_factory.mktemp("deliveries")
    return course(line, folder, rounds=1, load=Load(items=2, pages=6))


def test_every_role_ends_with_0_within_30_seconds(went: Course):
    assert [one.role for one in went.restarts] == list(ROLES)
    assert {one.code for one in went.restarts} == {0}
    assert max(went.slowest.values()) < EXIT_SECONDS


def test_each_was_replaced_while_there_was_work(went: Course):
    assert all(one.pages_read < went.pages for one in went.restarts)


def test_nothing_is_lost_and_nothing_is_told_twice(went: Course):
    assert went.faults == []
    assert went.told_again == {}


def test_the_tracker_restarts_at_once_however_often_the_database_was_lost(line: Line, went: Course):
    log = line.home / "log" / "supervisor.log"
    before = len(log.read_text().splitlines())

    for _ in range(TIMES):
        pids = {name: line.parts()[name]["pid"] for name in ("postgres", "tracker")}
        line.kill("postgres")
        wait_for(
            lambda: all(
                line.parts()[name]["state"] == "ready" and line.parts()[name]["pid"] != pid
                for name, pid in pids.items()  # noqa: B023
            ),
            30,
            line.logs,
        )

    supervised = log.read_text().splitlines()[before:]
    exits = [text.partition(" ")[2] for text in supervised if " tracker " in text]
    assert exits == [f"tracker exited with {LOST_A_SERVER}; restart in 0.5 s"] * TIMES

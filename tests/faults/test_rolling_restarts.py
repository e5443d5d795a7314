"""Every role is told to end (SIGTERM) and replaced while pages run: it gives back what it has not
done, and nothing is lost or told twice.

One round; `python -m tests.faults.rolling --rounds 10` has ten."""

from collections.abc import Iterator

import pytest

from tests.faults.rolling import EXIT_SECONDS, ROLES, Course, Load, course
from tests.support.running_line import Line

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def went(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    """A line whose roles were all replaced once."""
    folder = tmp_path_factory.mktemp("rolling")
    line = Line(folder / "home")
    try:
        line.up()
        yield course(line, folder / "deliveries", rounds=1, load=Load(items=2, pages=6))
    finally:
        line.down()


def test_every_role_ends_with_0_within_30_seconds(went: Course):
    assert [one.role for one in went.restarts] == list(ROLES)
    assert {one.code for one in went.restarts} == {0}
    assert max(went.slowest.values()) < EXIT_SECONDS


def test_each_was_replaced_while_there_was_work(went: Course):
    assert all(one.pages_read < went.pages for one in went.restarts)


def test_nothing_is_lost_and_nothing_is_told_twice(went: Course):
    assert went.faults == []
    assert went.told_again == {}

"""When fixity runs start by themselves."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from streams.fixity import schedule
from streams.fixity.schedule import FixitySchedule
from streams.settings import Settings

NOON = datetime.fromisoformat("2026-03-01T12:00:00+00:00")
MIDNIGHT = datetime.fromisoformat("2026-03-01T00:00:00+00:00")


class Run:
    """A process that the test ends."""

    def __init__(self) -> None:
        self.code: int | None = None
        self.terminated = False

    def poll(self) -> int | None:
        return self.code

    def wait(self) -> int:
        return 0

    def terminate(self) -> None:
        self.terminated = True


class Scheduled:
    """A schedule with a clock of the test, and the runs that it started."""

    def __init__(self, home: Path, now: datetime = NOON, **changes: Any) -> None:
        self.seconds, self.commands, self.runs = 0.0, list[list[str]](), list[Run]()
        self.schedule = FixitySchedule(
            Settings(home=home, **changes), self.spawn, lambda: self.seconds, lambda: now
        )

    def spawn(self, command: list[str]) -> Any:
        self.commands.append(command)
        self.runs.append(Run())
        return self.runs[-1]

    def after(self, seconds: float) -> int:
        """The number of runs that were started until then."""
        self.seconds += seconds
        self.schedule.tick()
        return len(self.runs)


def test_a_run_is_started_each_hour_and_two_never_at_once(tmp_path: Path):
    line = Scheduled(tmp_path, fixity_days=90)

    assert [line.after(0), line.after(599), line.after(1)] == [0, 0, 1]
    assert line.commands == [["fixity", "run", "--older-than", "90.000000", "--at-night"]]
    assert line.after(7200) == 1
    line.runs[0].code = 1
    assert [line.after(0), line.after(3599), line.after(1)] == [1, 1, 2]


def test_a_run_that_failed_or_was_killed_is_continued_soon(tmp_path: Path):
    line = Scheduled(tmp_path)
    line.after(600)
    line.runs[0].code = -9

    assert [line.after(0), line.after(299), line.after(1)] == [1, 1, 2]


def test_without_days_nothing_is_scheduled(tmp_path: Path):
    assert Scheduled(tmp_path, fixity_days=0).after(1e9) == 0


@pytest.mark.parametrize(("now", "started"), [(NOON, 0), (MIDNIGHT, 1)])
def test_runs_start_in_the_hours_of_the_night_only(
    tmp_path: Path, now: datetime, started: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("TZ", "UTC")
    schedule.time.tzset()

    assert Scheduled(tmp_path, now, night="20:00-06:00").after(600) == started


def test_a_run_ends_with_the_role_that_started_it(tmp_path: Path):
    line = Scheduled(tmp_path)
    line.after(600)

    line.schedule.close()

    assert line.runs[0].terminated

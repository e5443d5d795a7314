"""A changed file acts in a running process; a wrong one does not."""

import logging
from datetime import datetime
from pathlib import Path

import pytest

from streams.traffic.traffic_file import CODE, LOOK_SECONDS, TrafficFile

VALID, OTHER, WRONG = (
    "[link]\nrate_mbit = 10\n",
    "[link]\nrate_mbit = 4\n",
    "[link]\nrate_mbit = -1",
)
MONDAY = datetime(2026, 11, 30, 12)


def total(limits: TrafficFile, now: float) -> float | None:
    limits.look(now)
    return limits.rates.total if limits.rates else None


def written(folder: Path, text: str) -> None:
    """In one step, as editors and our command do."""
    draft = folder / "draft"
    draft.write_text(text)
    draft.replace(folder / "traffic.toml")


def test_a_change_acts_after_at_most_five_seconds(tmp_path: Path):
    assert LOOK_SECONDS <= 5
    limits = TrafficFile(tmp_path)

    assert total(limits, 0) is None
    written(tmp_path, VALID)
    assert total(limits, LOOK_SECONDS / 2) is None
    assert total(limits, LOOK_SECONDS) == 1_250_000
    written(tmp_path, OTHER)
    assert total(limits, 2 * LOOK_SECONDS) == 500_000
    (tmp_path / "traffic.toml").unlink()
    assert total(limits, 3 * LOOK_SECONDS) is None


def test_the_schedule_acts_without_a_change_of_the_file(tmp_path: Path):
    written(tmp_path, VALID + '[[schedule]]\nfrom = "12:01"\nto = "13:00"\nrate_mbit = 2\n')
    clock = [MONDAY]
    limits = TrafficFile(tmp_path, lambda: clock[0])

    before = total(limits, 0)
    clock[0] = MONDAY.replace(minute=1)

    assert (before, total(limits, LOOK_SECONDS)) == (1_250_000, 250_000)
    assert str(limits.entry()) == "mon,tue,wed,thu,fri,sat,sun 12:01-13:00"


def test_a_wrong_file_leaves_the_earlier_limits_in_force(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    written(tmp_path, VALID)
    limits = TrafficFile(tmp_path)
    before = total(limits, 0)
    written(tmp_path, WRONG)

    with caplog.at_level(logging.WARNING):
        after = [total(limits, at * LOOK_SECONDS) for at in (1, 2, 3)]

    assert [before, *after] == [1_250_000] * 4
    assert limits.fault is not None and "link.rate_mbit" in limits.fault
    assert [getattr(one, "code", "") for one in caplog.records] == [CODE]
    written(tmp_path, OTHER)
    assert (total(limits, 4 * LOOK_SECONDS), limits.fault) == (500_000, None)


def test_a_process_that_starts_after_a_wrong_edit_has_the_earlier_limits(tmp_path: Path):
    written(tmp_path, VALID)
    assert total(TrafficFile(tmp_path), 0) == 1_250_000
    written(tmp_path, WRONG)

    assert total(TrafficFile(tmp_path), 0) == 1_250_000


def test_removed_limits_do_not_come_back(tmp_path: Path):
    written(tmp_path, VALID)
    limits = TrafficFile(tmp_path)
    limits.look(0)
    (tmp_path / "traffic.toml").unlink()
    limits.look(LOOK_SECONDS)
    written(tmp_path, WRONG)

    assert total(TrafficFile(tmp_path), 0) is None
    assert total(limits, 2 * LOOK_SECONDS) is None

"""Children of the pool: limited, recycled without losing a task, ended together with their tools."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from processors.outcome import Done, Outcome, OutOfMemory, Rejected, ToolHung
from processors.pipeline import Step
from schemas.models import PageAcquired, PageAdmitted
from streams.settings import Settings
from streams.worker.pool import Pool
from tests.support import pool_steps
from tests.support.builders import a_page
from tests.support.running_line import wait_for

MEGABYTE = 1_000_000


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Pool]:
    settings = Settings(
        home=tmp_path,
        pool_size=1,
        worker_id="one",
        recycle_mb=300,
        child_mb=2000,
    )
    made = Pool(settings)
    yield made
    made.close(patient=False)


@dataclass(frozen=True)
class Planted(Step):
    planted: Callable[..., Outcome] = pool_steps.say_pid

    @property
    def function(self) -> Callable[..., Outcome]:
        return self.planted


def a_step(function: Callable[..., Outcome], seconds: float = 30.0) -> Step:
    return Planted(
        "planted", PageAdmitted, PageAcquired, premis="ingestion", lane="masters",
        timeout_seconds=seconds, seconds_per_megabyte=0.0, planted=function,
    )  # fmt: skip


def pid_of(outcome: Outcome) -> int:
    assert isinstance(outcome, Rejected)
    return int(outcome.found)


def test_a_child_that_has_grown_is_replaced_and_no_task_is_lost(pool: Pool):
    first = pid_of(pool.run(a_step(pool_steps.say_pid), a_page()))
    grown = pid_of(pool.run(a_step(pool_steps.grow), a_page()))

    after = pid_of(pool.run(a_step(pool_steps.say_pid), a_page()))

    assert first == grown
    assert after != grown


def test_a_child_that_asks_for_too_much_fails_alone(pool: Pool):
    with pytest.raises(OutOfMemory):
        pool.run(a_step(pool_steps.ask_for_too_much), a_page())

    assert isinstance(pool.run(a_step(pool_steps.say_pid), a_page()), Rejected)


def test_a_hung_child_is_ended_with_its_tool(pool: Pool, tmp_path: Path):
    with pytest.raises(ToolHung):
        pool.run(a_step(pool_steps.hang_with_a_tool, seconds=1.0), a_page())

    (note,) = (tmp_path / "cache").glob("scratch-*/tool.pid")
    gone = lambda: not Path(f"/proc/{note.read_text()}").exists()  # noqa: E731
    wait_for(gone, 10, lambda: f"tool {note.read_text()} lives on")
    assert isinstance(pool.run(a_step(pool_steps.say_pid), a_page()), Rejected)


def test_a_step_may_take_longer_than_its_limit_while_it_gives_signs_of_life(pool: Pool):
    outcome = pool.run(a_step(pool_steps.work_long_and_say_so, seconds=1.0), a_page())

    assert outcome == Done()


def test_a_clock_that_is_set_forward_ends_no_task(pool: Pool, monkeypatch: pytest.MonkeyPatch):
    right = time.time
    monkeypatch.setattr(time, "time", lambda: right() + 3 * 24 * 3600)

    outcome = pool.run(a_step(pool_steps.work_long_and_say_so, seconds=1.0), a_page())

    assert outcome == Done()

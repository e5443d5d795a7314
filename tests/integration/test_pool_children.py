"""Children of the pool: limited, recycled without the loss of a task, ended with their tools."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from processors.outcome import Done, Outcome, OutOfMemory, Rejected, ToolHung
from processors.step import Step
from streams.settings import Settings
from streams.traffic.figures import traffic_document
from streams.traffic.traffic import Traffic
from streams.traffic.traffic_settings import FILE_NAME
from streams.worker.pool import Pool
from tests.support import pool_steps
from tests.support.builders import a_page
from tests.support.running_line import wait_for
from tests.support.s3_store import S3Server
from tests.support.stores import settings_of

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
    pool = Pool(settings)
    yield pool
    pool.close(patient=False)


def a_step(function: Callable[..., Outcome], seconds: float = 30.0) -> Step:
    return pool_steps.step_of(function, timeout_seconds=seconds, seconds_per_megabyte=0.0)


def pid_of(outcome: Outcome) -> int:
    assert isinstance(outcome, Rejected)
    return int(outcome.found)


def test_a_child_that_has_grown_is_recycled_and_no_task_is_lost(pool: Pool):
    first = pid_of(pool.run(a_step(pool_steps.report_pid), a_page()))
    grown = pid_of(pool.run(a_step(pool_steps.grow), a_page()))

    after = pid_of(pool.run(a_step(pool_steps.report_pid), a_page()))

    assert first == grown
    assert after != grown


def test_a_child_that_exceeds_its_memory_limit_fails_alone(pool: Pool):
    with pytest.raises(OutOfMemory):
        pool.run(a_step(pool_steps.exceed_memory_limit), a_page())

    assert isinstance(pool.run(a_step(pool_steps.report_pid), a_page()), Rejected)


def test_a_hung_child_is_ended_with_its_tool(pool: Pool, tmp_path: Path):
    with pytest.raises(ToolHung):
        pool.run(a_step(pool_steps.hang_with_a_tool, seconds=1.0), a_page())

    (pid_file,) = (tmp_path / "cache").glob("scratch-*/tool.pid")
    gone = lambda: not Path(f"/proc/{pid_file.read_text()}").exists()  # noqa: E731
    wait_for(gone, 10, lambda: f"tool {pid_file.read_text()} is still running")
    assert isinstance(pool.run(a_step(pool_steps.report_pid), a_page()), Rejected)


def test_a_step_that_waits_for_the_link_does_not_hang(tmp_path: Path, s3_server: S3Server):
    settings = settings_of(tmp_path, s3_server, WORK_POOL_SIZE=1)
    small_burst = "[classes.access]\nminimum_percent = 10\nburst_mb = 0.1\n"
    (tmp_path / FILE_NAME).write_text(f"[link]\nrate_mbit = 1\n{small_burst}")
    pool = Pool(settings)
    try:
        outcome = pool.run(a_step(pool_steps.store_two_images, seconds=3.0), a_page())
    finally:
        pool.close(patient=False)

    document = traffic_document(Traffic(tmp_path))
    assert outcome == Done()
    assert document is not None and document["classes"][1]["waited_seconds"] > 3


def test_a_step_that_gives_signs_of_life_may_take_longer_than_its_limit(pool: Pool):
    outcome = pool.run(a_step(pool_steps.work_long_with_signs_of_life, seconds=1.0), a_page())

    assert outcome == Done()


def test_a_clock_that_is_set_forward_ends_no_task(pool: Pool, monkeypatch: pytest.MonkeyPatch):
    real_time = time.time
    monkeypatch.setattr(time, "time", lambda: real_time() + 3 * 24 * 3600)

    outcome = pool.run(a_step(pool_steps.work_long_with_signs_of_life, seconds=1.0), a_page())

    assert outcome == Done()

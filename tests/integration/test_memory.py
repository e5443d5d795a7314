"""Memory that steps leave behind: measured, attributed to a step, and reclaimed without the loss of
a task."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from bench import memory as bench
from processors.outcome import Done, Outcome
from streams.cli.diagnose import diagnosed
from streams.settings import Settings
from streams.worker import memory_stats
from streams.worker.memory_stats import StepMemory
from streams.worker.pool import Pool
from tests.support import pool_steps
from tests.support.builders import a_page
from tests.support.running_line import wait_for

MEGABYTE = 1_000_000
LEAK_MB_PER_100 = 100 * pool_steps.LEAK_BYTES / MEGABYTE


def settings_in(home: Path, **changes: Any) -> Settings:
    limits = {"recycle_mb": 2000, "child_mb": 3000}
    return Settings(home=home, **({"pool_size": 1, "worker_id": "one"} | limits | changes))


def samples_of(function: Callable[..., Outcome], home: Path) -> list[bench.Sample]:
    settings = settings_in(home)
    return bench.measured(bench.Run(pool_steps.step_of(function), [a_page()], 60, 5, settings))


@pytest.mark.parametrize(
    "leaking",
    [
        pool_steps.leak_a_c_buffer,
        pytest.param(pool_steps.leak_an_image, marks=pytest.mark.long),
    ],
)
def test_a_leak_outside_python_appears_in_the_native_share_only(
    leaking: Callable[..., Outcome], tmp_path: Path
):
    samples = samples_of(leaking, tmp_path)

    assert bench.judged(samples) == pytest.approx(LEAK_MB_PER_100, rel=0.1)
    assert bench.slope(samples, lambda one: one.native) > 0.9 * LEAK_MB_PER_100
    assert bench.slope(samples, lambda one: one.malloced) > 0.9 * LEAK_MB_PER_100
    assert bench.slope(samples, lambda one: one.python) < bench.MOST_MB_PER_100


@pytest.mark.long
def test_a_leak_of_python_objects_appears_in_the_heap(tmp_path: Path):
    samples = samples_of(pool_steps.leak_python_objects, tmp_path)

    assert bench.judged(samples) > 0.9 * LEAK_MB_PER_100
    assert bench.slope(samples, lambda one: one.python) > 0.9 * LEAK_MB_PER_100
    assert abs(bench.slope(samples, lambda one: one.native)) < 0.1 * LEAK_MB_PER_100


def test_a_step_that_frees_everything_has_no_slope(tmp_path: Path):
    samples = samples_of(pool_steps.free_everything, tmp_path)

    assert abs(bench.judged(samples)) <= bench.MOST_MB_PER_100
    assert samples[-1].resident > 20 * MEGABYTE


def test_the_measurement_of_a_real_step_succeeds_and_that_of_a_leak_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    options = ["--pages", "25", "--every", "5", "--home", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["memory", "describe_page", "--small", *options])
    bench.main()
    table = capsys.readouterr().out
    assert "| describe_page, small pages | 25 |" in table

    monkeypatch.setattr(
        bench, "worker_steps", lambda: [pool_steps.step_of(pool_steps.leak_a_c_buffer)]
    )
    monkeypatch.setattr(bench, "inputs", lambda *_: [a_page()])
    monkeypatch.setattr(sys, "argv", ["memory", "leak_a_c_buffer", *options])
    with pytest.raises(SystemExit, match="grows by more than 1 MB"):
        bench.main()


@pytest.fixture
def pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pool]:
    monkeypatch.setattr(memory_stats, "WRITE_AFTER_SECONDS", 0.1)
    pool = Pool(settings_in(tmp_path, recycle_mb=250))
    yield pool
    pool.close(patient=False)


def test_a_leaking_step_is_named_its_children_are_recycled_and_no_task_is_lost(
    pool: Pool, tmp_path: Path
):
    leaking, correct = (
        pool_steps.step_of(pool_steps.leak_a_c_buffer),
        pool_steps.step_of(pool_steps.free_everything),
    )

    with ThreadPoolExecutor(4) as threads:
        outcomes = list(
            threads.map(lambda step: pool.run(step, a_page()), [leaking, correct] * 150)
        )

    assert outcomes == [Done()] * 300
    wait_for(lambda: _tasks(tmp_path) == 300, 10, lambda: f"{_tasks(tmp_path)} of 300 are counted")
    diagnosis = _diagnose(tmp_path)
    assert diagnosis.returncode == 1, diagnosis.stderr
    document = json.loads(diagnosis.stdout)
    rows = {row["step"]: row for row in document["steps"]}
    assert document["grows"] == ["leak_a_c_buffer"]
    assert rows["leak_a_c_buffer"]["mb_per_100_tasks"] == pytest.approx(LEAK_MB_PER_100, rel=0.1)
    assert rows["leak_a_c_buffer"]["recycles"] >= 2
    assert rows["free_everything"]["recycles"] == 0
    assert rows["free_everything"]["mb_per_100_tasks"] < 0.1 * LEAK_MB_PER_100
    assert "python -m bench.memory leak_a_c_buffer" in document["fix"]


def test_without_figures_the_command_says_what_to_do(tmp_path: Path):
    diagnosis = _diagnose(tmp_path)

    assert diagnosis.returncode == 3
    assert "copystand up" in diagnosis.stderr


def _tasks(home: Path) -> int:
    return sum(
        row["tasks"]
        for stats in memory_stats.read_stats(home / "run")
        for row in stats["steps"].values()
    )


def _diagnose(home: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "streams.cli", "diagnose", "memory", "--json"]
    environment = os.environ | {"COPYSTAND_HOME": str(home)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def worker_stats(worker: str = "one", **steps: StepMemory) -> dict[str, Any]:
    return {
        "worker": worker, "pid": 7, "recycle_bytes": 600 * MEGABYTE,
        "since": "2026-03-01T12:00:00.000000Z", "written_at": "2026-03-01T13:00:00.000000Z",
        "steps": {name: asdict(figures) for name, figures in steps.items()},
    }  # fmt: skip


def figures(tasks: int, grown_mb: float, **changes: int) -> StepMemory:
    grown = int(grown_mb * MEGABYTE)
    defaults = {"held_bytes": grown, "most_bytes": 90 * MEGABYTE} | changes
    return StepMemory(tasks, tasks, grown, **defaults)


def test_figures_of_several_workers_are_added():
    stats = [
        worker_stats("one", derive_page=figures(1000, 12), describe_page=figures(1000, 1)),
        worker_stats("two", derive_page=figures(1000, 14)),
    ]

    document = diagnosed(stats)

    (derive, describe) = document["steps"]
    assert (derive["tasks"], derive["mb_per_100_tasks"], derive["grows"]) == (2000, 1.3, True)
    assert (describe["tasks"], describe["grows"]) == (1000, False)
    assert [row["worker"] for row in document["workers"]] == ["one", "two"]


def test_memory_that_one_step_takes_and_another_frees_is_no_growth():
    document = diagnosed(
        [worker_stats(derive_page=figures(1000, 40), describe_page=figures(1000, -39))]
    )

    assert (document["grows"], document["fix"]) == ([], "")


def test_a_fragmented_heap_is_no_growth():
    assert (
        diagnosed([worker_stats(derive_page=figures(1000, 40, held_bytes=MEGABYTE))])["grows"] == []
    )


def test_little_growth_in_few_tasks_is_no_finding():
    assert diagnosed([worker_stats(derive_page=figures(60, 8))])["grows"] == []


def test_a_step_whose_children_are_recycled_repeatedly_grows_even_before_they_warm_up():
    often = StepMemory(tasks=30, settled_tasks=0, recycles=15, most_bytes=900 * MEGABYTE)
    once = StepMemory(tasks=3000, settled_tasks=2000, recycles=1)

    document = diagnosed([worker_stats(derive_page=often, acquire_page=once)])

    assert document["grows"] == ["derive_page"]

"""A step runs when disk space allows it, and its outcome is reported to the circuit breakers."""

from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import pytest
import pyvips

from infra.disk import NOTHING, Shortage, Space
from processors.outcome import (
    ChildDied,
    Done,
    ErrorClass,
    ObjectUnusable,
    Outcome,
    OutOfMemory,
    StorageError,
    ToolCrashed,
    ToolHung,
    ToolMissing,
    TryLater,
)
from processors.pipeline import worker_steps
from schemas.models import PageAdmitted
from streams.storage.disk_reserve import DiskReserve
from streams.storage.keys import BadKey
from streams.storage.memory import MemoryStorage
from streams.worker.circuit_breaker import FAILURES, Breakers
from streams.worker.lane_gate import LaneGate
from streams.worker.resource_limits import MemoryBudget
from streams.worker.step_runner import LeaveToLaterProcess, StepRunner
from tests.support.builders import a_page
from tests.support.imaging_builders import an_admitted_page, memory_tools

STEP = worker_steps()[0]


def a_runner(
    folder: Path,
    execute: Callable[..., Outcome],
    breakers: Breakers | None = None,
    disk: DiskReserve | None = None,
) -> StepRunner:
    return StepRunner(
        execute,
        MemoryStorage(folder),
        MemoryBudget(1000),
        disk or DiskReserve(lambda _: None),
        breakers or Breakers(),
    )


def test_work_that_waits_for_space_at_shutdown_is_left_to_a_later_process(tmp_path: Path):
    executed: list[str] = []
    shortage = Shortage(Path("/disk"), NOTHING, Space(100, 1))
    full = DiskReserve(lambda _: shortage, pause=lambda _: runner.request_stop())
    runner = a_runner(tmp_path, lambda step, _: executed.append(step.name) or Done(), disk=full)

    with pytest.raises(LeaveToLaterProcess):
        runner.run(STEP, a_page())
    assert executed == []


@pytest.mark.parametrize(
    "error",
    [FileNotFoundError("no file of that name"), ToolMissing("tesseract is not installed")],
    ids=lambda error: type(error).__name__,
)
def test_a_missing_tool_opens_the_breaker_of_the_lane(tmp_path: Path, error: Exception):
    def fail(*_: object) -> Outcome:
        raise error

    breakers = Breakers()
    runner = a_runner(tmp_path, fail, breakers)
    for number in range(FAILURES):
        head = a_page().head.model_copy(update={"event_id": f"event-{number}"})
        with pytest.raises(type(error)):
            runner.run(STEP, a_page().model_copy(update={"head": head}))

    assert not breakers.admits(STEP.lane)


def test_pages_that_ask_for_a_later_attempt_open_no_breaker(tmp_path: Path):
    breakers = Breakers()
    later = TryLater("no model for heb is installed", ErrorClass.TOOL_CRASHED)
    runner = a_runner(tmp_path, lambda *_: later, breakers)
    for number in range(2 * FAILURES):
        head = a_page().head.model_copy(update={"event_id": f"event-{number}"})
        assert runner.run(STEP, a_page().model_copy(update={"head": head})) == later

    assert breakers.admits(STEP.lane)


@pytest.mark.parametrize(
    "error",
    [
        BadKey("'../../etc/passwd' is no valid storage key"),
        ObjectUnusable("the store does not hold staging/sha256/00/00"),
        ChildDied("acquire_page: its process ended with -11"),
        ToolCrashed("tesseract ended with 1"),
        ToolHung("derive_page gave no sign of life in 60 s"),
        OutOfMemory("derive_page ran out of memory"),
        KeyError("entry"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_failures_because_of_the_input_open_no_breaker(tmp_path: Path, error: Exception):
    def fail(*_: object) -> Outcome:
        raise error

    breakers = Breakers()
    runner = a_runner(tmp_path, fail, breakers)
    for number in range(2 * FAILURES):
        head = a_page().head.model_copy(update={"event_id": f"event-{number}"})
        with pytest.raises(type(error)):
            runner.run(STEP, a_page().model_copy(update={"head": head}))

    assert all(breakers.admits(step.lane) for step in worker_steps())


def test_a_store_that_is_away_stops_every_lane(tmp_path: Path):
    def fail(*_: object) -> Outcome:
        raise StorageError("the store does not respond")

    breakers = Breakers()
    runner = a_runner(tmp_path, fail, breakers)
    for number in range(FAILURES):
        head = a_page().head.model_copy(update={"event_id": f"event-{number}"})
        with pytest.raises(StorageError):
            runner.run(STEP, a_page().model_copy(update={"head": head}))

    assert not any(breakers.admits(step.lane) for step in worker_steps())


def test_a_finished_step_closes_the_breaker_of_its_lane(tmp_path: Path):
    breakers = Breakers()
    for number in range(FAILURES):
        breakers.failed(STEP.lane, ErrorClass.UNKNOWN, f"work-{number}", "a bug")

    a_runner(tmp_path, lambda *_: Done(), breakers).run(STEP, a_page())

    assert breakers.admits(STEP.lane)


def test_each_execution_pays_its_task_its_files_and_its_pixels(tmp_path: Path):
    paid: list[tuple[str, dict[str, float]]] = []
    lanes = Mock(spec=LaneGate, pay=lambda lane, costs: paid.append((lane, costs)))
    tools = memory_tools(tmp_path)
    image = pyvips.Image.black(300, 200, bands=3).cast("uchar").write_to_buffer(".png")
    page = an_admitted_page(tools, image)
    known = page.files[0]
    made = known.model_copy(update={"key": "masters/00/new", "size_bytes": 77})
    outcome = Done(page.model_copy(update={"files": (known, made)}))
    memory, disk = MemoryBudget(1 << 40), DiskReserve(lambda _: None)
    runner = StepRunner(lambda *_: outcome, tools.storage, memory, disk, Breakers(), lanes)
    acquire = next(step for step in worker_steps() if step.takes is PageAdmitted)

    runner.run(acquire, page)

    read = sum(file.size_bytes for file in page.files)
    assert paid == [
        ("masters", {"tasks": 1, "pixels": 0, "bytes": read}),
        ("masters", {"tasks": 0, "pixels": 300 * 200, "bytes": 0}),
        ("masters", {"tasks": 0, "pixels": 0, "bytes": 77}),
    ]

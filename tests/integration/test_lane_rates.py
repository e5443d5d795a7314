"""Limits of lanes over ten minutes: the threads, the scheduler and the child processes of a worker."""

import dataclasses
import os
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any, cast

import pytest

from processors.outcome import Outcome
from processors.step import Step
from schemas.models import Fact
from streams.kafka.consumer import Delivery
from streams.kafka.messages import Incoming
from streams.lane_limits import read_limits
from streams.settings import Settings
from streams.storage.disk_reserve import DiskReserve
from streams.storage.memory import MemoryStorage
from streams.worker.circuit_breaker import Breakers
from streams.worker.lane_gate import LaneGate
from streams.worker.lane_settings import LaneSettings
from streams.worker.pool import Pool
from streams.worker.resource_limits import MemoryBudget
from streams.worker.role import Worker
from streams.worker.scheduler import Task, TaskQueue
from streams.worker.step_runner import StepRunner
from tests.support import pool_steps
from tests.support.describe_builders import an_acquired_page, stored
from tests.support.imaging_builders import memory_tools

SECONDS = float(os.environ.get("LIMIT_SECONDS", "600"))
"""How long tasks are counted; `make limits` says so."""
LIMITS = "text=30/min,metadata=6/min,derivatives=4MP/s,masters=2MB/s"
PIXELS, SIZE_BYTES = 2480 * 3508, 9_000_000
PER_SECOND = {
    "text": 30 / 60,
    "metadata": 6 / 60,
    "derivatives": 4_000_000 / PIXELS,
    "masters": 2_000_000 / SIZE_BYTES,
}
CHILDREN = 2
TOLERANCE = 0.05


@dataclasses.dataclass
class Executing:
    """A driver that executes its step."""

    step: Step
    fact: Fact
    runner: StepRunner
    over: threading.Event
    """Set when nothing more is counted: tasks that are left end at once."""

    def answer(self, message: Incoming, still_ours: object) -> Any:
        """Execute; there is nothing to publish."""
        if not self.over.is_set():
            self.runner.run(self.step, self.fact)
        return lambda: None


def a_fact(folder: Path) -> Fact:
    """A page of 8.7 megapixels in a file of 9 MB."""
    tools = memory_tools(folder)
    page = an_acquired_page(tools, stored(tools, b"a master"), width_px=2480, height_px=3508)
    master = page.files[0].model_copy(update={"size_bytes": SIZE_BYTES})
    return page.model_copy(update={"files": (master,)})


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_limits_are_held_within_5_percent_over_ten_minutes(tmp_path: Path):
    begun: Counter[str] = Counter()
    over = threading.Event()
    settings = LaneSettings(read_limits(LIMITS), {"text": 1})
    lanes = LaneGate(lambda: settings)
    lanes.refresh()
    pool = Pool(Settings(home=tmp_path, pool_size=CHILDREN, worker_id="one"))

    def run(step: Step, fact: Fact) -> Outcome:
        begun[step.lane] += 1
        return pool.run(step, fact)

    storage, disk = MemoryStorage(tmp_path), DiskReserve(lambda _: None)
    runner = StepRunner(run, storage, MemoryBudget(1 << 40), disk, Breakers(), lanes)
    tasks, fact = TaskQueue(lanes), a_fact(tmp_path / "facts")
    for lane, rate in PER_SECOND.items():
        step = dataclasses.replace(pool_steps.step_of(pool_steps.report_pid), lane=lane)
        for _ in range(int(2 * rate * SECONDS) + 10):
            tasks.put(Task(lane, "normal", cast(Any, Executing(step, fact, runner, over)), NOTHING))
    worker = Worker(tasks, runner, [], 2 * CHILDREN)
    began = time.monotonic()
    for _ in range(2 * CHILDREN):
        threading.Thread(target=worker._work, daemon=True).start()

    time.sleep(SECONDS)

    counted, seconds = dict(begun), time.monotonic() - began
    over.set()
    tasks.open_gates()
    pool.close(patient=True)
    ratios = {lane: counted[lane] / (rate * seconds) for lane, rate in PER_SECOND.items()}
    print({lane: round(ratio, 3) for lane, ratio in ratios.items()})
    assert all(abs(ratio - 1) <= TOLERANCE for ratio in ratios.values()), ratios


NOTHING = Delivery(
    Incoming("t", 0, 0, b"k", b"v", {}),
    begin=lambda: True,
    still_ours=lambda: True,
    ack=lambda: None,
    requeue=lambda: None,
)

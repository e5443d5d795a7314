"""Runs a step when memory, disk space and what it depends on allow it."""

import threading

from processors.outcome import ErrorClass, Outcome, TransientError, TryLater
from processors.step import Step
from processors.tools import Storage
from schemas.models import Fact
from streams.execution.driver import RunStep
from streams.lane_limits import counts_of
from streams.storage.disk_reserve import DiskReserve
from streams.worker.circuit_breaker import Breakers
from streams.worker.lane_gate import LaneGate
from streams.worker.resource_limits import (
    MemoryBudget,
    file_bytes,
    image_size,
    new_bytes,
    written_bytes,
)


class LeaveToLaterProcess(BaseException):
    """Work that was begun is left to a later process. Not an Exception: it is no outcome."""


class StepRunner:
    """Runs steps in child processes, within the limits of this worker."""

    def __init__(
        self,
        run: RunStep,
        storage: Storage,
        memory: MemoryBudget,
        disk: DiskReserve,
        breakers: Breakers,
        lanes: LaneGate | None = None,
    ) -> None:
        """`run` executes a step in a child process."""
        self._lanes = lanes or LaneGate()
        self._run = run
        self._storage = storage
        self._memory = memory
        self._disk = disk
        self._breakers = breakers
        self._stopping = threading.Event()

    def run(self, step: Step, fact: Fact) -> Outcome:
        """The outcome of a step; waits for disk space and memory first.

        Raises what the step raised, and LeaveToLaterProcess when there is no space at shutdown."""
        self._lanes.pay(step.lane, counts_of(tasks=1, size_bytes=file_bytes(fact)))
        need = written_bytes(fact)
        self._disk.wait(need, still_wanted=lambda: not self._stopping.is_set())
        if self._stopping.is_set() and not self._disk.has(need):
            raise LeaveToLaterProcess
        image = image_size(fact, self._storage)
        # Paid later than the rest: the header may have to be fetched first.
        self._lanes.pay(step.lane, counts_of(pixels=image.pixels))
        with self._memory.share(image.size_bytes):
            outcome = self._run_and_report(step, fact)
        self._lanes.pay(step.lane, counts_of(size_bytes=new_bytes(fact, outcome)))
        return outcome

    def request_stop(self) -> None:
        """Wait for disk space no longer; returns at once."""
        self._stopping.set()

    def _run_and_report(self, step: Step, fact: Fact) -> Outcome:
        """Run a step and report its outcome to the circuit breakers.

        A step that asks for a later attempt, and any other exception, concern this input: other
        work can go on, so they do not count."""
        event_id = fact.head.event_id
        try:
            outcome = self._run(step, fact)
        except TransientError as error:
            if not error.by_input:
                self._breakers.failed(
                    step.lane, error.error_class, event_id, str(error), at_once=error.by_every_input
                )
            raise
        except (OSError, ImportError) as error:
            self._breakers.failed(step.lane, ErrorClass.UNKNOWN, event_id, str(error))
            raise
        if not isinstance(outcome, TryLater):
            self._breakers.succeeded(step.lane)
        return outcome

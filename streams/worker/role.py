"""The worker role: runs the steps in child processes, as priority, memory and disk space allow."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from processors.step import Step
from schemas.codec import Undecodable, decode
from streams.execution.driver import Driver
from streams.kafka.consumer import Delivery, StepConsumer, Submit
from streams.kafka.stalled_partitions import watch_partitions
from streams.runtime.fatal_errors import end_process
from streams.runtime.lifecycle import shutdown_signal
from streams.runtime.role_files import announce_ready
from streams.settings import Settings
from streams.worker.scheduler import Task, TaskQueue
from streams.worker.step_runner import LeaveToLaterProcess, StepRunner

log = logging.getLogger(__name__)

HANGS_AFTER_CHECKS = 120
"""Consecutive checks, one a second, at which a consumer has not polled."""
PREFETCHED = 256
"""Messages of one step that wait in this process for a child. The scheduler chooses among them by
priority and lane; those that are not begun at shutdown are left to a later process."""

PUBLICATIONS = 32
"""Results that are published at the same time."""


class Worker:
    """Consumers fill a queue; threads take its tasks in order and wait for child processes."""

    def __init__(
        self,
        tasks: TaskQueue,
        runner: StepRunner,
        consumers: Sequence[StepConsumer],
        threads: int,
        each_second: Callable[[], None] = lambda: None,
    ) -> None:
        """The consumers submit to `tasks`, and the drivers of these tasks use `runner`.

        `each_second` is called while the worker runs."""
        self._each_second = each_second
        self._tasks, self._runner, self._consumers = tasks, runner, consumers
        self._threads = threads
        # The threads that wait for steps do not wait for the broker's disk, and what many of them
        # publish at the same time shares a flush.
        self._publications = ThreadPoolExecutor(PUBLICATIONS, "publish")

    def run(self, settings: Settings) -> None:
        """Work until SIGTERM; then finish what was begun, commit, and leave the groups."""
        stop = shutdown_signal(settings, "worker")
        for number in range(self._threads):
            threading.Thread(target=self._work, name=f"work-{number}", daemon=True).start()
        for consumer in self._consumers:
            consumer.start()
        for consumer in self._consumers:
            consumer.assigned.wait()
        watch_partitions(
            settings.kafka_as("worker"), [consumer.idle_offsets for consumer in self._consumers]
        )
        announce_ready(settings, "worker")
        self._wait(stop)
        self._stop()

    def _wait(self, stop: threading.Event) -> None:
        """Wait until the role must stop; a consumer that hangs ends the process."""
        hanging = 0
        while not stop.wait(1.0):
            self._each_second()
            # Counted in checks, not in seconds: after a suspend of the machine no consumer hangs.
            now = time.monotonic()
            hangs = any(now - consumer.polled_at > 1.0 for consumer in self._consumers)
            hanging = hanging + 1 if hangs else 0
            if hanging >= HANGS_AFTER_CHECKS:
                end_process("a consumer hangs", checks=hanging)

    def _stop(self) -> None:
        self._runner.request_stop()
        for consumer in self._consumers:
            consumer.request_stop()
        self._tasks.open_gates()
        for consumer in self._consumers:
            consumer.stop()

    def _work(self) -> None:
        while True:
            task = self._tasks.get()
            delivery = task.delivery
            try:
                if delivery.begin():
                    publish = task.driver.answer(delivery.message, delivery.still_ours)
                    self._publications.submit(_publish, publish, delivery)
            except LeaveToLaterProcess:
                delivery.requeue()
            except Exception as error:
                log.exception("worker thread failed")
                end_process("a worker thread failed", error=str(error)[:500])
            finally:
                self._tasks.ended(task)


def _publish(publish: Callable[[], None], delivery: Delivery) -> None:
    """Publish a result, and acknowledge the message when the broker has it."""
    try:
        publish()
        delivery.ack()
    except Exception as error:
        log.exception("publication failed")
        end_process("a publication failed", error=str(error)[:500])


def submit_to(tasks: TaskQueue, step: Step, driver: Driver) -> Submit:
    """A function that puts each delivery of a step into the queue."""

    def submit(delivery: Delivery) -> None:
        tasks.put(Task(step.lane, _priority(delivery), driver, delivery))

    return submit


def _priority(delivery: Delivery) -> str:
    """The priority that the message's fact names.

    The fact is not kept for the driver, which decodes it again: hundreds of messages wait here, and
    the fact of a large item takes many times the memory of its message."""
    try:
        return str(getattr(decode(delivery.message.value), "priority", "normal"))
    except Undecodable:
        return "normal"

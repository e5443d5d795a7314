"""A worker does other work while results are published, and acknowledges what the broker has."""

import queue
import threading
from typing import Any, cast

from streams.kafka.consumer import Delivery
from streams.kafka.messages import Incoming
from streams.worker.role import Worker
from streams.worker.scheduler import Task, TaskQueue
from streams.worker.step_runner import StepRunner

PATIENCE_SECONDS = 10


class SlowBroker:
    """Stands for a driver whose results are stored when the test says so."""

    def __init__(self) -> None:
        self.executed: queue.Queue[int] = queue.Queue()
        self.stored = threading.Event()

    def answer(self, message: Incoming, still_ours: object) -> Any:
        """Execute at once; publish when the broker stores."""
        self.executed.put(message.offset)
        return self.stored.wait


class Tasks(queue.Queue[Task]):
    """A queue without lanes."""

    def ended(self, task: Task) -> None:
        """Nothing waits for it."""


def test_a_thread_executes_the_next_step_while_the_broker_flushes():
    broker, acknowledged = SlowBroker(), queue.Queue[int]()
    tasks = Tasks()
    for offset in range(5):
        delivery = Delivery(
            Incoming("t", 0, offset, b"k", b"v", {}),
            begin=lambda: True,
            still_ours=lambda: True,
            ack=lambda offset=offset: acknowledged.put(offset),  # type: ignore[misc]
            requeue=lambda: None,
        )
        tasks.put(Task("masters", "normal", cast(Any, broker), delivery))
    worker = Worker(cast(TaskQueue, tasks), cast(StepRunner, None), [], threads=1)
    threading.Thread(target=worker._work, daemon=True).start()

    executed = [broker.executed.get(timeout=PATIENCE_SECONDS) for _ in range(5)]
    before = acknowledged.qsize()
    broker.stored.set()

    assert executed == list(range(5))
    assert before == 0
    assert {acknowledged.get(timeout=PATIENCE_SECONDS) for _ in range(5)} == set(executed)

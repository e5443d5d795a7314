"""The worker role: every step, in a pool of children, masters first."""

import itertools
import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from processors.pipeline import Step, worker_steps
from schemas.catalogue import LANES, redone_topic
from streams.driver import Driver
from streams.pool import Pool
from streams.publisher import KafkaPublisher, end_process
from streams.receipts import Receipts
from streams.roles import stop_signal
from streams.settings import Settings, announce_ready
from streams.source import Source
from streams.storage.local import LocalStorage
from streams.work import Incoming, Teller

log = logging.getLogger(__name__)

RANK = {lane: rank for rank, lane in enumerate(LANES)}
"""Lower goes first: what secures a master comes before what is made from it."""


@dataclass(order=True)
class Task:
    """One message that waits for a child, ordered by lane, then by arrival."""

    rank: int
    number: int
    driver: Driver = field(compare=False)
    message: Incoming = field(compare=False)
    still_ours: Callable[[], bool] = field(compare=False)
    done: Callable[[], None] = field(compare=False)


class Worker:
    """Sources feed a queue ordered by lane; threads take from it and wait for children."""

    def __init__(self, settings: Settings) -> None:
        storage = LocalStorage(settings.home)
        self._pool = Pool(settings.pool_size, settings.home)
        self._publisher = KafkaPublisher(settings.kafka)
        self._tasks: queue.PriorityQueue[Task] = queue.PriorityQueue()
        self._numbers = itertools.count()
        self._receipts = Receipts(storage)
        self._teller = Teller(storage, settings.version)
        # Twice the pool: while one thread awaits the broker, its child has other work.
        self._threads = 2 * settings.pool_size
        self._sources = [self._source(step, settings) for step in worker_steps()]

    def _source(self, step: Step, settings: Settings) -> Source:
        driver = Driver((step,), self._pool.run, self._receipts, self._publisher, self._teller)

        def submit(message: Incoming, ours: Callable[[], bool], done: Callable[[], None]) -> None:
            number = next(self._numbers)
            self._tasks.put(Task(RANK[step.lane], number, driver, message, ours, done))

        topics = [step.topic, redone_topic(step.lane)]
        limit = 2 * settings.pool_size
        return Source(settings.kafka, step.group, settings.worker_id, topics, limit, submit)

    def run(self, settings: Settings) -> None:
        """Work until told to stop; then finish, commit and leave."""
        stop = stop_signal()
        for number in range(self._threads):
            threading.Thread(target=self._work, name=f"work-{number}", daemon=True).start()
        for source in self._sources:
            source.start()
        for source in self._sources:
            source.assigned.wait()
        announce_ready(settings, "worker")
        stop.wait()
        for source in self._sources:
            source.ask_to_stop()
        for source in self._sources:
            source.stop()
        self._pool.close(patient=True)
        self._publisher.close()

    def _work(self) -> None:
        while True:
            task = self._tasks.get()
            try:
                if task.still_ours():
                    task.driver.handle(task.message, task.still_ours)
                task.done()
            except Exception:
                log.exception("work failed")
                end_process("a worker thread cannot go on")


def run_worker(settings: Settings) -> None:
    """The role, in the foreground, until SIGTERM."""
    Worker(settings).run(settings)

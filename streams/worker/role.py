"""The worker role: every step, in a pool of children, as memory and disk allow."""

import logging
import shutil
import threading
import time

from processors.outcome import ErrorClass, Outcome, TransientError, TryLater
from processors.pipeline import worker_steps
from processors.step import Step
from schemas.catalogue import redone_topic
from schemas.codec import Undecodable, decode
from schemas.models import Fact
from streams.execution.driver import Driver
from streams.execution.facts import FactBuilder
from streams.execution.receipts import Receipts
from streams.kafka.consumer import Delivery, StepConsumer
from streams.kafka.producer import KafkaPublisher
from streams.kafka.stalled_partitions import watch_partitions
from streams.runtime.fatal_errors import end_process
from streams.runtime.lifecycle import shutdown_signal
from streams.runtime.role_files import announce_ready, note
from streams.runtime.worker_name import worker_name
from streams.settings import Settings
from streams.storage.disk_reserve import DiskReserve
from streams.storage.factory import open_storage
from streams.worker.circuit_breaker import Breakers
from streams.worker.pool import Pool
from streams.worker.resource_limits import MemoryBudget, decoded_bytes, written_bytes
from streams.worker.scheduler import Task, TaskQueue

log = logging.getLogger(__name__)

HANGS_AFTER_SECONDS = 120
TAKEN_AT_ONCE = 256
"""Messages of a step that wait here for a child. They are chosen from by priority and lane; what a
worker cannot do is given back when it ends."""


class GivenBack(BaseException):
    """A work that was begun is left for a later process. Not an Exception: it is no outcome."""


class Worker:
    """Sources feed a queue ordered by lane; threads take from it and wait for children."""

    def __init__(self, settings: Settings) -> None:
        self._storage = storage = open_storage(settings)
        self._pool = Pool(settings)
        self._publisher = KafkaPublisher(settings.kafka)
        self._notes: dict[str, str] = {}
        self._note(settings, "former", "")
        self._breakers = Breakers(lambda text: self._note(settings, "breakers", text))
        self._tasks = TaskQueue(self._breakers)
        self._budget = MemoryBudget(settings.images_bytes)
        self._room = DiskReserve(
            lambda: shutil.disk_usage(settings.home).free,
            settings.reserve_bytes,
            lambda text: self._note(settings, "room", text),
        )
        self._stop = threading.Event()
        self._receipts = Receipts(storage)
        self._teller = FactBuilder(
            *(storage, settings.version),
            retry_scale=settings.retry_scale,
            worker=worker_name(settings, "worker"),
        )
        # Twice the pool: while one thread awaits the broker, its child has other work.
        self._threads = 2 * settings.pool_size
        self._sources = [self._source(step, settings) for step in worker_steps()]

    def _source(self, step: Step, settings: Settings) -> StepConsumer:
        driver = Driver((step,), self._governed, self._receipts, self._publisher, self._teller)

        def submit(ticket: Delivery) -> None:
            self._tasks.put(Task(step.lane, _priority(ticket), driver, ticket))

        topics = [step.topic, redone_topic(step.lane)]
        silence, name = settings.session_timeout_seconds, settings.worker_id
        return StepConsumer(
            settings.kafka, step.group, name, topics, TAKEN_AT_ONCE, submit, silence
        )

    def _governed(self, step: Step, fact: Fact) -> Outcome:
        """Run a step when there is room for what it writes and decodes; until then it waits."""
        need = written_bytes(fact)
        self._room.wait(need, go_on=lambda: not self._stop.is_set())
        if self._stop.is_set() and not self._room.has(need):
            raise GivenBack
        with self._budget.share(decoded_bytes(fact, self._storage)):
            return self._watched(step, fact)

    def _watched(self, step: Step, fact: Fact) -> Outcome:
        """Run a step, and tell the breakers how it went."""
        event_id = fact.head.event_id
        try:
            outcome = self._pool.run(step, fact)
        except Exception as fault:
            error_class = (
                fault.error_class if isinstance(fault, TransientError) else ErrorClass.UNKNOWN
            )
            self._breakers.failed(step.lane, error_class, event_id, str(fault))
            raise
        if isinstance(outcome, TryLater):
            self._breakers.failed(step.lane, outcome.error_class, event_id, outcome.why)
        else:
            self._breakers.succeeded(step.lane)
        return outcome

    def _note(self, settings: Settings, topic: str, text: str) -> None:
        """Leave word of what is waited for; each topic speaks for itself."""
        self._notes[topic] = text
        note(settings, "worker", "; ".join(filter(None, self._notes.values())))

    def run(self, settings: Settings) -> None:
        """Work until told to stop; then finish, commit and leave."""
        stop = shutdown_signal(settings, "worker")
        for number in range(self._threads):
            threading.Thread(target=self._work, name=f"work-{number}", daemon=True).start()
        for source in self._sources:
            source.start()
        for source in self._sources:
            source.assigned.wait()
        watch_partitions(settings.kafka, [source.idle_offsets for source in self._sources])
        announce_ready(settings, "worker")
        still = 0
        while not stop.wait(1.0) and still < HANGS_AFTER_SECONDS:
            # Counted in rounds, not by the clock: a machine that slept is no source that hangs.
            now = time.monotonic()
            hangs = any(now - source.looped_at > 1.0 for source in self._sources)
            still = still + 1 if hangs else 0
        if not stop.is_set():
            end_process("a source hangs; nothing unfinished was committed")
        self._stop.set()
        for source in self._sources:
            source.ask_to_stop()
        self._tasks.let_go()
        for source in self._sources:
            source.stop()
        self._pool.close(patient=True)
        self._publisher.close()

    def _work(self) -> None:
        while True:
            task = self._tasks.get()
            try:
                if task.ticket.begin():
                    task.driver.handle(task.ticket.message, task.ticket.still_ours)
                    task.ticket.ack()
            except GivenBack:
                task.ticket.requeue()
            except Exception:
                log.exception("work failed")
                end_process("a worker thread cannot go on")


def _priority(ticket: Delivery) -> str:
    try:
        return str(getattr(decode(ticket.message.value), "priority", "normal"))
    except Undecodable:
        return "normal"


def run_worker(settings: Settings) -> None:
    """The role, in the foreground, until SIGTERM."""
    Worker(settings).run(settings)

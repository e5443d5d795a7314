"""The composition root: builds the adapters of each role and runs the role with them.

What a role uses is imported when it runs, so that the router alone loads Faust and the worker alone
the pool of child processes."""

import shutil
from collections.abc import Callable
from importlib import import_module

from streams.settings import Settings


def run_role(name: str, settings: Settings) -> None:
    """Run a role until SIGTERM. Raises KeyError for an unknown role."""
    run = RUN[name]
    if isinstance(run, str):
        module, _, function = run.partition(":")
        run = getattr(import_module(module), function)
    run(settings)


def _run_router(settings: Settings) -> None:
    from processors.outcome import Outcome
    from processors.pipeline import router_steps
    from processors.step import Step
    from processors.tools import Tools
    from schemas.models import Fact
    from streams.execution.driver import Driver
    from streams.execution.facts import FactBuilder
    from streams.execution.receipts import Receipts
    from streams.kafka.producer import KafkaPublisher
    from streams.router.role import run_router
    from streams.runtime.worker_name import worker_name
    from streams.storage.factory import open_storage

    storage = open_storage(settings)
    tools = Tools(storage=storage, scratch=settings.home / "cache")

    def run_step(step: Step, fact: Fact) -> Outcome:
        return step.function(fact, tools)

    driver = Driver(
        router_steps(),
        run_step,
        Receipts(storage),
        KafkaPublisher(settings.kafka),
        FactBuilder(
            *(storage, settings.version),
            retry_scale=settings.retry_scale,
            worker=worker_name(settings, "router"),
        ),
    )
    run_router(settings, driver)


def _run_worker(settings: Settings) -> None:
    from processors.pipeline import worker_steps
    from processors.step import Step
    from schemas.catalogue import redone_topic
    from streams.execution.driver import Driver
    from streams.execution.facts import FactBuilder
    from streams.execution.receipts import Receipts
    from streams.kafka.consumer import StepConsumer
    from streams.kafka.producer import KafkaPublisher
    from streams.runtime.role_files import WaitReasons
    from streams.runtime.worker_name import worker_name
    from streams.storage.disk_reserve import DiskReserve
    from streams.storage.factory import open_storage
    from streams.worker.circuit_breaker import Breakers
    from streams.worker.pool import Pool
    from streams.worker.resource_limits import MemoryBudget
    from streams.worker.role import PREFETCHED, Worker, submit_to
    from streams.worker.scheduler import TaskQueue
    from streams.worker.step_runner import StepRunner

    storage, pool = open_storage(settings), Pool(settings)
    publisher, receipts = KafkaPublisher(settings.kafka), Receipts(storage)
    facts = FactBuilder(
        *(storage, settings.version),
        retry_scale=settings.retry_scale,
        worker=worker_name(settings, "worker"),
    )
    reasons = WaitReasons(settings, "worker")
    breakers = Breakers(lambda reason: reasons.set("breakers", reason))
    disk = DiskReserve(
        lambda: shutil.disk_usage(settings.home).free,
        settings.reserve_bytes,
        lambda reason: reasons.set("disk", reason),
    )
    runner = StepRunner(pool.run, storage, MemoryBudget(settings.images_bytes), disk, breakers)
    tasks = TaskQueue(breakers)

    def consumer_of(step: Step) -> StepConsumer:
        driver = Driver((step,), runner.run, receipts, publisher, facts)
        return StepConsumer(
            settings.kafka,
            step.group,
            settings.worker_id,
            [step.topic, redone_topic(step.lane)],
            PREFETCHED,
            submit_to(tasks, step, driver),
            settings.silence_seconds,
        )

    consumers = [consumer_of(step) for step in worker_steps()]
    # Twice the pool: while one thread waits for the broker, its child process has other work.
    Worker(tasks, runner, consumers, threads=2 * settings.pool_size).run(settings)
    pool.close(patient=True)
    publisher.close()


RUN: dict[str, str | Callable[[Settings], None]] = {
    "router": _run_router,
    "worker": _run_worker,
    "tracker": "streams.tracker.role:run_tracker",
    "sealer": "streams.sealer.role:run_sealer",
    "projector": "streams.projector.role:run_projector",
    "watchdog": "streams.monitoring.watchdog:run_watchdog",
}

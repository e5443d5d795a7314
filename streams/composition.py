"""The composition root: builds the adapters of each role and runs the role with them.

What a role uses is imported when it runs, so that the router alone loads Faust and the worker alone
the pool of child processes."""

from collections.abc import Callable
from functools import partial
from importlib import import_module
from shutil import disk_usage
from typing import TYPE_CHECKING

from streams.settings import Settings

if TYPE_CHECKING:
    from threading import Event

    from streams.projector.role import Projector
    from streams.sealer.clients import SealerTopics
    from streams.sealer.role import Sealer


def run_role(name: str, settings: Settings) -> None:
    """Run a role until SIGTERM. Raises KeyError for an unknown role."""
    run = RUN[name]
    if isinstance(run, str):
        module, _, function = run.partition(":")
        run = getattr(import_module(module), function)
    run(settings)


def run_tracker(settings: Settings) -> None:
    """Run the tracker on the store, the broker and the database of the settings."""
    from streams.runtime.worker_name import worker_name
    from streams.storage.disk_reserve import DiskReserve
    from streams.storage.factory import open_storage
    from streams.tracker import database, role
    from streams.tracker.outbox_relay import OutboxRelay
    from streams.tracker.topic_reader import TopicReader

    connect = partial(database.connect, settings.dsn("tracker"))
    reserve = DiskReserve(lambda: disk_usage(settings.home).free, settings.reserve_bytes)
    adapters = role.TrackerAdapters(
        storage=open_storage(settings),
        has_space=lambda: reserve.has(0),
        connect=connect,
        reader=TopicReader(settings.kafka),
        relay=OutboxRelay(connect, settings.kafka),
        worker=worker_name(settings, "tracker"),
    )
    role.run_tracker(settings, adapters)


def run_sealer(settings: Settings, topics: "SealerTopics | None" = None) -> None:
    """Run the sealer, between other topics when they are given."""
    from schemas.models import Producer
    from streams.runtime.worker_name import worker_name
    from streams.sealer import clients, role
    from streams.sealer.event_index import EventIndex

    between = topics or clients.SealerTopics()

    def make_sealer(stopping: "Event") -> "Sealer":
        brokers, folder = settings.kafka, settings.home / "audit"
        adapters = role.SealerAdapters(
            producer=clients.transactional_producer(brokers, between),
            consumer=clients.intake_consumer(brokers, between),
            open_log=partial(clients.log_consumer, brokers),
            index=EventIndex(folder / "index.db"),
            anomalies=folder / "anomalies",
        )
        worker = worker_name(settings, "sealer")
        made_by = Producer(name=role.PRODUCER_NAME, version=settings.version, worker=worker)
        return role.Sealer(adapters, between, made_by, stopping)

    role.run_sealer(settings, make_sealer)


def run_projector(settings: Settings, topic: str | None = None) -> None:
    """Run the projector, of another topic when it is given."""
    import psycopg

    from schemas.catalogue import AUDIT_PREMIS
    from streams.projector import role

    def make_projector() -> "Projector":
        return role.Projector(role.log_consumer(settings.kafka), topic or AUDIT_PREMIS.name)

    def connect() -> role.Connection:
        return psycopg.connect(settings.dsn("projector"), autocommit=True)

    role.run_projector(settings, make_projector, connect)


def run_watchdog(settings: Settings) -> None:
    """Run the watchdog."""
    import psycopg
    from psycopg.rows import dict_row

    from streams.monitoring import watchdog
    from streams.monitoring.consumer_lag import ConsumerGroups

    def connect() -> watchdog.Connection:
        return psycopg.connect(settings.dsn("tracker"), connect_timeout=3, row_factory=dict_row)

    groups = ConsumerGroups(settings.kafka)
    watchdog.run_watchdog(settings, watchdog.Watchdog(settings, groups, connect))


RUN: dict[str, str | Callable[[Settings], None]] = {
    "router": "streams.router.role:run_router",
    "worker": "streams.worker.role:run_worker",
    "tracker": run_tracker,
    "sealer": run_sealer,
    "projector": run_projector,
    "watchdog": run_watchdog,
}

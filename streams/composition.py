"""The composition root: builds the adapters of each role and runs it.

A role is imported when it runs, so that the router alone loads Faust and the worker alone libvips.
"""

from collections.abc import Callable
from functools import partial
from importlib import import_module
from shutil import disk_usage

from streams.settings import Settings

RUN = {
    "router": "streams.router.role:run_router",
    "worker": "streams.worker.role:run_worker",
    "tracker": "streams.composition:run_tracker",
    "sealer": "streams.sealer.role:run_sealer",
    "projector": "streams.projector.role:run_projector",
    "watchdog": "streams.monitoring.watchdog:run_watchdog",
}


def run_role(name: str, settings: Settings) -> None:
    """Run a role until SIGTERM. Raises KeyError for an unknown role."""
    module, _, function = RUN[name].partition(":")
    run: Callable[[Settings], None] = getattr(import_module(module), function)
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

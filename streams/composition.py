"""The composition root: builds the adapters of each role and runs it.

A role is imported when it runs, so that the router alone loads Faust and the worker alone libvips.
"""

from collections.abc import Callable
from importlib import import_module

from streams.settings import Settings

RUN = {
    "router": "streams.router.role:run_router",
    "worker": "streams.worker.role:run_worker",
    "tracker": "streams.tracker.role:run_tracker",
    "sealer": "streams.sealer.role:run_sealer",
    "projector": "streams.projector.role:run_projector",
    "watchdog": "streams.monitoring.watchdog:run_watchdog",
}


def run_role(name: str, settings: Settings) -> None:
    """Run a role until SIGTERM. Raises KeyError for an unknown role."""
    module, _, function = RUN[name].partition(":")
    run: Callable[[Settings], None] = getattr(import_module(module), function)
    run(settings)

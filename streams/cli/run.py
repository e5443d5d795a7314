"""`copystand run ROLE`: one role in the foreground."""

import logging

import click

from streams.composition import run_role
from streams.runtime.logs import set_up_log
from streams.settings import Settings, deprecated
from streams.storage.factory import check_store
from streams.topology import BESIDE_THE_LINE, ROLES

log = logging.getLogger(__name__)


@click.command()
@click.argument("name", metavar="ROLE", type=click.Choice((*ROLES, *BESIDE_THE_LINE)))
def run(name: str) -> None:
    """Run one role in the foreground until SIGTERM.

    ROLE is router, worker, tracker, sealer, projector, watchdog, ingest or enrichment."""
    settings = Settings.load()
    if name in ("router", "worker", "tracker", "ingest", "enrichment"):
        check_store(settings)
    set_up_log()
    for old, new in deprecated().items():
        log.warning("deprecated variable name", extra={"variable": old, "use": new})
    run_role(name, settings)

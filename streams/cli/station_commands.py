"""`copystand station`: its commands, each loaded when it is called."""

from importlib import import_module

import click

CAPTURE, DELIVERY = "streams.cli.capture", "streams.cli.station"
PAGES, SERVE = "streams.cli.capture_page", "streams.cli.capture_serve"
MODULES = {
    # Commands of a scanning station, which needs no Kafka, database or libvips.
    "close": "streams.cli.capture_close",
    "devices": CAPTURE,
    "page": PAGES,
    "scan": CAPTURE,
    "serve": SERVE,
    "add": "streams.cli.external_access",
    "check": DELIVERY,
    "revoke": "streams.cli.external_access",
    "spool": "streams.cli.spool",
    "submit": DELIVERY,
}
"""The module of each command."""


class StationCommands(click.Group):
    """A group that imports a command when it runs."""

    def list_commands(self, context: click.Context) -> list[str]:
        return sorted(MODULES)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in MODULES:
            return None
        group: click.Group = import_module(MODULES[name]).station
        return group.get_command(context, name)


@click.group(cls=StationCommands)
def station() -> None:
    """Scan pages, check folders of scans, submit and spool them."""

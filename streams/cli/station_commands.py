"""`copystand station`: its commands, each loaded when it is called."""

from importlib import import_module

import click

SCANNERS = ("close", "devices", "scan")
"""Commands of a scanning station, which needs no Kafka, database or libvips."""
DELIVERIES = ("add", "check", "revoke", "submit")


class StationCommands(click.Group):
    """A group that imports a command when it runs."""

    def list_commands(self, context: click.Context) -> list[str]:
        return sorted((*SCANNERS, *DELIVERIES))

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        module = "streams.cli.capture" if name in SCANNERS else "streams.cli.station"
        group: click.Group = import_module(module).station
        return group.get_command(context, name)


@click.group(cls=StationCommands)
def station() -> None:
    """Scan pages, check folders of scans and submit them."""

"""`copystand station`: its commands, each loaded when it is called."""

from importlib import import_module

import click

SCANNERS = ("close", "devices", "scan")
"""Commands of a scanning station, which needs no Kafka, database or libvips."""
MODULES = {
    **dict.fromkeys(SCANNERS, "streams.cli.capture"),
    "spool": "streams.cli.spool",
    **dict.fromkeys(("check", "submit"), "streams.cli.station"),
    **dict.fromkeys(("add", "revoke"), "streams.cli.external_access"),
}
"""Where each command is."""


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

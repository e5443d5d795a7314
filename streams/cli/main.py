"""`copystand`: the commands, each loaded when it is called."""

from importlib import import_module

import click

from streams.console import Exit, fail
from streams.settings import NotUp, SettingsError

COMMANDS = {
    "audit": "streams.cli.audit:audit",
    "batch": "streams.cli.batch:batch",
    "demo": "streams.cli.demo:demo",
    "diagnose": "streams.cli.diagnose:diagnose",
    "doctor": "streams.cli.up:doctor",
    "down": "streams.cli.up:down",
    "explain": "streams.cli.explain:explain",
    "packages": "streams.cli.packages:packages",
    "person": "streams.cli.person:person",
    "quarantine": "streams.cli.quarantine:quarantine",
    "run": "streams.cli.run:run",
    "station": "streams.cli.station:station",
    "status": "streams.cli.status:status",
    "up": "streams.cli.up:up",
}
"""Where each command stands. Loaded late: a station needs neither Faust nor libvips."""


class Commands(click.Group):
    """A group that imports a command only when it is asked for."""

    def list_commands(self, context: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, attribute = COMMANDS[name].split(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="copystand")
def cli() -> None:
    """Turns what a scanning lab captures into preservation packages, with a trail to prove it."""


def main() -> None:
    """Run a command; a wrong set-up and a missing part end with their own codes."""
    try:
        cli(prog_name="copystand")
    except SettingsError as wrong:
        fail(Exit.USAGE, str(wrong))
    except NotUp as missing:
        fail(Exit.MISSING_PART, str(missing), missing.fix)

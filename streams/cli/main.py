"""`copystand`: the commands, each loaded when it is called."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import click

from infra.escaping import escaped
from infra.permissions import use_private_umask
from streams.console import Exit, escape_tracebacks, fail
from streams.settings import NotUp, SettingsError

COMMANDS = {
    "audit": "streams.cli.audit_commands:audit",
    "batch": "streams.cli.batch:batch",
    "demo": "streams.cli.demo:demo",
    "diagnose": "streams.cli.diagnose:diagnose",
    "doctor": "streams.cli.doctor:doctor",
    "down": "streams.cli.up:down",
    "fixity": "streams.cli.fixity:fixity",
    "explain": "streams.cli.explain:explain",
    "order": "streams.cli.order:order",
    "packages": "streams.cli.packages:packages",
    "person": "streams.cli.person:person",
    "profile": "streams.cli.profile:profile",
    "quarantine": "streams.cli.quarantine:quarantine",
    "repository": "streams.cli.external_access:repository",
    "review": "streams.cli.review:review",
    "run": "streams.cli.run:run",
    "schemas": "streams.cli.schemas:schemas",
    "station": "streams.cli.station_commands:station",
    "status": "streams.cli.status:status",
    "text": "streams.cli.text:text",
    "traffic": "streams.cli.traffic:traffic",
    "up": "streams.cli.up:up",
    "witness": "streams.cli.external_access:witness",
}
"""Module and name of each command, imported when it runs: a station needs no Faust or libvips."""


class Commands(click.Group):
    """A group that imports a command when it runs, and escapes the words in usage errors."""

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        with _escaped_usage_errors():
            return super().make_context(*arguments, **options)

    def invoke(self, context: click.Context) -> Any:
        with _escaped_usage_errors():
            return super().invoke(context)

    def list_commands(self, context: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, attribute = COMMANDS[name].split(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command


@contextmanager
def _escaped_usage_errors() -> Iterator[None]:
    """Escapes the message, since the shell may have filled in file names from outside."""
    try:
        yield
    except click.ClickException as error:
        error.message = escaped(error.message)
        raise


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="copystand")
def cli() -> None:
    """Turn the scans of a digitization lab into preservation packages with a sealed audit log."""


def main() -> None:
    """Run a command; wrong settings and missing services have exit codes of their own."""
    escape_tracebacks()
    use_private_umask()
    try:
        cli(prog_name="copystand")
    except SettingsError as invalid:
        fail(Exit.USAGE, str(invalid))
    except NotUp as missing:
        fail(Exit.MISSING_PART, str(missing), missing.fix)

"""`copystand quarantine`: what was quarantined, why, and what to do about it."""

from typing import Any

import click

from streams.cli.filters import Filters, filters_of
from streams.cli.listings import rows, show_row
from streams.cli.quarantine_decisions import query, reject, release, withdraw
from streams.console import Exit, blocks, emit, fail, json_option

STATES = ("open", "released", "rejected", "withdrawn", "superseded")
TITLE = ["quarantine_id", "code", "state"]


@click.group()
def quarantine() -> None:
    """Show quarantine records and decide about them."""


for command in (release, reject, withdraw):
    quarantine.add_command(command)


@quarantine.command("list")
@filters_of(
    STATES,
    state="Only records in this state.",
    code="Only records with this error code.",
    since="quarantined",
)
@json_option
def list_quarantine(as_json: bool, **filters: Any) -> None:
    """List quarantine records, oldest first."""
    found = rows(query("list"), Filters(**filters).values())
    emit(found, as_json, lambda records: blocks(records, TITLE, ["where", "found", "fix"]))


@quarantine.command()
@click.argument("quarantine_id")
@json_option
def show(quarantine_id: str, as_json: bool) -> None:
    """Show one quarantine record in full."""
    found = rows(query("show"), {"quarantine_id": quarantine_id})
    if not found:
        fix = "List the records: copystand quarantine list"
        fail(Exit.FAILED, f"quarantine record {quarantine_id} does not exist", fix)
    show_row(found[0], as_json)

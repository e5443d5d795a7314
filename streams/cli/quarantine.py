"""`copystand quarantine`: what was set aside, why, and what to do about it."""

from typing import Any

import click

from streams.cli.filters import Filters, filters_of
from streams.cli.quarantine_decisions import reject, release, withdraw
from streams.cli.requests import rows, show_row
from streams.console import blocks, emit, json_option

COLUMNS = (
    'quarantine_id, batch_id, item_id, page_id, code, "where", found, fix, attempts, resume_at,'
    " state, required, occurred_at, origin_event_id, work_id, lane, diagnostics_count"
)
LIST = f"""
SELECT {COLUMNS} FROM line.quarantine
WHERE (%(batch)s::text IS NULL OR batch_id = %(batch)s)
    AND (%(item)s::text IS NULL OR lower(item_id) = lower(%(item)s))
    AND (%(state)s::text IS NULL OR state = %(state)s)
    AND (%(code)s::text IS NULL OR code = %(code)s)
    AND (%(since)s::timestamptz IS NULL OR occurred_at >= %(since)s)
ORDER BY occurred_at, quarantine_id LIMIT %(limit)s
"""
ONE = f"SELECT {COLUMNS}, diagnostics FROM line.quarantine WHERE quarantine_id = %(quarantine_id)s"
STATES = ("open", "released", "rejected", "withdrawn", "superseded")
TITLE = ["quarantine_id", "code", "state"]


@click.group()
def quarantine() -> None:
    """See what was set aside, and decide about it."""


for command in (release, reject, withdraw):
    quarantine.add_command(command)


@quarantine.command("list")
@filters_of(STATES, state="In this state.", code="With this error code.", since="Set aside")
@json_option
def list_quarantine(as_json: bool, **wanted: Any) -> None:
    """All records, the oldest first."""
    found = rows(LIST, Filters(**wanted).values())
    emit(found, as_json, lambda records: blocks(records, TITLE, ["where", "found", "fix"]))


@quarantine.command()
@click.argument("quarantine_id")
@json_option
def show(quarantine_id: str, as_json: bool) -> None:
    """One record, whole."""
    found = rows(ONE, {"quarantine_id": quarantine_id})
    message = f"no quarantine record {quarantine_id} is known"
    show_row(found[0] if found else None, as_json, message)

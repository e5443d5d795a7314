"""`copystand batch`: how batches stand, and requests to pause, resume, cancel or hurry them."""

from typing import Any

import click

from streams.cli.filters import Filters, filters
from streams.cli.line import control_options, emit_rows, request, rows, show_row
from streams.cli.output import json_option

COLUMNS = (
    "batch_id, state, registered, packaged, quarantined, cancelled, in_flight, item_count,"
    " priority, not_before, project, operator, settlements, received_at, accepted_at"
)
LIST = f"""
SELECT {COLUMNS} FROM line.batch_status s
WHERE (%(batch)s::text IS NULL OR batch_id = %(batch)s)
    AND (%(item)s::text IS NULL OR EXISTS (
        SELECT FROM line.items i
        WHERE i.batch_id = s.batch_id AND lower(i.item_id) = lower(%(item)s)))
    AND (%(state)s::text IS NULL OR state = %(state)s)
    AND (%(code)s::text IS NULL OR EXISTS (
        SELECT FROM line.quarantine q WHERE q.batch_id = s.batch_id AND q.code = %(code)s))
    AND (%(since)s::timestamptz IS NULL OR received_at >= %(since)s)
ORDER BY received_at DESC NULLS FIRST, batch_id LIMIT %(limit)s
"""
ITEMS = """
SELECT i.item_id, i.state, i.title, i.page_count, i.package_id,
    count(p.page_id) FILTER (WHERE p.state = 'quarantined') AS quarantined
FROM line.items i LEFT JOIN line.pages p USING (item_id)
WHERE i.batch_id = %(batch)s GROUP BY i.item_id ORDER BY i.item_id
"""
SHOWN = ["batch_id", "state", "registered", "packaged", "quarantined", "cancelled", "in_flight"]


@click.group()
def batch() -> None:
    """See how batches stand, and decide about them."""


@batch.command("list")
@filters
@json_option
def list_batches(as_json: bool, **wanted: Any) -> None:
    """All batches, the newest first."""
    emit_rows(rows(LIST, Filters(**wanted).values()), as_json, SHOWN)


@batch.command()
@click.argument("batch_id")
@json_option
def show(batch_id: str, as_json: bool) -> None:
    """One batch with its items."""
    values = Filters(batch=batch_id).values()
    found = rows(LIST, values)
    items = rows(ITEMS, values) if found else []
    document = {**found[0], "items": items} if found else None
    show_row(document, as_json, f"no batch {batch_id} is on the line")


@batch.command()
@click.argument("batch_id")
@control_options
def pause(batch_id: str, **asked: Any) -> None:
    """Admit no more pages of a batch; what is at work goes on."""
    request("pause", [f"batch:{batch_id}"], **asked)


@batch.command()
@click.argument("batch_id")
@control_options
def resume(batch_id: str, **asked: Any) -> None:
    """Admit the pages of a paused batch again."""
    request("resume", [f"batch:{batch_id}"], **asked)


@batch.command()
@click.argument("batch_id")
@control_options
def cancel(batch_id: str, **asked: Any) -> None:
    """End a batch; items that are complete already go on."""
    request("cancel", [f"batch:{batch_id}"], **asked)


@batch.command()
@click.argument("batch_id")
@click.argument("priority", type=click.Choice(["rush", "normal", "night"]))
@control_options
def priority(batch_id: str, priority: str, **asked: Any) -> None:
    """Change how urgent a batch is."""
    request("priority", [f"batch:{batch_id}"], value=priority, **asked)

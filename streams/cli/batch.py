"""`copystand batch`: status of batches, and requests to pause, resume, cancel or hurry them."""

from pathlib import Path
from typing import Any

import click

from streams.cli.filters import Filters, filters_of
from streams.cli.listings import emit_rows, rows
from streams.cli.requests import control_options, request
from streams.console import Exit, blocks, emit, fail, json_option, out, shown, table
from streams.named_queries import NamedQueries

STATES = (
    "submitted", "uploading", "held", "running", "paused", "settled", "quarantined", "cancelled",
)  # fmt: skip
LIST_COLUMNS = [
    "batch_id", "state", "registered", "packaged", "quarantined", "cancelled", "in_flight",
]  # fmt: skip
PAGE_STATES = [
    "registered", "admitted", "ended", "packaged", "quarantined", "cancelled", "missing",
    "not_pages",
]  # fmt: skip
PACKAGE_COLUMNS = ["package_id", "state", "completeness", "size_bytes", "published_at"]
SUMMARY = (
    ("", ("batch_id", "state", "waits_for", "waits_until", "priority", "project", "operator")),
    ("pages: ", ("registered", "packaged", "quarantined", "cancelled", "in_flight")),
    ("times: ", ("received_at", "accepted_at", "settled_at")),
)
"""Lines above the tables of `batch show`."""
query = NamedQueries(Path(__file__).with_name("batch.sql"))


@click.group()
def batch() -> None:
    """Show batches and control them."""


@batch.command("list")
@filters_of(
    STATES,
    state="Only batches in this state.",
    code="Only batches that have a quarantine record with this code.",
    since="received",
)
@json_option
def list_batches(as_json: bool, **filters: Any) -> None:
    """List batches, newest first."""
    emit_rows(rows(query("list"), Filters(**filters).values()), as_json, LIST_COLUMNS)


@batch.command()
@click.argument("batch_id")
@json_option
def show(batch_id: str, as_json: bool) -> None:
    """Show one batch in full.

    Prints its items, packages, times and open quarantine records."""
    values = Filters(batch=batch_id).values()
    found = rows(query("list"), values)
    if not found:
        fail(Exit.FAILED, f"batch {batch_id} does not exist", "List them: copystand batch list")
    settled = found[0]["state"] == "settled"
    times = rows(query("settled_at"), values)[0] if settled else {"settled_at": None}
    lists = {
        "items": rows(query("items"), values),
        "packages": rows(query("packages"), values),
        "quarantine": rows(query("open_records"), values),
    }
    emit({**found[0], **times, **lists}, as_json, _render)


def _render(document: dict[str, Any]) -> None:
    for title, names in SUMMARY:
        words = [f"{name} {shown(document[name])}" for name in names if document[name] is not None]
        out.print(title + "  ".join(words))
    # Only the columns in which there is a page: the table stays narrow.
    states = [name for name in PAGE_STATES if any(item[name] for item in document["items"])]
    table(document["items"], ["item_id", "state", "page_count", *states])
    if document["packages"]:
        table(document["packages"], PACKAGE_COLUMNS)
    if document["quarantine"]:
        blocks(document["quarantine"], ["quarantine_id", "code"], ["where", "found"])


@batch.command()
@click.argument("batch_id")
@control_options
def pause(batch_id: str, **options: Any) -> None:
    """Pause a batch. Work in progress is finished."""
    request("pause", batch_id, **options)


@batch.command()
@click.argument("batch_id")
@control_options
def resume(batch_id: str, **options: Any) -> None:
    """Resume a paused batch."""
    request("resume", batch_id, **options)


@batch.command()
@click.argument("batch_id")
@control_options
def cancel(batch_id: str, **options: Any) -> None:
    """Cancel a batch. Items that are already complete are still packaged."""
    request("cancel", batch_id, **options)


@batch.command()
@click.argument("batch_id")
@click.argument("priority", type=click.Choice(["rush", "normal", "night"]))
@control_options
def priority(batch_id: str, priority: str, **options: Any) -> None:
    """Change the priority of a batch."""
    request("priority", batch_id, value=priority, **options)

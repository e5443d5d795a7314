"""`copystand audit`: the history of a page, an item or a batch, from the sealed audit log."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from infra.permissions import umask_of_user
from streams.audit.event_texts import for_people
from streams.audit.history_view import OUTCOMES, history_view
from streams.audit.queries import batch_history, item_history, page_history
from streams.audit.standing import Standing
from streams.audit.timeline import Row
from streams.cli.audit_answers import (
    Connection,
    answered,
    as_of_option,
    compared,
    csv_option,
    documents_of,
    emit_events,
    fail_if_changed,
    say_standing,
)
from streams.cli.filters import Filters, filters_of
from streams.console import Exit, err, fail, json_option
from streams.settings import Settings

_filters = filters_of(
    tuple(OUTCOMES),
    state="Only events with this outcome.",
    code="Only events with this code (of an error or a warning).",
    since="that occurred",
)
Query = Callable[[Connection, str, Standing], list[Row]]


@click.group()
def audit() -> None:
    """Show history from the sealed audit log."""


def _premis_option(command: Callable[..., Any]) -> Callable[..., Any]:
    path = click.Path(dir_okay=False, path_type=Path)
    return click.option(
        "--premis", type=path, help="Also write the events to this file as PREMIS 3.0."
    )(command)


@audit.command("page")
@click.argument("page", metavar="ITEM:REF|ITEM:LABEL")
@_premis_option
@_filters
@as_of_option
@csv_option
@json_option
def page(page: str, premis: Path | None, **options: Any) -> None:
    """Show the history of a page, in causal order."""
    _show_history(page_history, page, premis, **options)


@audit.command("item")
@click.argument("item_id", metavar="ITEM")
@_premis_option
@_filters
@as_of_option
@csv_option
@json_option
def item(item_id: str, premis: Path | None, **options: Any) -> None:
    """Show the history of an item and its pages, in causal order."""
    _show_history(item_history, item_id, premis, **options)


@audit.command("batch")
@click.argument("batch_id", metavar="BATCH")
@_premis_option
@_filters
@as_of_option
@csv_option
@json_option
def batch(batch_id: str, premis: Path | None, **options: Any) -> None:
    """Show the history of a batch, its items and pages."""
    _show_history(batch_history, batch_id, premis, **options)


def _show_history(
    history: Query,
    subject: str,
    premis: Path | None,
    as_of: datetime | None,
    as_csv: bool,
    as_json: bool,
    **filters: Any,
) -> None:
    settings = Settings.load()
    found, holds = answered(
        settings, as_of, lambda connection, holds: history(connection, subject, holds)
    )
    matching = [row for row in found if _matches(row, Filters(**filters))]
    rows = matching[: filters["limit"]]
    if premis:
        _write_premis(premis, rows)
    comparison = compared(settings, rows)
    documents = documents_of(rows, comparison)
    shown = for_people(documents, comparison.texts)
    emit_events(documents, shown, as_json, as_csv, lambda _: history_view(shown))
    if len(rows) < len(matching):
        err.print(f"Shown: {len(rows)} of {len(matching)} events (--limit).", highlight=False)
    say_standing(holds, comparison)
    fail_if_changed(comparison)


def _matches(row: Row, filters: Filters) -> bool:
    """Whether the event passes the filters; its outcome is its state."""
    item_id = row["item_id"] or ""
    return (
        filters.batch in (None, row["batch_id"])
        and (filters.item is None or filters.item.lower() == item_id.lower())
        and filters.state in (None, row["outcome"])
        and filters.code in (None, row["code"])
        and (filters.since is None or row["occurred_at"] >= filters.since)
    )


def _write_premis(path: Path, rows: list[Row]) -> None:
    # Imported here: lxml is needed for this option alone.
    from streams.audit.premis_xml import write_history

    try:
        with umask_of_user():
            write_history(path, rows)
    except OSError as failed:
        fail(Exit.FAILED, f"cannot write {path}: {failed}")

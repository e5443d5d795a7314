"""`copystand audit`: what happened to a page, an item or a batch, from the sealed log."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import psycopg
from rich.table import Table

from streams.audit.queries import (
    AmbiguousLabel,
    UnknownSubject,
    batch_history,
    document_of,
    item_history,
    page_history,
)
from streams.audit.timeline import Row
from streams.cli.filters import Filters, filters_of
from streams.console import Exit, emit, fail, json_option, out
from streams.settings import NotUp, Settings

COLOURS = {"suc": "green", "war": "yellow", "fai": "red"}
_filters = filters_of(
    tuple(COLOURS),
    state="With this outcome.",
    code="With this code: an error, a warning, a reason.",
    since="Happened",
)
Ask = Callable[[psycopg.Connection[Any], str], list[Row]]


@click.group()
def audit() -> None:
    """What the sealed log tells."""


def _premis_option(command: Callable[..., Any]) -> Callable[..., Any]:
    path = click.Path(dir_okay=False, path_type=Path)
    return click.option("--premis", type=path, help="Also write the events as PREMIS 3.0 XML.")(
        command
    )


@audit.command("page")
@click.argument("page", metavar="ITEM:REF|ITEM:LABEL")
@_premis_option
@_filters
@json_option
def page(page: str, premis: Path | None, as_json: bool, **wanted: Any) -> None:
    """The way of one page, from the delivery to the package, in order of cause."""
    _tell(page_history, page, premis, as_json, wanted)


@audit.command("item")
@click.argument("item_id", metavar="ITEM")
@_premis_option
@_filters
@json_option
def item(item_id: str, premis: Path | None, as_json: bool, **wanted: Any) -> None:
    """Everything about one item and its pages, in order of cause."""
    _tell(item_history, item_id, premis, as_json, wanted)


@audit.command("batch")
@click.argument("batch_id", metavar="BATCH")
@_premis_option
@_filters
@json_option
def batch(batch_id: str, premis: Path | None, as_json: bool, **wanted: Any) -> None:
    """Everything about one batch, its items and pages, in order of cause."""
    _tell(batch_history, batch_id, premis, as_json, wanted)


def _tell(ask: Ask, subject: str, premis: Path | None, as_json: bool, wanted: Row) -> None:
    try:
        dsn = Settings.load().dsn("auditor_ro")
        with psycopg.connect(dsn, autocommit=True) as connection:
            rows = ask(connection, subject)
    except UnknownSubject as unknown:
        fail(
            Exit.FAILED,
            str(unknown),
            "Events take a moment to arrive; ids stand in: copystand status",
        )
    except AmbiguousLabel as ambiguous:
        fail(Exit.USAGE, str(ambiguous), "Name one of them.")
    except (NotUp, psycopg.OperationalError) as missing:
        fail(Exit.MISSING_PART, f"Postgres does not answer: {missing}", "Run: copystand up")
    rows = [row for row in rows if _is_wanted(row, Filters(**wanted))][: wanted["limit"]]
    if premis:
        _write_premis(premis, rows)
    emit([document_of(row) for row in rows], as_json, _render)


def _is_wanted(row: Row, wanted: Filters) -> bool:
    """Whether a listing that was asked for these shows the event; the outcome is its state."""
    item_id = row["item_id"] or ""
    return (
        wanted.batch in (None, row["batch_id"])
        and (wanted.item is None or wanted.item.lower() == item_id.lower())
        and wanted.state in (None, row["outcome"])
        and wanted.code in (None, row["code"])
        and (wanted.since is None or row["occurred_at"] >= wanted.since)
    )


def _write_premis(path: Path, rows: list[Row]) -> None:
    # Imported here: lxml is needed for this option alone.
    from streams.audit.premis_xml import write_history

    try:
        write_history(path, rows)
    except OSError as wrong:
        fail(Exit.FAILED, f"{path} cannot be written: {wrong}")


def _render(events: list[dict[str, Any]]) -> None:
    drawn = Table("seq", "when (UTC)", "about", "event", "outcome", "detail", header_style="bold")
    before = None
    for event in events:
        colour = COLOURS.get(event["outcome"], "")
        outcome = f"[{colour}]{event['outcome']}[/]" if colour else event["outcome"]
        drawn.add_row(
            str(event["seq"]),
            event["occurred_at"][:19].replace("T", " ") if event["cause_id"] != before else "",
            event["page_id"] or event["item_id"] or event["batch_id"] or "",
            event["event_type"] if event["ordinal"] == 0 else f"  {event['event_type']}",
            outcome + (f" {event['code']}" if event["code"] else ""),
            _plain(event["detail"]),
        )
        before = event["cause_id"]
    out.print(drawn)


def _plain(text: str) -> str:
    """Text in which rich finds no markup and a terminal no control."""
    shown = "".join(one if one.isprintable() else " " for one in text[:300])
    return shown.replace("[", "\\[")

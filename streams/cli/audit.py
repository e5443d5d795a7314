"""`copystand audit`: the history of a page, an item or a batch, from the sealed audit log."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import psycopg

from infra.permissions import umask_of_user
from processors.error_catalogue import fix_of
from streams.audit.event_texts import changed_texts, documents_of, for_people, texts_of
from streams.audit.generations import LOG
from streams.audit.history_view import OUTCOMES, history_view
from streams.audit.queries import (
    AmbiguousLabel,
    Incomplete,
    UnknownSubject,
    batch_history,
    check_complete,
    document_of,
    item_history,
    page_history,
)
from streams.audit.timeline import Row
from streams.cli.filters import Filters, filters_of
from streams.cli.listings import CONNECT_SECONDS, postgres_down
from streams.console import Exit, emit, err, fail, json_option, out
from streams.settings import NotUp, Settings

_filters = filters_of(
    tuple(OUTCOMES),
    state="Only events with this outcome.",
    code="Only events with this code (of an error or a warning).",
    since="that occurred",
)
Query = Callable[[psycopg.Connection[Any], str], list[Row]]


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
@json_option
def page(page: str, premis: Path | None, as_json: bool, **filters: Any) -> None:
    """Show the history of a page, in causal order."""
    _show_history(page_history, page, premis, as_json, filters)


@audit.command("item")
@click.argument("item_id", metavar="ITEM")
@_premis_option
@_filters
@json_option
def item(item_id: str, premis: Path | None, as_json: bool, **filters: Any) -> None:
    """Show the history of an item and its pages, in causal order."""
    _show_history(item_history, item_id, premis, as_json, filters)


@audit.command("batch")
@click.argument("batch_id", metavar="BATCH")
@_premis_option
@_filters
@json_option
def batch(batch_id: str, premis: Path | None, as_json: bool, **filters: Any) -> None:
    """Show the history of a batch, its items and pages."""
    _show_history(batch_history, batch_id, premis, as_json, filters)


def _show_history(
    history: Query, subject: str, premis: Path | None, as_json: bool, filters: Row
) -> None:
    settings = Settings.load()
    try:
        dsn = settings.dsn("auditor_ro")
        with psycopg.connect(dsn, autocommit=True, connect_timeout=CONNECT_SECONDS) as connection:
            check_complete(connection)
            rows = history(connection, subject)
            texts = texts_of(connection, rows)
    except UnknownSubject as unknown:
        fail(
            Exit.FAILED,
            str(unknown),
            "New events appear after a few seconds. List the ids: copystand batch show BATCH",
        )
    except Incomplete as why:
        code = "log.projection-incomplete"
        fail(Exit.MISSING_PART, f"{code}: {why}", fix_of(code))
    except AmbiguousLabel as ambiguous:
        fail(Exit.USAGE, str(ambiguous), "Use one of these page ids.")
    except (NotUp, psycopg.Error) as down:
        postgres_down(down)
    rows = [row for row in rows if _matches(row, Filters(**filters))][: filters["limit"]]
    differing = changed_texts(rows, texts) | _differing(settings, rows)
    if premis:
        _write_premis(premis, rows)
    documents = [
        document_of(row) | {"differs": differing.get(row["seq"]), "texts": documents_of(row, texts)}
        for row in rows
    ]
    emit(documents, as_json, lambda events: out.print(history_view(for_people(events, texts))))
    for seq, reason in sorted(differing.items()):
        err.print(f"seq {seq} {reason}", style="red", highlight=False)
    if differing:
        fail(Exit.FAILED, "the tables were changed", "Find the extent: copystand audit verify")


def _differing(settings: Settings, rows: list[Row]) -> dict[int, str]:
    """The rows that are not as they were sealed, and why. Says up to where the answer holds."""
    # Imported here: a station has no sealed log.
    from streams.transparency_log.note import BadNote
    from streams.transparency_log.tiles import DamagedLog
    from streams.verification.sealed_comparison import differing_rows

    last = max((row["seq"] for row in rows), default=0)
    try:
        size, found = differing_rows(settings.home / LOG, rows)
    except FileNotFoundError:
        err.print("Not compared with the sealed log: it is not in this home.", highlight=False)
        return {}
    except (BadNote, DamagedLog) as damaged:
        fail(Exit.FAILED, f"the sealed log is damaged: {damaged}", "Run: copystand audit verify")
    if last >= size:
        err.print(f"Events from seq {size} on have no checkpoint yet.", highlight=False)
    elif not found:
        err.print(f"As sealed, by the checkpoint of {size} events.", highlight=False)
    return found


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

"""`copystand audit events` and `object`: searches, and the history of a file."""

from datetime import datetime
from typing import Any

import click
from rich.console import Group, RenderableType

from processors.premis import LC_CODES, OWN_TYPES
from streams.audit.event_search import LIMIT, Found, Question, digest_of, find_events
from streams.audit.event_texts import for_people
from streams.audit.history_view import OUTCOMES, history_view
from streams.audit.object_history import ObjectHistory, object_history
from streams.audit.object_names import is_file_name
from streams.audit.standing import Standing
from streams.audit.timeline import Row
from streams.cli.audit import audit
from streams.cli.audit_answers import (
    Comparison,
    answered,
    as_of_option,
    compared,
    csv_option,
    documents_of,
    emit_events,
    events_behind,
    fail_if_changed,
    say_standing,
)
from streams.cli.filters import timestamp
from streams.console import Exit, err, fail, json_option, words
from streams.settings import Settings

EVENT_TYPES = sorted({*LC_CODES, *OWN_TYPES})
_limit = click.option(
    "--limit",
    type=click.IntRange(min=1, max=1_000_000),
    default=LIMIT,
    show_default=True,
    help="Maximum number of events.",
)


@audit.command("events")
@click.option(
    "--type",
    "event_type",
    type=click.Choice(EVENT_TYPES),
    metavar="TYPE",
    help="Only events of this type, such as 'fixity check'.",
)
@click.option("--agent", help="Only events of this agent: a name, or a name and a version.")
@click.option("--code", help="Only events with this code (of an error or a warning).")
@click.option("--outcome", type=click.Choice(list(OUTCOMES)), help="Only events with this outcome.")
@click.option(
    "--since",
    metavar="TIME",
    callback=timestamp,
    help="Only those that occurred at or after this time (ISO 8601; UTC without a zone).",
)
@click.option(
    "--until", metavar="TIME", callback=timestamp, help="Only those that occurred before this time."
)
@click.option("--batch", help="Only this batch.")
@click.option("--item", help="Only this item.")
@click.option("--after", type=click.IntRange(min=0), help="Only events with a higher seq.")
@as_of_option
@_limit
@csv_option
@json_option
def events(as_of: datetime | None, as_csv: bool, as_json: bool, **asked: Any) -> None:
    """Show the events of a type, agent, code, outcome, time, batch or item, in causal order."""
    question = Question(**asked)
    if question.since and question.until and question.since >= question.until:
        fail(Exit.USAGE, "--since is not before --until")
    settings = Settings.load()
    found, holds = answered(
        settings, as_of, lambda connection, holds: find_events(connection, question, holds)
    )
    comparison = compared(settings, found.rows)
    documents = documents_of(found.rows, comparison)
    document = {"events": documents, **_standing(found.more, holds, comparison)}
    shown = for_people(documents, comparison.texts)
    emit_events(document, shown, as_json, as_csv, lambda _: history_view(shown))
    _say_more(found)
    say_standing(holds, comparison)
    fail_if_changed(comparison)


@audit.command("object")
@click.argument("digest", metavar="SHA256")
@as_of_option
@_limit
@csv_option
@json_option
def object_(digest: str, limit: int, as_of: datetime | None, as_csv: bool, as_json: bool) -> None:
    """Show the history of a file: its origin, what was made from it, packages, fixity checks.

    SHA256 is the digest of the file: 64 hexadecimal digits, with or without `sha256:`.
    """
    name = digest_of(digest)
    if name is None:
        fail(
            Exit.USAGE,
            f"{digest} is not a SHA-256: 64 hexadecimal digits are expected",
            "Compute it: sha256sum FILE",
        )
    settings = Settings.load()
    history, holds = answered(
        settings, as_of, lambda connection, holds: object_history(connection, name, holds, limit)
    )
    comparison = compared(settings, history.all_rows)
    document = _object_document(history, comparison) | _standing(history.more, holds, comparison)
    shown = for_people(document["events"], comparison.texts)
    emit_events(document, shown, as_json, as_csv, lambda _: _object_view(history, shown))
    if history.more:
        err.print(f"More events name this file. Shown: the first {limit} (--limit).")
    say_standing(holds, comparison)
    fail_if_changed(comparison)


def _standing(more: bool, holds: Standing, comparison: Comparison) -> dict[str, Any]:
    return {
        "more": more,
        "last_seq": holds.last_seq,
        "checkpoint": comparison.checkpoint,
        "behind": events_behind(holds, comparison),
    }


def _say_more(found: Found) -> None:
    if found.more:
        err.print(
            f"More events match. Shown: the first {len(found.rows)}. Narrow the question, raise"
            f" --limit, or go on with: --after {found.last_seq}",
            highlight=False,
        )


def _object_document(history: ObjectHistory, comparison: Comparison) -> dict[str, Any]:
    parts = ("rows", "origins", "products", "packages", "checks")
    lists = {name: documents_of(getattr(history, name), comparison) for name in parts}
    return {"object": history.object, "events": lists.pop("rows"), **lists}


def _object_view(history: ObjectHistory, events: list[dict[str, Any]]) -> RenderableType:
    parts: list[RenderableType] = [words((history.object, "bold"))]
    for title, rows in (
        ("Origin", history.origins),
        ("Made from it", history.products),
        ("Packages of its item", history.packages),
        ("Fixity checks of it, or of the files of its item", history.checks),
    ):
        parts.append(words((f"{title}: {len(rows)}", "bold")))
        parts += [words(f"  {_line(row)}") for row in rows]
    return Group(*parts, words(("Events that name it:", "bold")), history_view(events))


def _line(row: Row) -> str:
    subject = row["page_id"] or row["item_id"] or row["batch_id"] or ""
    made = ", ".join(one for one in row["results"] if is_file_name(one))
    return (
        f"{row['occurred_at']:%Y-%m-%d %H:%M:%S}  seq {row['seq']}  {row['event_type']}"
        f"  {row['outcome']}  {subject}  {row['producer_name']} {row['producer_version']}  {made}"
    ).rstrip()

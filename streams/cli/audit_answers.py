"""How `copystand audit` answers: from the tables, compared with the sealed log, in three forms."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import click
import psycopg
from rich.console import RenderableType

from processors.error_catalogue import fix_of
from schemas.times import written
from streams.audit.event_texts import Texts, changed_texts, texts_of
from streams.audit.event_texts import documents_of as text_documents
from streams.audit.generations import LOG
from streams.audit.queries import AmbiguousLabel, UnknownSubject, document_of
from streams.audit.standing import Incomplete, Standing, standing
from streams.audit.timeline import Row
from streams.cli.csv_form import csv_text
from streams.cli.filters import timestamp
from streams.cli.listings import CONNECT_SECONDS, postgres_down
from streams.console import Exit, emit, emit_text, err, fail, out
from streams.settings import NotUp, Settings
from streams.text_references import PREFIX

CSV_COLUMNS = (
    "seq", "occurred_at", "sealed_at", "event_type", "outcome", "code", "detail", "agents",
    "batch_id", "item_id", "page_id", "sources", "results", "event_id", "cause_id", "differs",
)  # fmt: skip
Connection = psycopg.Connection[Any]
Answer = TypeVar("Answer")


def as_of_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --as-of to a command."""
    text = "Only what the log had at this time (ISO 8601; UTC without a zone)."
    return click.option("--as-of", metavar="TIME", callback=timestamp, help=text)(command)


def csv_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --csv to a command, as the argument as_csv."""
    text = "Print comma-separated values to stdout."
    return click.option("--csv", "as_csv", is_flag=True, help=text)(command)


@dataclass(frozen=True)
class Comparison:
    """The rows of an answer against the sealed log of this home."""

    checkpoint: int | None
    """Events of the newest checkpoint; None when this home has no log."""
    differing: dict[int, str]
    """By seq, how a row differs from what was sealed."""
    texts: Texts = field(default_factory=dict)
    """The free texts to which the rows refer."""


def answered(
    settings: Settings, as_of: datetime | None, ask: Callable[[Connection, Standing], Answer]
) -> tuple[Answer, Standing]:
    """What a question gives, and up to where that holds; exits when there is no answer."""
    try:
        dsn = settings.dsn("auditor_ro")
        with psycopg.connect(dsn, autocommit=True, connect_timeout=CONNECT_SECONDS) as connection:
            holds = standing(connection, as_of)
            return ask(connection, holds), holds
    except UnknownSubject as unknown:
        then = f" at {written(as_of)}" if as_of else ""
        fail(
            Exit.FAILED,
            f"{unknown}{then}",
            "New events appear after a few seconds. List the ids: copystand batch show BATCH",
        )
    except Incomplete as why:
        code = "log.projection-incomplete"
        fail(Exit.MISSING_PART, f"{code}: {why}", fix_of(code))
    except AmbiguousLabel as ambiguous:
        fail(Exit.USAGE, str(ambiguous), "Use one of these page ids.")
    except (NotUp, psycopg.Error) as down:
        postgres_down(down)


def compared(settings: Settings, rows: Sequence[Row]) -> Comparison:
    """The rows that an answer shows against the sealed log; exits when the log is damaged."""
    # Imported here: a station has no sealed log.
    from streams.transparency_log.note import BadNote
    from streams.transparency_log.tiles import DamagedLog
    from streams.verification.sealed_comparison import differing_rows

    texts = _texts(settings, rows)
    changed = changed_texts(rows, texts)
    try:
        size, differing = differing_rows(settings.home / LOG, rows)
        return Comparison(size, changed | differing, texts)
    except FileNotFoundError:
        return Comparison(None, changed, texts)
    except (BadNote, DamagedLog) as damaged:
        fail(Exit.FAILED, f"the sealed log is damaged: {damaged}", "Run: copystand audit verify")


def _texts(settings: Settings, rows: Sequence[Row]) -> Texts:
    if not any(PREFIX in row["detail"] for row in rows):
        return {}
    try:
        dsn = settings.dsn("auditor_ro")
        with psycopg.connect(dsn, autocommit=True, connect_timeout=CONNECT_SECONDS) as connection:
            return texts_of(connection, rows)
    except (NotUp, psycopg.Error) as down:
        postgres_down(down)


def documents_of(rows: Sequence[Row], comparison: Comparison) -> list[dict[str, Any]]:
    """Rows as documents that say how they differ from the sealed log."""
    differing, texts = comparison.differing, comparison.texts
    return [
        document_of(row)
        | {"differs": differing.get(row["seq"]), "texts": text_documents(row, texts)}
        for row in rows
    ]


def say_standing(holds: Standing, comparison: Comparison) -> None:
    """Print to stderr up to where an answer holds, and whether it is behind."""
    for line in standing_lines(holds, comparison):
        err.print(line, highlight=False)


def standing_lines(holds: Standing, comparison: Comparison) -> list[str]:
    """Up to where an answer holds, and whether it is behind, in sentences."""
    size = comparison.checkpoint
    known = f"events up to seq {holds.last_seq}." if holds.last_seq >= 0 else "no event."
    lines = [f"As of {written(holds.as_of)}: {known}" if holds.as_of else known.capitalize()]
    if size is None:
        return [*lines, "Not compared with the sealed log: it is not in this home."]
    if not comparison.differing:
        lines.append(f"As sealed, by the checkpoint of {size} events.")
    if holds.last_seq >= size:
        lines.append(f"Events from seq {size} on have no checkpoint yet.")
    if (behind := events_behind(holds, comparison)) > 0:
        lines.append(f"The tables are behind the log: {behind} sealed events are not in them yet.")
    return lines


def events_behind(holds: Standing, comparison: Comparison) -> int:
    """How many events have a checkpoint and are not in the tables yet."""
    return max((comparison.checkpoint or 0) - holds.projected - 1, 0)


def emit_events(
    document: Any,
    events: Sequence[dict[str, Any]],
    as_json: bool,
    as_csv: bool,
    view: Callable[[Any], RenderableType],
) -> None:
    """Print an answer: as JSON, its events as CSV, or as a view for people."""
    if as_json and as_csv:
        fail(Exit.USAGE, "give either --json or --csv")
    if as_csv:
        rows = [[_csv_value(name, one) for name in CSV_COLUMNS] for one in events]
        emit_text(csv_text(CSV_COLUMNS, rows))
    else:
        emit(document, as_json, lambda shown: out.print(view(shown)))


def fail_if_changed(comparison: Comparison) -> None:
    """Name the rows that are not as they were sealed, and exit with 1 if there are any."""
    for seq, reason in sorted(comparison.differing.items()):
        err.print(f"seq {seq} {reason}", style="red", highlight=False)
    if comparison.differing:
        fail(Exit.FAILED, "the tables were changed", "Find the extent: copystand audit verify")


def _csv_value(name: str, document: dict[str, Any]) -> Any:
    value = document[name]
    if name == "agents":
        return "; ".join(agent_text(agent) for agent in value)
    return " ".join(value) if isinstance(value, list) else value


def agent_text(agent: dict[str, Any]) -> str:
    """An agent in words: name, version, role."""
    version = f" {agent['version']}" if agent.get("version") else ""
    return f"{agent['name']}{version} ({agent['role']})"

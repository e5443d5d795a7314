"""What commands about the line share: filters, rows of its tables, requests and their answers."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import click
import psycopg
from psycopg.rows import dict_row
from rich.markup import escape

from schemas.ids import PSEUDONYM
from schemas.models import ControlDecided
from schemas.times import written
from streams.clients.control_requests import About, Asked, ask, request_for
from streams.console import Exit, emit, fail, json_option, out, table
from streams.settings import NotUp, Settings

ROLE = "auditor_ro"
ANSWER = {"granted", "action", "subjects", "value", "code", "fix", "by", "reason"}
"""What of a decision is shown."""
Row = dict[str, Any]


def rows(query: str, values: Row) -> list[Row]:
    """Rows of a query as documents, times in ISO 8601; ends the command when Postgres is away."""
    try:
        with psycopg.connect(
            Settings.load().dsn(ROLE), row_factory=dict_row, connect_timeout=5
        ) as conn:
            found = conn.execute(query.encode(), values).fetchall()
    except (NotUp, psycopg.OperationalError) as away:
        fail(Exit.MISSING_PART, f"Postgres does not answer: {away}".strip(), "Run: copystand up")
    return [{name: _plain(value) for name, value in row.items()} for row in found]


def _plain(value: Any) -> Any:
    return written(value) if isinstance(value, datetime) else value


def emit_rows(found: list[Row], as_json: bool, columns: list[str]) -> None:
    """Print rows as JSON or as a table of these columns."""
    emit(found, as_json, lambda document: table(document, columns))


def show_row(row: Row | None, as_json: bool, unknown: str) -> None:
    """Print one document, field by field; ends the command when there is none."""
    if row is None:
        fail(Exit.FAILED, unknown)
    emit(row, as_json, _field_by_field)


def _field_by_field(row: Row) -> None:
    for name, value in row.items():
        if value in (None, []):
            continue
        if isinstance(value, list) and isinstance(value[0], dict):
            table(value, list(value[0]))
        else:
            text = ", ".join(map(str, value)) if isinstance(value, list) else value
            out.print(f"[bold]{name}[/] {escape(str(text))}", highlight=False)


def control_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds what every request must say: who asks and why."""
    for option in (
        click.option("--by", required=True, help="Your pseudonym, such as p-4."),
        click.option("--reason", required=True, help="Why; it stands in the audit log."),
        click.option("--timeout", type=float, default=30.0, show_default=True, help="Seconds."),
        json_option,
    ):
        command = option(command)
    return command


def pseudonym(by: str) -> None:
    """Ends the command when --by names a person otherwise than by a pseudonym."""
    if not PSEUDONYM.match(by):
        fail(
            Exit.USAGE,
            f"person.not-a-pseudonym: --by takes a pseudonym such as p-4, got {by!r}",
            "Get one with: copystand person add NAME",
        )


def request(
    action: str,
    subjects: list[str],
    by: str,
    reason: str,
    timeout: float,
    as_json: bool,
    value: str | None = None,
) -> None:
    """Ask for a decision about batches, wait for the answer and print it; a refusal ends with 1."""
    pseudonym(by)
    settings = Settings.load()
    about = About(tuple(subjects), batch_id=subjects[0].removeprefix("batch:"))
    fact = request_for(Asked(action, by, reason, value), about, settings.version)
    (answer,) = ask(settings, [fact], timeout)
    if answer is None:
        fail(Exit.TIMEOUT, f"the tracker has not answered within {timeout:g} s", "copystand status")
    emit_answer(answer, as_json)


def emit_answer(answer: ControlDecided, as_json: bool) -> None:
    """Print a decision; a refusal ends the command with code 1."""
    emit(answer.model_dump(mode="json", include=ANSWER), as_json, _field_by_field)
    if not answer.granted:
        fail(Exit.FAILED, f"{answer.code}: {answer.fix}")

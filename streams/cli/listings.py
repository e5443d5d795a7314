"""Rows of the tracker's tables, read and printed by the listings and by `show`."""

from datetime import datetime
from typing import Any, NoReturn

import psycopg
from psycopg.rows import dict_row
from psycopg.sql import SQL

from schemas.times import written
from streams.console import Exit, emit, fail, out, shown, table, words
from streams.free_texts import with_texts
from streams.settings import NotUp, Settings

ROLE = "auditor_ro"
CONNECT_SECONDS = 5
Row = dict[str, Any]


def rows(query: SQL, values: Row) -> list[Row]:
    """Rows of a query as documents, times in ISO 8601; exits with 3 when PostgreSQL is down."""
    try:
        with psycopg.connect(
            Settings.load().dsn(ROLE), row_factory=dict_row, connect_timeout=CONNECT_SECONDS
        ) as connection:
            found = with_texts(connection, connection.execute(query, values).fetchall())
    except (NotUp, psycopg.Error) as down:
        postgres_down(down)
    return [{name: _json_value(value) for name, value in row.items()} for row in found]


def postgres_down(error: Exception) -> NoReturn:
    """Exit with 3 because PostgreSQL does not answer, or not with the rows."""
    if isinstance(error, NotUp):
        fail(Exit.MISSING_PART, str(error), error.fix)
    fix = "Check the line (copystand status), or start it: copystand up"
    fail(Exit.MISSING_PART, f"PostgreSQL does not answer: {str(error).strip()}", fix)


def _json_value(value: Any) -> Any:
    return written(value) if isinstance(value, datetime) else value


def emit_rows(found: list[Row], as_json: bool, columns: list[str]) -> None:
    """Print rows as JSON or as a table with these columns."""
    emit(found, as_json, lambda document: table(document, columns))


def show_row(row: Row, as_json: bool) -> None:
    """Print one document as JSON or field by field."""
    emit(row, as_json, print_fields)


def print_fields(row: Row) -> None:
    """Print the filled fields of a document, one below the other; lists of rows as tables."""
    for name, value in row.items():
        if value in (None, []):
            continue
        if isinstance(value, list) and isinstance(value[0], dict):
            table(value, list(value[0]))
        else:
            text = ", ".join(map(str, value)) if isinstance(value, list) else shown(value)
            # Not wrapped here, so that a long key or digest can be copied.
            out.print(words((name, "bold"), f" {text}"), soft_wrap=True)

"""How commands speak: one JSON document or a table on stdout, all else on stderr, exit codes."""

import json
import re
import sys
from collections.abc import Callable
from enum import IntEnum
from typing import Any, NoReturn

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
STYLES = {
    **dict.fromkeys(("settled", "packaged", "accepted", "ready"), "green"),
    **dict.fromkeys(("quarantined", "refused", "open", "dead"), "red"),
    **dict.fromkeys(("held", "paused", "cancelled", "superseded"), "yellow"),
}
"""How states look."""
out = Console()
err = Console(stderr=True)


class Exit(IntEnum):
    """Exit codes of every command (docs/contract.md §8)."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    MISSING_PART = 3
    TIMEOUT = 4


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --json to a command, as the argument as_json."""
    return click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")(
        command
    )


def emit(document: Any, as_json: bool, render: Callable[[Any], None] | None = None) -> None:
    """Print a document as JSON, or let render print it for people."""
    if as_json or render is None:
        # In one go: piece by piece a long listing took as long as the query.
        sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2, default=str) + "\n")
    else:
        render(document)


def drawn(rows: list[dict[str, Any]], columns: list[str]) -> Table:
    """Rows as a table with these columns; numbers stand to the right, with thousands apart."""
    table = Table(header_style="bold", box=SIMPLE_HEAD, padding=0, pad_edge=False)
    for column in columns:
        # An id is copied into the next command: it stays whole, whatever becomes of the rest.
        number = any(isinstance(row.get(column), int) for row in rows)
        table.add_column(
            column,
            no_wrap=column.endswith("_id"),
            overflow="fold",
            justify="right" if number else "left",
        )
    for row in rows:
        table.add_row(*(_cell(row.get(column), column) for column in columns))
    return table


def table(rows: list[dict[str, Any]], columns: list[str]) -> None:
    """Print rows as a table with these columns."""
    out.print(drawn(rows, columns))


def blocks(rows: list[dict[str, Any]], title: list[str], lines: list[str]) -> None:
    """Print each row as a title and lines below it, for what is too long for a table."""
    for row in rows:
        words = [Text(shown(row[name]), STYLES.get(str(row[name]), "")) for name in title]
        words[0].stylize("bold")
        out.print(Text("  ").join(words), soft_wrap=True)
        below = Table.grid(padding=(0, 2))
        for name in lines:
            below.add_row(Text(f"  {name}", style="dim"), Text(shown(row[name])))
        out.print(below)


def shown(value: Any) -> str:
    """A value for people: thousands apart, a moment to the second."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    text = "" if value is None else str(value)
    return f"{text[:10]} {text[11:19]}" if MOMENT.fullmatch(text) else text


def _cell(value: Any, column: str) -> Text:
    # Text from the line is text, never markup.
    text = str(value) if column == "pid" else shown(value)
    return Text(text, style=STYLES.get(text, "") if column == "state" else "")


def fail(code: Exit, message: str, fix: str = "") -> NoReturn:
    """Say what is wrong and what to do on stderr, and end with a code."""
    err.print(f"[bold red]copystand:[/] {escape(message)}", highlight=False)
    if fix:
        err.print(f"  {fix}", highlight=False, markup=False)
    sys.exit(int(code))

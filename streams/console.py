"""Output of the commands: JSON or tables on stdout, messages on stderr, exit codes."""

import json
import os
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any, NoReturn

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
STYLES = {
    **dict.fromkeys(("settled", "packaged", "accepted", "ready"), "green"),
    **dict.fromkeys(("quarantined", "refused", "open", "dead", "no answer"), "red"),
    **dict.fromkeys(("held", "paused", "cancelled", "superseded"), "yellow"),
}
"""Colour of each state."""
FILE_WIDTH = 132
"""Characters in a line of a file or pipe, which has no width of its own."""
INDENT = "  "
out = Console()
err = Console(stderr=True)
if not out.is_terminal and "COLUMNS" not in os.environ:
    out.width = FILE_WIDTH


class Exit(IntEnum):
    """Exit codes of every command (docs/contract.md §8)."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    MISSING_PART = 3
    TIMEOUT = 4


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --json to a command, as the argument as_json."""
    text = "Print one JSON document to stdout."
    return click.option("--json", "as_json", is_flag=True, help=text)(command)


def emit(document: Any, as_json: bool, render: Callable[[Any], None] | None = None) -> None:
    """Print a document as JSON, or let render print it for people."""
    if as_json or render is None:
        # Written at once: written piece by piece, a long listing took as long as its query.
        sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2, default=str) + "\n")
    else:
        render(document)


def drawn(rows: list[dict[str, Any]], columns: list[str]) -> RenderableType:
    """Rows as a table with these columns, in a form that fits the width of stdout.

    Headings, ids, numbers and states are never broken. Where they do not fit side by side, the
    first column moves to a line of its own; where that does not help, each value does."""
    cells = [[_cell(row.get(column), column) for column in columns] for row in rows]
    widths = [
        max(len(column), *(_least_width(row[at]) for row in cells), 0)
        for at, column in enumerate(columns)
    ]
    # A table has a space before, between and after its columns.
    if sum(widths) + len(widths) + 1 <= out.width:
        return _side_by_side(rows, columns, cells)
    if sum(widths[1:]) + len(widths) - 1 <= out.width:
        return _below_the_first(rows, columns, cells, widths)
    return Group(*(_one_by_one(columns, row) for row in cells))


def _least_width(cell: Text) -> int:
    """Text with spaces may be wrapped; all else is copied into the next command."""
    return max(map(len, cell.plain.split()), default=0) if _wraps(cell) else len(cell)


def _wraps(cell: Text) -> bool:
    return " " in cell.plain and not cell.plain[:1].isdigit()


def _is_number(rows: list[dict[str, Any]], column: str) -> bool:
    return any(isinstance(row.get(column), int | float) for row in rows)


def _side_by_side(rows: list[dict[str, Any]], columns: list[str], cells: list[list[Text]]) -> Table:
    table = Table(header_style="bold", box=SIMPLE_HEAD, padding=0, pad_edge=False)
    for at, column in enumerate(columns):
        table.add_column(
            column,
            no_wrap=not any(_wraps(row[at]) for row in cells),
            min_width=len(column),
            overflow="fold",
            justify="right" if _is_number(rows, column) else "left",
        )
    for row in cells:
        table.add_row(*row)
    return table


def _below_the_first(
    rows: list[dict[str, Any]], columns: list[str], cells: list[list[Text]], widths: list[int]
) -> Group:
    """The first column above the others, which stay aligned from row to row."""
    justify = ["right" if _is_number(rows, column) else "left" for column in columns[1:]]

    def line(row: list[Text]) -> Text:
        for cell, width, side in zip(row, widths[1:], justify, strict=True):
            cell.align("right" if side == "right" else "left", width)
        return Text(" ") + Text(" ").join(row)

    lines = [Text(columns[0], "bold"), line([Text(name, "bold") for name in columns[1:]])]
    for first, *others in cells:
        lines += [first, line(others)]
    return Group(*lines, Text())


def _one_by_one(columns: list[str], row: list[Text]) -> Group:
    """Each value on a line of its own, below the first."""
    return Group(row[0], fields(dict(zip(columns[1:], row[1:], strict=True))))


def fields(named: dict[str, Text]) -> Table:
    """Names and values, one below the other, indented."""
    lines = Table.grid(padding=(0, 2))
    lines.add_column(no_wrap=True)
    lines.add_column(overflow="fold")
    for name, value in named.items():
        lines.add_row(Text(f"{INDENT}{name}", "dim"), value)
    return lines


def table(rows: list[dict[str, Any]], columns: list[str]) -> None:
    """Print rows as a table with these columns."""
    out.print(drawn(rows, columns))


def blocks(rows: list[dict[str, Any]], title: list[str], lines: list[str]) -> None:
    """Print each row as a title and lines below it, for what is too long for a table."""
    for row in rows:
        words = [Text(shown(row[name]), STYLES.get(str(row[name]), "")) for name in title]
        words[0].stylize("bold")
        out.print(Text(INDENT).join(words), soft_wrap=True)
        out.print(fields({name: Text(shown(row[name])) for name in lines}))


def shown(value: Any) -> str:
    """A value for people: thousands separated by commas, times (UTC) to the second."""
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    text = "" if value is None else str(value)
    return f"{text[:10]} {text[11:19]}" if TIMESTAMP.fullmatch(text) else text


def _cell(value: Any, column: str) -> Text:
    # Text from the line is text, never markup.
    text = str(value) if column == "pid" else shown(value)
    return Text(text, style=STYLES.get(text, "") if column == "state" else "")


def fail(code: Exit, message: str, fix: str = "") -> NoReturn:
    """Print an error and what to do to stderr, and exit with a code."""
    err.print(f"[bold red]copystand:[/] {escape(message)}", highlight=False)
    if fix:
        err.print(f"{INDENT}{fix}", highlight=False, markup=False)
    sys.exit(int(code))

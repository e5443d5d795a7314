"""Output of the commands: JSON or tables on stdout, messages on stderr, exit codes.

All that a command prints goes through this module, which escapes control characters and interprets
no markup: names, labels, reasons and file names come from outside."""

import json
import math
import os
import re
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import IntEnum
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from infra.escaping import escaped, escaped_json, indented

if TYPE_CHECKING:
    from rich.progress import Task, TextColumn

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


class Seconds(click.FloatRange):
    """A number of seconds, 0 or more."""

    def __init__(self) -> None:
        """Without an upper limit."""
        super().__init__(min=0)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The number; what is not finite is wrong usage."""
        seconds = float(super().convert(value, param, ctx))
        if not math.isfinite(seconds):
            self.fail(f"{value} is not a number of seconds", param, ctx)
        return seconds


class SafeConsole(Console):
    """A console that shows text as it is: without markup, and with control characters escaped."""

    def __init__(self, *, stderr: bool = False) -> None:
        """The console of stdout or stderr."""
        super().__init__(stderr=stderr, markup=False, emoji=False, highlight=False)

    def print(self, *objects: Any, **options: Any) -> None:
        """Print lines or renderables; a text is one line."""
        # Before Rich sees it, which removes some control characters without a trace.
        super().print(
            *(Text(escaped(one)) if isinstance(one, str) else one for one in objects), **options
        )

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """The segments of a renderable; every text on its way to the terminal is in one."""
        for text, style, control in super().render(renderable, options):
            # A segment with `control` moves the cursor; Rich makes it itself, for progress bars.
            yield Segment(text if control else escaped(text, keep_lines=True), style, control)


out = SafeConsole()
err = SafeConsole(stderr=True)
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
        sys.stdout.write(_json(document, indent=2) + "\n")
    else:
        render(document)


def emit_text(document: str) -> None:
    """Print a document whose texts are escaped already."""
    sys.stdout.write(document)


def emit_event(document: Any) -> None:
    """Print a document as one line of JSON, at once."""
    sys.stdout.write(_json(document) + "\n")
    sys.stdout.flush()


def _json(document: Any, indent: int | None = None) -> str:
    return escaped_json(json.dumps(document, ensure_ascii=False, indent=indent, default=str))


@contextmanager
def json_array() -> Iterator[Callable[[Any], None]]:
    """Prints each document given to it at once, as an element of one array."""
    count = 0

    def show(document: Any) -> None:
        nonlocal count
        sys.stdout.write(("[\n" if count == 0 else ",\n") + _json(document))
        sys.stdout.flush()
        count += 1

    try:
        yield show
    finally:
        sys.stdout.write("\n]\n" if count else "[]\n")


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
        words = [styled(row[name], STYLES.get(str(row[name]), "")) for name in title]
        words[0].stylize("bold")
        out.print(Text(INDENT).join(words), soft_wrap=True)
        out.print(fields({name: styled(row[name]) for name in lines}))


def shown(value: Any) -> str:
    """A value for people in one line: thousands separated by commas, times (UTC) to the second."""
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    text = "" if value is None else str(value)
    return f"{text[:10]} {text[11:19]}" if TIMESTAMP.fullmatch(text) else escaped(text)


def styled(value: Any, style: str = "") -> Text:
    """A value for people with a style; its own text is never markup."""
    return Text(shown(value), style)


def words(*parts: str | tuple[str, str]) -> Text:
    """A line of texts; a text with a style is a pair."""
    pairs = ((one, "") if isinstance(one, str) else one for one in parts)
    return Text.assemble(*((escaped(text), style) for text, style in pairs))


def text_column(template: str) -> "TextColumn":
    """A column of a progress bar that shows a text, such as "{task.description}"."""
    # Imported late: most commands have no progress bar.
    from rich.progress import TextColumn

    class EscapedColumn(TextColumn):
        def render(self, task: "Task") -> Text:
            return words(template.format(task=task))

    return EscapedColumn(template)


def _cell(value: Any, column: str) -> Text:
    text = str(value) if column == "pid" else shown(value)
    return Text(text, STYLES.get(text, "") if column == "state" else "")


def fail(code: Exit, message: str, fix: str = "") -> NoReturn:
    """Print an error and what to do to stderr, and exit with a code."""
    err.print(Text.assemble(("copystand:", "bold red"), f" {indented(message)}"))
    if fix:
        err.print(f"{INDENT}{fix}")
    sys.exit(int(code))


def escape_tracebacks() -> None:
    """Escape the tracebacks of errors that end this process or a thread of it."""
    sys.excepthook = _print_traceback
    threading.excepthook = lambda end: _print_traceback(
        end.exc_type, end.exc_value, end.exc_traceback
    )


def _print_traceback(
    kind: type[BaseException], error: BaseException | None, at: TracebackType | None
) -> None:
    if not issubclass(kind, SystemExit):
        text = "".join(traceback.format_exception(kind, error, at))
        sys.stderr.write(indented(text) + "\n")

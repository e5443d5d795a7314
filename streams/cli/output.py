"""How commands speak: one JSON document or a table on stdout, all else on stderr, exit codes."""

import json
import sys
from collections.abc import Callable
from enum import IntEnum
from typing import Any, NoReturn

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

out = Console()
err = Console(stderr=True)


class Exit(IntEnum):
    """Exit codes of every command (contract: the command line)."""

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
        json.dump(document, sys.stdout, ensure_ascii=False, indent=2, default=str)
        sys.stdout.write("\n")
    else:
        render(document)


def table(rows: list[dict[str, Any]], columns: list[str]) -> None:
    """Print rows as a table with these columns."""
    drawn = Table(header_style="bold", box=SIMPLE_HEAD, padding=0, pad_edge=False)
    for column in columns:
        # An id is copied into the next command: it stays whole, whatever becomes of the rest.
        drawn.add_column(column, no_wrap=column.endswith("_id"), overflow="fold")
    for row in rows:
        drawn.add_row(*("" if row.get(column) is None else str(row[column]) for column in columns))
    out.print(drawn)


def fail(code: Exit, message: str, fix: str = "") -> NoReturn:
    """Say what is wrong and what to do on stderr, and end with a code."""
    err.print(f"[bold red]copystand:[/] {message}", highlight=False)
    if fix:
        err.print(f"  {fix}", highlight=False)
    sys.exit(int(code))

"""`copystand person`: creates pseudonyms and deletes names."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
import psycopg

from streams import pseudonyms
from streams.cli.listings import postgres_down
from streams.console import Exit, emit, fail, json_option, out, table
from streams.settings import NotUp, Settings


@contextmanager
def _table() -> Iterator[str]:
    """The connection string of the table; exits with 3 when PostgreSQL is down."""
    try:
        yield Settings.load().dsn("tracker")
    except (NotUp, psycopg.Error) as down:
        postgres_down(down)
    except pseudonyms.NumbersUnknown as early:
        fix = "Start the line (copystand up), and run the command again when the tracker is ready."
        fail(Exit.MISSING_PART, str(early), fix)


@click.group()
def person() -> None:
    """Manage pseudonyms of operators. Events contain pseudonyms, never names."""


@person.command("add")
@click.argument("name")
@json_option
def add(name: str, as_json: bool) -> None:
    """Create a pseudonym for the person NAME."""
    if not name.strip():
        fail(Exit.USAGE, "the name is empty")
    with _table() as dsn:
        pseudonym = pseudonyms.add(dsn, name.strip())
    emit({"pseudonym": pseudonym}, as_json, lambda document: out.print(document["pseudonym"]))


@person.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the stored names with their pseudonyms."""
    with _table() as dsn:
        rows = [one.document() for one in pseudonyms.all_persons(dsn)]
    emit(rows, as_json, lambda rows: table(rows, ["pseudonym", "name", "added_at"]))


@person.command("forget")
@click.argument("pseudonym")
def forget(pseudonym: str) -> None:
    """Delete the name of PSEUDONYM. The log keeps the pseudonym."""
    with _table() as dsn:
        done = pseudonyms.delete_name(dsn, pseudonym)
    if not done:
        fail(Exit.FAILED, f"no name is stored for {pseudonym}", "List them: copystand person list")

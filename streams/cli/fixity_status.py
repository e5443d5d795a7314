"""`copystand fixity status`, and the documents of runs and repairs."""

from datetime import datetime
from typing import Any

import click

from processors.wording import counted
from schemas.times import written
from streams.cli.listings import Row, print_fields, rows
from streams.console import blocks, emit, json_option, out, words
from streams.fixity.inventory import QUERY, Connection

TITLE, LINES = ["sha256", "code"], ["key", "quarantine_id", "found"]


@click.command()
@json_option
def status(as_json: bool) -> None:
    """Show the last run, the object that was not read for longest, and the failed objects."""
    runs = rows(QUERY("run_figures"), {"run_id": None})
    oldest = rows(QUERY("oldest_object"), {})
    (counts,) = rows(QUERY("object_count"), {})
    document = {
        "last_run": runs[0] if runs else None,
        "objects": counts["objects"],
        "never_read": counts["never_read"],
        "oldest": oldest[0] if oldest else None,
        "failures": rows(QUERY("failures"), {}),
    }
    emit(document, as_json, _print_status)


def run_document(connection: Connection, run_id: str) -> Row:
    """The figures of a run, and the objects that it found not intact."""
    values = {"run_id": run_id}
    run = connection.execute(QUERY("run_figures"), values).fetchone() or {}
    failures = connection.execute(QUERY("failures_of_run"), values).fetchall()
    return {name: _plain(value) for name, value in run.items()} | {"failures": failures}


def nothing_due(scope: str) -> Row:
    """The document when no object is due."""
    counts = dict.fromkeys(("subjects", "objects", "failed", "size_bytes"), 0)
    times = dict.fromkeys(("started_at", "finished_at"))
    return {"run_id": None, "scope": scope, **times, **counts, "failures": []}


def print_run(run: Row) -> None:
    """Print a run, and before it the one that was continued."""
    for one in filter(None, (run["continued"], run)):
        _print_figures(one)


def _print_figures(run: Row) -> None:
    if run["run_id"] is None:
        out.print(f"{run['scope']}: no object is due")
        return
    ended = "" if run["finished_at"] else "; it is not finished, the next run continues it"
    read = f"{counted(run['objects'], 'object')}, {run['size_bytes']:,} bytes"
    failed = (f"failed: {run['failed']}", "red" if run["failed"] else "green")
    out.print(words(f"{run['scope']}: {read}, ", failed, ended))
    if run["failures"]:
        blocks(run["failures"], TITLE, LINES)


def print_restored(document: Row) -> None:
    """Print which objects were restored, and from where."""
    for one in document["restored"]:
        out.print(f"{one['key']} restored from {one['source']}", soft_wrap=True)


def _print_status(document: Row) -> None:
    if document["last_run"] is None:
        out.print("No run yet. Start one: copystand fixity run --all")
    else:
        print_fields(document["last_run"])
    oldest = document["oldest"]
    if oldest:
        since = oldest["checked_at"] or oldest["stored_at"]
        out.print(f"oldest reading: {since} {oldest['key']}", soft_wrap=True)
    count = counted(document["never_read"], "object")
    out.print(f"not read since they were stored: {count} of {document['objects']:,}")
    blocks(document["failures"], TITLE, LINES)


def _plain(value: Any) -> Any:
    return written(value) if isinstance(value, datetime) else value

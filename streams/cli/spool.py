"""The commands of a station's spool: `station spool`, its `run`, `retry` and `cancel`."""

import signal
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from processors.wording import counted
from streams.clients.spool.background import is_running, start_in_background
from streams.clients.spool.deliveries import (
    CANCELLED,
    OPEN,
    PUBLISHING,
    SUBMITTED,
    Deliveries,
    QueuedDelivery,
    SpoolProblem,
    WaitsFor,
)
from streams.clients.spool.outbox import Outbox
from streams.clients.spool.spool_database import DATABASE, Spool, open_spool, spool_folder
from streams.clients.station.folder import SubmissionOptions
from streams.console import Exit, blocks, emit, err, fail, json_option, out
from streams.settings import Settings

ENDED = (SUBMITTED, CANCELLED)
DISK_FIX = "Check the free space and permissions of the station's folder, and connect the medium."


def queue_delivery(settings: Settings, folder: Path, options: SubmissionOptions) -> QueuedDelivery:
    """A folder in the spool, durable, and a process that works on it. Ends the command if the
    batch is in the spool already, from another folder."""
    at = spool_folder(settings)
    with _failures(), open_spool(at) as spool:
        queued = Deliveries(spool).queue(folder, options)
    start_in_background(at)
    return queued


def queue_closed(
    settings: Settings, closed: dict[str, Any], operator: str | None
) -> dict[str, Any]:
    """A closed batch of captures in the spool, as JSON values."""
    options = SubmissionOptions(closed["batch_id"], closed["profile"], operator=operator)
    return queue_delivery(settings, Path(closed["folder"]), options).document()


def print_queued(queued: QueuedDelivery) -> None:
    """Print the id of a delivery, and how to follow it."""
    amount = f"{counted(queued.files, 'file')}, {queued.size_bytes / 1e6:.1f} MB"
    out.print(f"{queued.id}: batch {queued.batch_id} is {queued.state}, {amount}")
    out.print("  Follow it: copystand station spool")


@click.group()
def station() -> None:
    """Work with the spool of a station."""


@station.group(invoke_without_command=True)
@click.option("--all", "ended_too", is_flag=True, help="Also show deliveries that have ended.")
@json_option
@click.pass_context
def spool(context: click.Context, ended_too: bool, as_json: bool) -> None:
    """Show the deliveries of this station, and what each of them waits for."""
    if context.invoked_subcommand is None:
        with _failures():
            document = _document(spool_folder(Settings.load()), ended_too)
        emit(document, as_json, _print)


@spool.command()
@click.option("--follow", is_flag=True, help="Do not end when nothing is left.")
def run(follow: bool) -> None:
    """Work on the spool in the foreground until nothing is left.

    `station submit --queue` starts the same in the background, unless a process does it."""
    # Imported here: the other commands load no client of Kafka.
    from streams.clients.spool.running import run_spool
    from streams.runtime.logs import set_up_log

    set_up_log()
    stopping = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda _number, _frame: stopping.set())
    if not run_spool(Settings.load(), stopping, follow=follow):
        err.print("Another process works on this spool.")


@spool.command()
@click.argument("delivery_id", metavar="ID")
@json_option
def retry(delivery_id: str, as_json: bool) -> None:
    """Begin a refused delivery again with its folder as it is now, or let one that waits try."""
    folder = spool_folder(Settings.load())
    with _failures(), open_spool(folder) as opened:
        changed = Deliveries(opened).retry(delivery_id)
    start_in_background(folder)
    emit(changed.document(), as_json, lambda _: print_queued(changed))


@spool.command()
@click.argument("delivery_id", metavar="ID")
@json_option
def cancel(delivery_id: str, as_json: bool) -> None:
    """Take a delivery out of the spool before it is published. Its folder is not changed."""
    with _failures(), open_spool(spool_folder(Settings.load())) as opened:
        changed = Deliveries(opened).cancel(delivery_id)
    emit(changed.document(), as_json, lambda _: out.print(f"{changed.id}: {changed.state}"))


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except SpoolProblem as problem:
        fail(Exit.FAILED, str(problem), problem.fix)
    except (OSError, sqlite3.Error) as failed:
        fail(Exit.MISSING_PART, f"spool: {failed}", DISK_FIX)


def _document(folder: Path, ended_too: bool) -> dict[str, Any]:
    """What is in a spool; nothing is created."""
    empty = {"unsent": 0, "waits_for": None}
    if not (folder / DATABASE).exists():
        return {"folder": str(folder), "pid": None, "outbox": empty, "deliveries": []}
    with open_spool(folder) as opened:
        noted = WaitsFor.read(opened.noted("waits_for"))
        outbox = {"unsent": Outbox(opened).count(), "waits_for": noted and dict(vars(noted))}
        pid = opened.noted("pid") if is_running(folder) else None
        return {
            "folder": str(folder),
            "pid": int(pid) if pid else None,
            "outbox": outbox,
            "deliveries": list(_rows(opened, outbox["waits_for"], ended_too)),
        }


def _rows(opened: Spool, outbox_waits: Any, ended_too: bool) -> Iterator[dict[str, Any]]:
    """The deliveries, each with the one before it that is worked on first."""
    before: str | None = None
    for one in Deliveries(opened).all():
        if one.state in ENDED and not ended_too:
            continue
        row = {**one.document(), "after": before if one.state in OPEN else None}
        if one.state == PUBLISHING:
            row["waits_for"] = outbox_waits
        yield row
        if one.state in OPEN:
            before = one.id


def _print(document: dict[str, Any]) -> None:
    rows = document["deliveries"]
    unsent = document["outbox"]["unsent"]
    if not rows and not unsent:
        out.print("The spool is empty.")
        return
    shown = [
        {
            "id": row["id"],
            "batch": row["batch_id"],
            "state": row["state"],
            "files": f"{row['files']}, {row['bytes'] / 1e6:.1f} MB",
            "progress": _progress(row),
            "waits for": _waits(row),
        }
        for row in rows
    ]
    blocks(shown, ["id", "batch", "state"], ["files", "progress", "waits for"])
    waits = document["outbox"]["waits_for"]
    why = f", {waits['code']}: {waits['found']}" if waits else ""
    out.print(f"outbox: {counted(unsent, 'record')} to publish{why}", soft_wrap=True)
    if document["pid"] is None:
        out.print("No process works on this spool. Start it: copystand station spool run")


def _progress(row: dict[str, Any]) -> str:
    progress = row["progress"]
    if not progress or not progress["total"]:
        return "none"
    share = progress["done"] / progress["total"]
    return f"{progress['what']} {share:.0%} of {progress['total'] / 1e6:.1f} MB"


def _waits(row: dict[str, Any]) -> str:
    waits = row["waits_for"]
    if waits:
        again = f"attempt {waits['attempts'] + 1} at {waits['next_attempt_at']}"
        return f"{waits['code']}: {waits['found']}; {again}. {waits['fix']}"
    if row["state"] == "refused":
        found = [f"{one['code']} {one['where']}: {one['found']}" for one in row["diagnostics"]]
        more = f" and {len(found) - 3} more" if len(found) > 3 else ""
        return f"a decision, since {'; '.join(found[:3])}{more}"
    return row["after"] or "nothing"

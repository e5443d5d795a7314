"""`copystand demo`: runs the line on a generated collection, or on your own images."""

import os
import signal
import sys
import time
from dataclasses import asdict
from pathlib import Path
from threading import Event
from typing import Any

import click
import psycopg
from rich.progress import BarColumn, Progress, TimeElapsedColumn

from streams.console import Exit, emit, err, fail, json_option, text_column
from streams.demo import demo_run
from streams.demo.collection import BOOKS, FAULTS, DemoDelivery, make_books, make_loose_leaves
from streams.demo.demo_line import CommandFailed, DemoLine, ForeignHome
from streams.demo.expected import surprises
from streams.demo.faults import submit_faulty
from streams.demo.printing import MissingFont
from streams.demo.report import show
from streams.monitoring.status import batch_figures
from streams.settings import Settings


@click.command()
@click.option(
    "--from",
    "source",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Use the images in this folder. The folder is not changed.",
)
@json_option
def demo(source: Path | None, as_json: bool) -> None:
    """Run a demo collection through a separate line.

    Prints the results. Uses the home COPYSTAND_HOME/demo and empties it first."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _on_signal)
    line = DemoLine(Settings.load().home.resolve() / "demo", quiet=as_json)
    try:
        report = _run(line, source, as_json)
    except (CommandFailed, demo_run.Stalled, ForeignHome) as failed:
        fail(Exit.FAILED, str(failed), f"Logs: {line.home / 'log'}")
    except MissingFont as missing:
        fail(Exit.MISSING_PART, str(missing), "Install it: make install")
    except KeyboardInterrupt:
        fail(Exit.FAILED, "interrupted; all processes were stopped")
    emit(report, as_json, show)
    sys.exit(int(Exit.FAILED if report["surprises"] else Exit.DONE))


_drawing, _interrupt = Event(), Event()


def _on_signal(*_: object) -> None:
    _interrupt.set()
    # An exception is lost when it is raised inside a callback of libvips.
    if not _drawing.is_set():
        raise KeyboardInterrupt


def _run(line: DemoLine, source: Path | None, as_json: bool) -> dict[str, Any]:
    line.clear()
    started = time.monotonic()
    books, faults = (None, None) if source else _material(line.home)
    made = time.monotonic()
    with line.up():
        ready = time.monotonic()
        if books and faults:
            _submit(line, books.folder, books.batch_id)
            submit_faulty(faults, line.settings)
            batch_ids, truth = {BOOKS, FAULTS}, books.truth
        else:
            assert source is not None
            batch_id = demo_run.own_batch_id(source)
            _submit(line, source, batch_id)
            batch_ids, truth = {batch_id}, {}
        figures = _watched(line, batch_ids, quiet=as_json)
        outcome = demo_run.gather(line, figures, truth, time.monotonic() - ready)
    report = {
        "home": str(line.home),
        "material_seconds": round(made - started, 1),
        "set_up_seconds": round(ready - made, 1),
        **asdict(outcome),
        "pages_per_minute": round(outcome.pages_per_minute, 1),
    }
    return report | {"surprises": surprises(report, own=source is not None)}


def _material(home: Path) -> tuple[DemoDelivery, DemoDelivery]:
    # Otherwise fontconfig writes its cache to the home of the user.
    os.environ["XDG_CACHE_HOME"] = str(home / "cache")
    err.print("Generating a small collection …")
    _drawing.set()
    made = make_books(home / "material"), make_loose_leaves(home / "material")
    _drawing.clear()
    if _interrupt.is_set():
        raise KeyboardInterrupt
    return made


def _submit(line: DemoLine, folder: Path, batch_id: str) -> None:
    words = ("station", "submit", str(folder), "--batch-id", batch_id)
    code, output = line.run(*words, *(["--json"] if line.quiet else []), shown=not line.quiet)
    if code != Exit.DONE:
        raise CommandFailed(words, code, output)


def _watched(line: DemoLine, batch_ids: set[str], quiet: bool) -> list[dict[str, Any]]:
    columns = (text_column("{task.description:<28}"), BarColumn(), TimeElapsedColumn())
    figures = text_column("{task.fields[figures]}")
    with Progress(*columns, figures, console=err, disable=quiet) as progress:
        tasks = {one: progress.add_task(one, total=None, figures="") for one in sorted(batch_ids)}

        def update(rows: list[dict[str, Any]]) -> None:
            for row in rows:
                done = row["packaged"] + row["quarantined"] + row["cancelled"]
                ended = row["state"] in demo_run.ENDED
                progress.update(
                    tasks[row["batch_id"]],
                    total=row["registered"] or (1 if ended else None),
                    completed=done or (1 if ended else 0),
                    description=f"{row['batch_id']}: {row['state']}",
                    figures=f"pages: {row['registered']} registered, {row['packaged']} packaged,"
                    f" {row['quarantined']} quarantined",
                )

        return demo_run.Watch(lambda: _figures(line), update).until_ended(batch_ids)


def _figures(line: DemoLine) -> list[dict[str, Any]] | None:
    """The figures of the batches; None while PostgreSQL starts again."""
    try:
        return batch_figures(line.settings)
    except psycopg.Error:
        return None

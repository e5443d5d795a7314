"""The commands of a workstation: `station check` and `station submit`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import psycopg
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)

from processors.outcome import StorageError
from processors.rules.codes import is_fault
from processors.rules.value_formats import PRIORITIES, SCHEMAS
from schemas import ids
from schemas.models import Diagnostic
from streams.clients.station import submission as client
from streams.clients.station.folder import DEFAULT_LANGUAGE, DEFAULT_PROFILE, SubmissionOptions
from streams.clients.station.scan import Progress as Told
from streams.clients.station.waiting import wait as wait_for
from streams.console import Exit, emit, err, fail, json_option, out
from streams.settings import NotUp, Settings

COLOURS = {"fatal": "red", "error": "red", "warn": "yellow", "info": "cyan"}
SHOWN = 40
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


def _batch_id(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    if value is not None and not ids.BATCH_ID.match(value):
        raise click.BadParameter("1 to 64 of A-Z a-z 0-9 . _ -, beginning with a letter or digit")
    return value


def _operator(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    if value is not None and not ids.PSEUDONYM.match(value):
        raise click.BadParameter(
            "person.not-a-pseudonym: use one such as o-17; `copystand person add NAME` gives one"
        )
    return value


def _wishes(command: Any) -> Any:
    """Adds the options that say something about the whole batch."""
    for option in (
        click.option("--operator", callback=_operator, help="Pseudonym of who is at the station."),
        click.option(
            "--metadata-schema", type=click.Choice(SCHEMAS), help="Main descriptive form."
        ),
        click.option("--project", help="Project the batch belongs to."),
        click.option("--priority", type=click.Choice(PRIORITIES), default="normal"),
        click.option("--not-before", help="Begin then at the earliest: 2026-11-24T20:00+01:00."),
        click.option("--language", default=DEFAULT_LANGUAGE, show_default=True, help="ISO 639-2."),
        click.option("--profile", default=DEFAULT_PROFILE, show_default=True),
    ):
        command = option(command)
    return command


STORE_FIX = "Look at the space and rights of the home, or at the store that COPYSTAND_STORE names."


@click.group()
def station() -> None:
    """Hand folders of scans over to the line."""


@station.command()
@click.argument("folder", type=FOLDER)
@click.option("--batch-id", callback=_batch_id, help="As it will be submitted.")
@_wishes
@json_option
def check(folder: Path, batch_id: str | None, as_json: bool, **wishes: Any) -> None:
    """Judge a folder as pre-flight will, and publish nothing."""
    name = batch_id or ids.made_safe(folder.resolve().name)
    with _progress() as told:
        found = client.check(folder, SubmissionOptions(name, **wishes), Settings.load(), told)
    emit([one.model_dump() for one in found], as_json, lambda _: _show(found))
    if any(is_fault(one) for one in found):
        raise SystemExit(int(Exit.FAILED))


@station.command()
@click.argument("folder", type=FOLDER)
@click.option("--batch-id", required=True, callback=_batch_id, help="Your name for this delivery.")
@_wishes
@click.option("--release", metavar="QUARANTINE_ID", help="The refusal that this one answers.")
@click.option("--wait", is_flag=True, help="Stay until it has settled or was refused.")
@click.option("--timeout", type=click.FloatRange(min=0), help="Seconds to wait at most.")
@json_option
def submit(
    folder: Path,
    batch_id: str,
    release: str | None,
    wait: bool,
    timeout: float | None,
    as_json: bool,
    **wishes: Any,
) -> None:
    """Store the files of a folder and hand the batch over. The folder is never touched."""
    settings = Settings.load()
    in_time = True
    try:
        with _progress() as told:
            made = client.submit(
                folder,
                SubmissionOptions(batch_id, **wishes),
                settings,
                release=release,
                progress=told,
            )
            if wait and made.event_id:
                in_time = wait_for(made, settings, timeout, told)
    except LookupError as unknown:
        if isinstance(unknown, NotUp):
            fail(
                Exit.MISSING_PART, str(unknown), unknown.fix or "Start the line with: copystand up"
            )
        fail(Exit.FAILED, str(unknown), "See: copystand quarantine list")
    except client.NotPublished as away:
        fail(Exit.MISSING_PART, f"Kafka: {away}", "Look with: copystand status")
    except psycopg.Error as away:
        fail(Exit.MISSING_PART, f"PostgreSQL: {away}", "Look with: copystand status")
    except StorageError as away:
        fail(Exit.MISSING_PART, f"the store: {away}", STORE_FIX)
    emit(made.document(), as_json, lambda _: _tell(made))
    _end(made, in_time, timeout)


def _end(made: client.Submission, in_time: bool, timeout: float | None) -> None:
    if not in_time:
        err.print(f"Not finished within {timeout:g} s; the batch goes on.", highlight=False)
        raise SystemExit(int(Exit.TIMEOUT))
    if made.failed:
        raise SystemExit(int(Exit.FAILED))


def _tell(made: client.Submission) -> None:
    _show(made.diagnostics)
    size = f"{made.size_bytes / 1e6:.1f} MB"
    out.print(
        f"[bold]{made.batch_id}[/]: {made.state}. {made.items} items, {made.pages} pages, {size}, "
        f"{made.seconds:.1f} s",
        highlight=False,
    )
    for one in made.quarantined:
        out.print(f"  quarantined: copystand quarantine show {one}", highlight=False)


def _show(found: list[Diagnostic]) -> None:
    """The gravest first; long lists are cut, --json has all."""
    ordered = sorted(found, key=lambda one: list(COLOURS).index(one.severity))
    for one in ordered[:SHOWN]:
        out.print(f"[{COLOURS[one.severity]}]{one.severity}[/] {one.code}", highlight=False)
        out.print(f"  {one.where}: {one.found}", markup=False, highlight=False)
        if one.severity != "info":
            out.print(f"  {one.fix}", markup=False, highlight=False, style="dim")
    if len(found) > SHOWN:
        out.print(f"… and {len(found) - SHOWN} more; --json gives all", highlight=False)
    if not found:
        out.print("Nothing to find fault with.", highlight=False)


@contextmanager
def _progress() -> Iterator[Told]:
    """Bars on stderr: bytes hashed and stored, then pages done."""
    common = (TextColumn("{task.description:>8}"), BarColumn())
    sizes = Progress(*common, DownloadColumn(), TimeElapsedColumn(), console=err)
    counts = Progress(*common, MofNCompleteColumn(), TimeElapsedColumn(), console=err)
    tasks: dict[str, Any] = {}
    shown: list[Progress] = []

    def told(what: str, done: int, total: int) -> None:
        bars = counts if what == "pages" else sizes
        if bars not in shown:
            for other in shown:
                other.stop()
            shown.append(bars)
            bars.start()
        if what not in tasks:
            tasks[what] = bars.add_task(what, total=total)
        bars.update(tasks[what], completed=done, total=total)

    try:
        yield told
    finally:
        for bars in shown:
            bars.stop()

"""The commands of a station: `station check` and `station submit`."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TimeElapsedColumn,
    TransferSpeedColumn,
)

from processors.outcome import StorageError
from processors.rules.codes import is_error
from processors.rules.value_formats import PRIORITIES, SCHEMAS
from processors.wording import counted
from schemas import ids
from schemas.models import Diagnostic
from streams.cli.spool import print_queued, queue_delivery
from streams.clients.station.folder import (
    DEFAULT_PROFILE,
    Delivery,
    SubmissionOptions,
    read_folder,
)
from streams.clients.station.scan import Progress as ReportProgress
from streams.clients.station.understanding import lines_of
from streams.console import Exit, Seconds, emit, err, fail, json_option, out, text_column, words
from streams.settings import NotUp, Settings

if TYPE_CHECKING:
    from streams.clients.station.submission import Submission

COLOURS = {"fatal": "red", "error": "red", "warn": "yellow", "info": "cyan"}
SHOWN_DIAGNOSTICS = 40
STATUS_FIX = "Check the line: copystand status"
STORE_FIX = "Check the free space and permissions of the home, or the store in COPYSTAND_STORE."
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


def _batch_id(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    if value is not None and not ids.BATCH_ID.match(value):
        raise click.BadParameter(
            "must be 1 to 64 of A-Z a-z 0-9 . _ - and start with a letter or digit"
        )
    return value


def _operator(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    if value is not None and not ids.PSEUDONYM.match(value):
        raise click.BadParameter(
            "person.not-a-pseudonym: must be a pseudonym such as o-17; create one with:"
            " copystand person add NAME"
        )
    return value


def _submission_options(command: Any) -> Any:
    """Adds the options that apply to the whole batch."""
    for option in (
        click.option("--operator", callback=_operator, help="Pseudonym of the operator."),
        click.option(
            "--metadata-schema", type=click.Choice(SCHEMAS), help="Main descriptive schema."
        ),
        click.option("--project", help="Project of the batch."),
        click.option(
            "--priority",
            type=click.Choice(PRIORITIES),
            default="normal",
            show_default=True,
            help="Priority of the batch.",
        ),
        click.option("--not-before", help="Earliest start, such as 2026-11-24T20:00+01:00."),
        click.option(
            "--language",
            help="Language of the items that state none (ISO 639-2).",
        ),
        click.option(
            "--profile",
            default=DEFAULT_PROFILE,
            show_default=True,
            help="Scanner profile to check the pages against.",
        ),
    ):
        command = option(command)
    return command


@click.group()
def station() -> None:
    """Check folders of scans and submit them."""


@station.command()
@click.argument("folder", type=FOLDER)
@click.option("--batch-id", callback=_batch_id, help="Batch id of the later submission.")
@_submission_options
@json_option
def check(folder: Path, batch_id: str | None, as_json: bool, **options: Any) -> None:
    """Check a folder as the line will: pre-flight, and every page decoded. Submits nothing.

    Prints what was understood of the folder, then all findings."""
    # Imported here and below: what is queued needs no Kafka and no database.
    from streams.clients.station import submission as client

    name = batch_id or ids.made_safe(folder.resolve().name)
    with _progress() as report:
        settings = Settings.load()
        profiles = client.profiles_of(settings)
        delivery = read_folder(folder, SubmissionOptions(name, **options), report, profiles)
        with _failures():
            delivery = client.with_earlier_pages(delivery, settings)
        found = client.examine(delivery, settings, report)
    emit([one.model_dump() for one in found], as_json, lambda _: _print_check(delivery, found))
    if any(is_error(one) for one in found):
        raise SystemExit(int(Exit.FAILED))


@station.command()
@click.argument("folder", type=FOLDER)
@click.option("--batch-id", required=True, callback=_batch_id, help="Batch id for this delivery.")
@_submission_options
@click.option(
    "--release",
    metavar="QUARANTINE_ID",
    help="Quarantine record of the refused batch that this delivery corrects.",
)
@click.option("--wait", is_flag=True, help="Wait until the batch has settled or was refused.")
@click.option("--timeout", type=Seconds(), help="Maximum number of seconds to --wait.")
@click.option(
    "--queue",
    is_flag=True,
    help="Put the folder into the spool of this station and return at once.",
)
@json_option
def submit(
    folder: Path,
    batch_id: str,
    release: str | None,
    wait: bool,
    queue: bool,
    timeout: float | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Submit a folder as a batch.

    Stores its files, then publishes the submission. The folder is not changed. With --queue, a
    process of the station does so later, after the deliveries that were queued before."""
    if queue:
        if wait or release:
            raise click.UsageError("--queue cannot be combined with --wait or --release.")
        began = time.monotonic()
        queued = queue_delivery(Settings.load(), folder, SubmissionOptions(batch_id, **options))
        document = {**queued.document(), "quarantined": []}
        document["seconds"] = round(time.monotonic() - began, 1)
        emit(document, as_json, lambda _: print_queued(queued))
        return
    from streams.clients.station import submission as client
    from streams.clients.station.waiting import wait as wait_for

    if timeout is not None and not wait:
        err.print("--timeout has no effect without --wait.")
    settings = Settings.load()
    batch = SubmissionOptions(batch_id, **options)
    in_time = True
    with _failures(), _progress() as report:
        submission = client.submit(folder, batch, settings, release=release, progress=report)
        if wait and submission.event_id:
            in_time = wait_for(submission, settings, timeout, report, _tell_about_space)
    emit(submission.document(), as_json, lambda _: _print_submission(submission))
    _exit(submission, in_time, timeout)


def _tell_about_space(why: str) -> None:
    text = f"Waiting: {why}" if why else "There is disk space again."
    err.print(text, soft_wrap=True)


@contextmanager
def _failures() -> Iterator[None]:
    """Ends the command with the exit code and the fix of an error."""
    import psycopg

    from streams.clients.station.publishing import NotPublished
    from streams.storage.disk_reserve import NoSpace

    try:
        yield
    except NotUp as missing:
        fail(Exit.MISSING_PART, str(missing), missing.fix)
    except LookupError as unknown:
        fail(Exit.FAILED, str(unknown), "List the records: copystand quarantine list")
    except NotPublished as failed:
        fail(Exit.MISSING_PART, f"Kafka error: {failed}", STATUS_FIX)
    except psycopg.Error as failed:
        fail(Exit.MISSING_PART, f"PostgreSQL error: {failed}", STATUS_FIX)
    except NoSpace as refused:
        fail(Exit.MISSING_PART, str(refused), refused.fix)
    except StorageError as failed:
        fail(Exit.MISSING_PART, f"storage error: {failed}", STORE_FIX)


def _exit(submission: "Submission", in_time: bool, timeout: float | None) -> None:
    if not in_time:
        err.print(f"Not finished within {timeout:g} s. The batch continues.")
        raise SystemExit(int(Exit.TIMEOUT))
    if submission.failed:
        raise SystemExit(int(Exit.FAILED))


def _print_submission(submission: "Submission") -> None:
    _print_diagnostics(submission.diagnostics)
    amount = f"{counted(submission.items, 'item')}, {counted(submission.pages, 'page')}"
    size = f"{submission.size_bytes / 1e6:.1f} MB, {submission.seconds:.1f} s"
    outcome = f": {submission.state}. {amount}, {size}"
    out.print(words((submission.batch_id, "bold"), outcome))
    for one in submission.quarantined:
        out.print(f"  quarantined: copystand quarantine show {one}")


def _print_check(delivery: Delivery, found: list[Diagnostic]) -> None:
    for line in lines_of(delivery):
        out.print(line, soft_wrap=True)
    _print_diagnostics(found)


def _print_diagnostics(found: list[Diagnostic]) -> None:
    """Print the most severe first. A long list is cut; --json prints all."""
    ordered = sorted(found, key=lambda one: list(COLOURS).index(one.severity))
    for one in ordered[:SHOWN_DIAGNOSTICS]:
        out.print(words((one.severity, COLOURS[one.severity]), f" {one.code}"))
        out.print(f"  {one.where}: {one.found}")
        if one.severity != "info":
            out.print(f"  {one.fix}", style="dim")
    if len(found) > SHOWN_DIAGNOSTICS:
        more = len(found) - SHOWN_DIAGNOSTICS
        out.print(f"… and {more} more. Use --json to print all.")
    if not found:
        out.print("No problems found.")


@contextmanager
def _progress() -> Iterator[ReportProgress]:
    """Progress bars on stderr: bytes hashed, decoded and stored, with their rate; then pages."""
    common = (text_column("{task.description:>8}"), BarColumn())
    sizes = Progress(
        *common, DownloadColumn(), TransferSpeedColumn(), TimeElapsedColumn(), console=err
    )
    counts = Progress(*common, MofNCompleteColumn(), TimeElapsedColumn(), console=err)
    tasks: dict[str, Any] = {}
    shown: list[Progress] = []

    def report(what: str, done: int, total: int) -> None:
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
        yield report
    finally:
        for bars in shown:
            bars.stop()

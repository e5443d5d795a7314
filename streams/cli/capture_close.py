"""`station close`: ends a batch of scanned pages."""

import click

from streams.cli.capture import CAPTURES, DISK_FIX, batch_id, fail_with, pseudonym
from streams.cli.capture_output import print_closed
from streams.cli.spool import queue_closed
from streams.clients.capture.capture_folder import CaptureFolder
from streams.clients.capture.capture_problem import CaptureProblem
from streams.clients.capture.closing import close_batch
from streams.clients.spool.spool_database import spool_folder
from streams.console import Exit, emit, fail, json_option
from streams.settings import Settings


@click.group()
def station() -> None:
    """Close batches of scanned pages."""


@station.command()
@click.argument("batch_id", metavar="BATCH_ID", callback=batch_id)
@click.option("--operator", callback=pseudonym, help="Pseudonym of the operator.")
@click.option("--submit", is_flag=True, help="Put the batch into the spool, which submits it.")
@json_option
def close(batch_id: str, operator: str | None, submit: bool, as_json: bool) -> None:
    """Close a batch of scanned pages: check every page again and make the manifest.

    The command prints the folder, which `copystand station submit` takes."""
    settings = Settings.load()
    folder = CaptureFolder(spool_folder(settings) / CAPTURES / batch_id, batch_id)
    try:
        with folder.opened(None):
            closed = close_batch(folder, operator)
    except CaptureProblem as problem:
        fail_with(problem)
    except OSError as failed:
        fail(Exit.MISSING_PART, f"{failed}", DISK_FIX)
    document = closed.document()
    if submit:
        of_batch = {**document, "profile": folder.profile}
        document["queued"] = queue_closed(settings, of_batch, operator)
    emit(document, as_json, lambda _: print_closed(closed, document, folder.profile or ""))

"""`copystand audit report`: the chain of custody of one item as one document."""

from datetime import UTC, datetime
from pathlib import Path

import click

from infra.permissions import umask_of_user
from streams.audit.event_texts import for_people
from streams.audit.generations import LOG
from streams.audit.queries import item_history
from streams.cli.audit import audit
from streams.cli.audit_answers import (
    answered,
    compared,
    fail_if_changed,
    say_standing,
    standing_lines,
)
from streams.console import Exit, emit_text, err, fail
from streams.settings import Settings

NO_LOG_FIX = "The sealer makes it after its first event: copystand up"


@audit.command("report")
@click.argument("item_id", metavar="ITEM")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write; by default the document goes to stdout.",
)
def report(item_id: str, output: Path | None) -> None:
    """Write the chain of custody of an item as one HTML document, with proofs.

    The document is for readers who are not technicians. It needs no other file and can be printed.
    """
    # Imported here: the other commands need no proofs.
    from streams.custody.custody_report import Custody
    from streams.custody.custody_report import report as document_of
    from streams.custody.proofs import proofs_of
    from streams.transparency_log.merkle import ProofFailed
    from streams.transparency_log.note import BadNote
    from streams.transparency_log.tiles import DamagedLog

    settings = Settings.load()
    rows, holds = answered(
        settings, None, lambda connection, holds: item_history(connection, item_id, holds)
    )
    comparison = compared(settings, rows)
    try:
        proofs = proofs_of(settings.home / LOG, [row["seq"] for row in rows])
    except FileNotFoundError as missing:
        fail(Exit.MISSING_PART, f"there is no sealed log: {missing}", NO_LOG_FIX)
    except (BadNote, DamagedLog, ProofFailed) as damaged:
        fail(Exit.FAILED, f"the sealed log is damaged: {damaged}", "Run: copystand audit verify")
    lines = standing_lines(holds, comparison)
    made_at = datetime.now(UTC)
    shown = for_people(rows, comparison.texts)
    document = document_of(Custody(item_id, shown, proofs, comparison.differing, lines, made_at))
    if output is None:
        emit_text(document)
    else:
        _write(output, document)
        err.print(f"{len(rows)} events in {output}", highlight=False)
    say_standing(holds, comparison)
    fail_if_changed(comparison)


def _write(path: Path, document: str) -> None:
    try:
        with umask_of_user():
            path.write_text(document, "utf-8")
    except OSError as failed:
        fail(Exit.FAILED, f"cannot write {path}: {failed}")

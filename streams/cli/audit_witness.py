"""`copystand audit witness`: an auditor keeps what a log has signed, and compares."""

import socket
from pathlib import Path

import click

from infra.files import DamagedFile
from streams.cli.audit import audit
from streams.console import Exit, emit, fail, json_option, out
from streams.transparency_log.note import BadNote
from streams.transparency_log.witness import LogRewritten, NotSigned


@audit.command("witness")
@click.argument("log", metavar="LOG")
@click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder on your own machine for the last checkpoint and your key.",
)
@click.option("--key", help="Public key of the log, as its archive gave it to you.")
@click.option(
    "--name", default=f"witness/{socket.gethostname()}", help="Name of this witness in signatures."
)
@json_option
def witness(log: str, state: Path, key: str | None, name: str, as_json: bool) -> None:
    """Compare a log with the last visit, and cosign its newest checkpoint.

    LOG is a folder (audit/log of a home, or a copy) or an http address of one. Needs neither the
    line nor its database. Ends with 1 if the log does not contain what it signed before.
    """
    from streams.verification.witness_folder import fetch_from
    from streams.verification.witness_folder import witness as look

    state.mkdir(parents=True, exist_ok=True)
    try:
        seen = look(fetch_from(log), state, name, key)
    except LogRewritten as rewritten:
        fail(
            Exit.FAILED,
            f"the log was rewritten: {rewritten.why}",
            f"Both checkpoints are in {state}/evidence-*. Keep them, and ask the archive.",
        )
    except NotSigned as forged:
        fail(Exit.FAILED, str(forged), "Ask the archive for its public key.")
    except (BadNote, DamagedFile) as damaged:
        fail(Exit.FAILED, f"the log or the state is damaged: {damaged}")
    except OSError as away:
        fail(Exit.MISSING_PART, f"the log cannot be read: {away}")
    checkpoint = seen.checkpoint
    note = checkpoint.encode().decode()
    document = {"size": checkpoint.size, "first": seen.first, "checkpoint": note}
    word = "first visit" if seen.first else "continues the last checkpoint"
    emit(
        document,
        as_json,
        lambda _: out.print(
            f"{checkpoint.origin}: {checkpoint.size} events, {word}", highlight=False
        ),
    )

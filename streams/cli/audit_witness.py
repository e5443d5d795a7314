"""`copystand audit witness`: an auditor keeps what a log has signed, and compares."""

import socket
from pathlib import Path

import click
from confluent_kafka import KafkaException

from infra.files import DamagedFile
from infra.kafka_access import Brokers, NoLogin, read_login
from streams.cli.audit import audit
from streams.console import Exit, emit, fail, json_option, out
from streams.transparency_log.note import BadNote
from streams.transparency_log.witness import LogRewritten, NotSigned
from streams.verification.witness_folder import Seen, fetch_from
from streams.verification.witness_folder import witness as look
from streams.verification.witness_topic import KeyRequired, witness_topic

KAFKA = "kafka://"


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
@click.option(
    "--credentials",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File with the Kafka login of a witness, for a LOG that begins with kafka://.",
)
@click.option(
    "--ca",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Certificates that sign those of the brokers, for TLS.",
)
@json_option
def witness(
    log: str,
    state: Path,
    key: str | None,
    name: str,
    credentials: Path | None,
    ca: Path | None,
    as_json: bool,
) -> None:
    """Compare a log with the last visit, and cosign its newest checkpoint.

    LOG is a folder (audit/log of a home, or a copy), an http address of one, or the brokers with
    its checkpoints: kafka://HOST:PORT[,HOST:PORT…]. Needs neither the line's home nor its database.
    Ends with 1 if the log does not contain what it signed before.
    """
    state.mkdir(parents=True, exist_ok=True)
    try:
        seen = _look(log, state, name, key, credentials, ca)
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
    except (KeyRequired, NoLogin) as missing:
        fail(Exit.USAGE, str(missing), "Give the files of the archive: --key and --credentials.")
    except (OSError, KafkaException) as away:
        fail(Exit.MISSING_PART, f"the log cannot be read: {away}")
    except ValueError as wrong:
        fail(Exit.USAGE, str(wrong))
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


def _look(
    log: str, state: Path, name: str, key: str | None, credentials: Path | None, ca: Path | None
) -> Seen:
    if log.startswith(KAFKA):
        login = read_login(credentials) if credentials else None
        return witness_topic(Brokers(log.removeprefix(KAFKA), login, ca), state, name, key)
    return look(fetch_from(log), state, name, key)

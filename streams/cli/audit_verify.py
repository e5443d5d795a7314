"""`copystand audit verify|export|witness`: proofs that the audit log was not changed."""

from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import click
import psycopg
from confluent_kafka import KafkaException

from infra.kafka_access import ADMIN
from infra.permissions import umask_of_user
from processors.outcome import StorageError
from streams.audit.generations import LOG, topic_in_use
from streams.audit.queries import UnknownSubject
from streams.cli.audit import audit
from streams.cli.listings import CONNECT_SECONDS, postgres_down
from streams.console import Exit, emit, fail, json_option, out
from streams.settings import NotUp, Settings
from streams.transparency_log.note import BadNote
from streams.transparency_log.tiles import DamagedLog
from streams.verification.audit_export import write_export
from streams.verification.sealed_comparison import (
    Difference,
    SealedTree,
    is_signed_within,
    verify_log,
    verify_objects,
    verify_projection,
    verify_topic,
)

SIGNED_SECONDS = 5.0
"""So long a record may be on the topic before a checkpoint covers it."""
NO_LOG_FIX = "The sealer makes it after its first event: copystand up"


@audit.command("verify")
@click.option("--objects", is_flag=True, help="Also read all files of the store.")
@click.option("--item", "item_id", metavar="ITEM", help="With --objects: only files of this item.")
@json_option
def verify(objects: bool, item_id: str | None, as_json: bool) -> None:
    """Verify the sealed log, and the topic, the tables and the files against it.

    Ends with 1 if anything was changed, removed or added, and names the first event concerned.
    """
    settings = Settings.load()
    log, faults = sealed_tree(settings)
    checks = [topic_faults, _projection] + ([_objects(item_id)] if objects else [])
    for check in checks if not faults else ():
        faults += check(settings, log)
    faults.sort(key=lambda one: one.seq)
    document = {
        "ok": not faults,
        "size": log.size,
        "root": log.root,
        "first_bad": faults[0].seq if faults else None,
        "why": f"{faults[0].part}: {faults[0].why}" if faults else None,
        "faults": [{"part": one.part, "seq": one.seq, "why": one.why} for one in faults],
    }
    emit(document, as_json, lambda _: out.print(_view(log, faults), highlight=False))
    if faults:
        raise SystemExit(Exit.FAILED)


@audit.command("export")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--item", "item_id", metavar="ITEM", help="Only the events of this item.")
@click.option("--all", "everything", is_flag=True, help="The complete log.")
@json_option
def export(folder: Path, item_id: str | None, everything: bool, as_json: bool) -> None:
    """Write the log, or one item's events with proofs, into a new folder.

    The folder has a verifier that needs Python and openssl alone: python3 DIR/verify.py
    """
    if everything == (item_id is not None):
        fail(Exit.USAGE, "give either --item ITEM or --all")
    if folder.exists():
        fail(Exit.USAGE, f"{folder} exists", "Name a new folder.")
    log = Settings.load().home / LOG
    with umask_of_user():
        try:
            checkpoint, events = write_export(log, folder, item_id)
        except UnknownSubject as unknown:
            fail(Exit.FAILED, str(unknown))
        except FileNotFoundError as missing:
            fail(Exit.MISSING_PART, f"there is no sealed log: {missing}", NO_LOG_FIX)
        except (BadNote, DamagedLog) as damaged:
            fail(Exit.FAILED, f"the log is damaged: {damaged}", "Run: copystand audit verify")
    document = {"folder": str(folder), "size": checkpoint.size, "events": events}
    text = (
        f"{events} events of {checkpoint.size} in {folder}; check them: python3 {folder}/verify.py"
    )
    emit(document, as_json, lambda _: out.print(text, highlight=False))


def sealed_tree(settings: Settings) -> tuple[SealedTree, list[Difference]]:
    try:
        return verify_log(settings.home / LOG)
    except FileNotFoundError as missing:
        fail(Exit.MISSING_PART, f"there is no sealed log: {missing}", NO_LOG_FIX)
    except BadNote as bad:
        fail(Exit.FAILED, f"the checkpoint of the log is damaged: {bad}")


def topic_faults(settings: Settings, log: SealedTree) -> list[Difference]:
    from streams.verification.topic_records import MissingTopic, intact_records

    topic = topic_in_use(settings.home / LOG)
    try:
        with closing(intact_records(settings.kafka_as(ADMIN), topic)) as records:
            is_signed = partial(is_signed_within, settings.home / LOG, SIGNED_SECONDS)
            return verify_topic(log.tree, records, is_signed)
    except MissingTopic:
        return [Difference("topic", 0, f"the topic {topic} does not exist")]
    except (NotUp, KafkaException) as down:
        fail(Exit.MISSING_PART, f"Kafka does not answer: {down}", "Start the line: copystand up")


def _projection(settings: Settings, log: SealedTree) -> list[Difference]:
    try:
        dsn = settings.dsn("auditor_ro")
        with psycopg.connect(dsn, autocommit=True, connect_timeout=CONNECT_SECONDS) as connection:
            return verify_projection(connection, log.tree)
    except (NotUp, psycopg.Error) as down:
        postgres_down(down)


def _objects(item_id: str | None) -> Any:
    def check(settings: Settings, log: SealedTree) -> list[Difference]:
        from streams.storage.factory import open_storage

        try:
            return verify_objects(open_storage(settings), log.tree, item_id)
        except StorageError as away:
            fail(Exit.MISSING_PART, f"the store does not answer: {away}")

    return check


def _view(log: SealedTree, faults: list[Difference]) -> str:
    if not faults:
        return f"ok: {log.size} events, root {log.root}"
    lines = [f"seq {one.seq}, {one.part}: {one.why}" for one in faults[:20]]
    if len(faults) > 20:
        lines.append(f"and {len(faults) - 20} more")
    return "\n".join(lines)

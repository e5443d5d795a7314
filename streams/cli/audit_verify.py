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
from streams.console import Exit, emit, err, fail, json_option, out
from streams.settings import NotUp, Settings
from streams.transparency_log.note import BadNote
from streams.transparency_log.tiles import DamagedLog, StaticTiles, Tree
from streams.verification.audit_export import write_export
from streams.verification.index_comparison import verify_index
from streams.verification.log_files import later_leaves
from streams.verification.sealed_comparison import (
    Difference,
    SealedTree,
    verify_log,
    verify_objects,
    verify_projection,
)

INDEX = "index.db"
KEY_FILE = "sealer.key"
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
    checks = [_index, topic_faults, _projection] + ([_objects(item_id)] if objects else [])
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
    from streams.storage.factory import open_storage

    settings = Settings.load()
    with umask_of_user():
        try:
            made = write_export(settings.home / LOG, folder, item_id, open_storage(settings))
        except UnknownSubject as unknown:
            fail(Exit.FAILED, str(unknown))
        except FileNotFoundError as missing:
            fail(Exit.MISSING_PART, f"there is no sealed log: {missing}", NO_LOG_FIX)
        except (BadNote, DamagedLog) as damaged:
            fail(Exit.FAILED, f"the log is damaged: {damaged}", "Run: copystand audit verify")
        except StorageError as away:
            fail(Exit.MISSING_PART, f"the store does not answer: {away}")
    size = made.checkpoint.size
    document = {
        "folder": str(folder),
        "size": size,
        "events": made.events,
        "fixity_lists": made.lists,
        "fixity_lists_missing": made.lists_missing,
    }
    for digest in made.lists_missing:
        err.print(f"the store does not have the fixity list {digest}", soft_wrap=True)
    text = f"{made.events} events of {size} in {folder}; check them: python3 {folder}/verify.py"
    emit(document, as_json, lambda _: out.print(text, highlight=False))


def sealed_tree(settings: Settings) -> tuple[SealedTree, list[Difference]]:
    try:
        return verify_log(settings.home / LOG)
    except FileNotFoundError as missing:
        if not (settings.run / KEY_FILE).exists():
            fail(Exit.MISSING_PART, f"there is no sealed log: {missing}", NO_LOG_FIX)
        why = f"the log is missing, and run/{KEY_FILE} shows that there was one: {missing}"
        nothing = Tree(StaticTiles(lambda _: None), 0)
        return SealedTree(0, "", nothing), [Difference("log", 0, why)]


def _index(settings: Settings, log: SealedTree) -> list[Difference]:
    audit_folder = settings.home / LOG
    problem = verify_index(audit_folder.with_name(INDEX), log.tree, audit_folder)
    return [Difference("index", *problem)] if problem else []


def topic_faults(settings: Settings, log: SealedTree) -> list[Difference]:
    """What the topic in use does not have as it was sealed, or has and was not sealed."""
    from streams.verification.topic_comparison import TopicComparison, compare
    from streams.verification.topic_records import MissingTopic, committed_messages

    topic = topic_in_use(settings.home / LOG)
    later = partial(later_leaves, settings.home / LOG, log.size)
    try:
        with closing(committed_messages(settings.kafka_as(ADMIN), topic)) as messages:
            problem = compare(messages, TopicComparison(topic, log.tree, later))
        return [Difference("topic", *problem)] if problem else []
    except MissingTopic:
        return [Difference("topic", 0, f"the topic {topic} does not exist")]
    except (NotUp, KafkaException) as down:
        fail(Exit.MISSING_PART, f"Kafka does not answer: {down}", "Start the line: copystand up")


def _projection(settings: Settings, log: SealedTree) -> list[Difference]:
    try:
        dsn = settings.dsn("auditor_ro")
        complete = _projector_has_read_all(settings)
        later = partial(later_leaves, settings.home / LOG, log.size)
        with psycopg.connect(dsn, autocommit=True, connect_timeout=CONNECT_SECONDS) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            return verify_projection(connection, log.tree, later, complete)
    except (NotUp, psycopg.Error) as down:
        postgres_down(down)
    except KafkaException as down:
        fail(Exit.MISSING_PART, f"Kafka does not answer: {down}", "Start the line: copystand up")


def _projector_has_read_all(settings: Settings) -> bool:
    from streams.verification.topic_records import MissingTopic, projector_has_read_all

    try:
        return projector_has_read_all(settings.kafka_as(ADMIN), topic_in_use(settings.home / LOG))
    except MissingTopic:
        return False


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

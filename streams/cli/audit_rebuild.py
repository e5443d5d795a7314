"""`copystand audit rebuild`: makes the tables of the audit log again from verified events."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import click
import psycopg
from confluent_kafka import KafkaException
from psycopg.conninfo import make_conninfo

from infra.files import read_line
from infra.kafka_access import ADMIN
from infra.postgres import DATABASE, SUPERUSER, dsn
from streams.audit.generations import LOG, topic_in_use
from streams.audit.sealed_record import SealedRecord
from streams.cli.audit import audit
from streams.cli.audit_verify import sealed_tree
from streams.cli.listings import CONNECT_SECONDS, postgres_down
from streams.console import Exit, emit, fail, json_option, out
from streams.settings import NotUp, Settings
from streams.transparency_log.note import BadNote
from streams.transparency_log.tiles import DamagedLog, Tree
from streams.verification.rebuild_sources import KeyRequired, NotVerified, from_export, from_topic
from streams.verification.sealed_comparison import records

FROM_LOG, FROM_TOPIC = "log", "topic"


@audit.command("rebuild")
@click.option(
    "--from",
    "source",
    metavar="log|topic|DIR",
    default=FROM_LOG,
    show_default=True,
    help="The sealed log of this home, its topic, or the folder of a complete export.",
)
@click.option("--key", help="Public key of the log. Required for an export if the log is lost.")
@json_option
def rebuild(source: str, key: str | None, as_json: bool) -> None:
    """Make the tables of the audit log again.

    Every event is compared with the signed tree before it becomes a row. If one does not verify,
    the tables stay as they are. Other queries wait meanwhile. The projector then continues.
    """
    settings = Settings.load()
    try:
        with psycopg.connect(
            _superuser(settings), autocommit=True, connect_timeout=CONNECT_SECONDS
        ) as connection:
            # Imported here: it is of the projector, which other commands do not need.
            from streams.projector.replaced_rows import rebuild as replace_rows

            made = replace_rows(connection, _records(settings, source, key))
    except (NotVerified, DamagedLog, BadNote) as different:
        fail(Exit.FAILED, f"{different}. The tables are unchanged", "Use another source.")
    except KeyRequired as unknown:
        fail(Exit.USAGE, str(unknown), "Give --key with the key that the archive published.")
    except FileNotFoundError as missing:
        fail(Exit.USAGE, f"{source} is not an export of all events: {missing}")
    except KafkaException as down:
        fail(Exit.MISSING_PART, f"Kafka does not answer: {down}", "Start the line: copystand up")
    except (NotUp, psycopg.Error) as down:
        postgres_down(down)
    document = {"events": made.events, "dump": made.dump}
    text = f"{made.events} events; SHA-256 of all rows: {made.dump}"
    emit(document, as_json, lambda _: out.print(text, highlight=False, soft_wrap=True))


def _records(settings: Settings, source: str, key: str | None) -> Iterable[SealedRecord]:
    if source not in (FROM_LOG, FROM_TOPIC):
        return from_export(Path(source), settings.home / LOG, key)
    log, faults = sealed_tree(settings)
    if faults:
        raise NotVerified(f"seq {faults[0].seq}: the log is damaged: {faults[0].why}")
    return records(log.tree) if source == FROM_LOG else _on_topic(settings, log.tree)


def _on_topic(settings: Settings, tree: Tree) -> Iterator[SealedRecord]:
    from streams.verification.topic_records import MissingTopic, intact_records

    topic = topic_in_use(settings.home / LOG)
    try:
        with closing(intact_records(settings.kafka_as(ADMIN), topic)) as found:
            yield from from_topic(tree, found)
    except MissingTopic:
        raise NotVerified(f"the topic {topic} does not exist") from None


def _superuser(settings: Settings) -> str:
    """The connection string of the superuser, who alone may remove rows."""
    if settings.postgres_dsn and settings.postgres_password_file:
        password = read_line(settings.postgres_password_file)
        return make_conninfo(
            settings.postgres_dsn, user=SUPERUSER, password=password, dbname=DATABASE
        )
    return dsn(settings.home, settings.ports()["postgres"], SUPERUSER, DATABASE)

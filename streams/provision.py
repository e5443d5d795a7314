"""Database, roles, migrations, topics and start offsets, for servers that run already."""

import argparse
import json
import sys
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from infra.acls import put_grants, put_users
from infra.files import write_atomic
from infra.kafka_access import ADMIN, Brokers, make_login
from infra.kafka_listeners import plain_jaas
from infra.migrate import migrate
from infra.postgres import DATABASE, SUPERUSER, provision_database
from infra.topics import (
    PATIENCE_SECONDS,
    admin,
    partition_counts,
    provision,
    rewind,
    settled_end_offsets,
)
from processors.route import FROM_OUTSIDE
from schemas.catalogue import AUDIT_PREMIS, topic_of
from schemas.models import BatchSubmitted, ControlRequested
from streams import access, projector, topology
from streams.audit.generations import LOG, next_topic, topic_in_use
from streams.console import Exit, fail
from streams.kafka.client import OPERATOR, REPOSITORY, STATION
from streams.known_senders import KnownSenders
from streams.named_queries import NamedQueries
from streams.settings import Settings
from streams.signatures import key_document, key_file, new_key, read_key
from streams.tracker.queries import query
from streams.uploads.upload_records import INGEST, UploadRecords

ROUTER = "copystand.router"
PROJECTION = NamedQueries(Path(projector.__file__).with_name("queries.sql"))


def provision_topics(brokers: Brokers, home: Path) -> None:
    """Create topics and start offsets. The marker in a home says that its line exists already."""
    marker, sealed = home / "run" / "provisioned", topic_in_use(home / LOG)
    provision(brokers, topology.topics(sealed), topology.groups(sealed), fresh=not marker.exists())
    write_atomic(marker, "")


def provision_access(brokers: Brokers, home: Path) -> None:
    """Create the users of the line, each with a login in the home, and their permissions."""
    logins = [make_login(home, user) for user in access.USERS]
    put_users(admin(brokers), logins)
    put_grants(brokers, access.USERS, access.grants(topic_in_use(home / LOG)))


def create_sealed_topic(brokers: Brokers, home: Path) -> str:
    """Create the next generation of the topic of sealed records, with its permissions; its name."""
    present = topic_in_use(home / LOG)
    existing = admin(brokers).list_topics(timeout=PATIENCE_SECONDS).topics
    name = next_topic(AUDIT_PREMIS.name, {*existing, present})
    provision(brokers, topology.topics(name), {})
    if brokers.login is not None:
        both = access.grants(present) | access.grants(name)
        put_grants(brokers, access.USERS, both)
    return name


def provision_senders(brokers: Brokers, home: Path) -> None:
    """Make the signing keys of a home, and record which old messages need no signature and no
    upload record.

    Must run before a client of this version can publish."""
    senders, client = KnownSenders(home), admin(brokers)
    with_files = [topic_of(fact.__name__).name for fact in (BatchSubmitted, ControlRequested)]
    signed = [topic_of(fact.__name__).name for fact in FROM_OUTSIDE]
    counts = partition_counts(client, {*signed, *with_files})
    partitions = [(name, number) for name, count in counts.items() for number in range(count)]
    ends = settled_end_offsets(client, partitions)
    senders.require_signatures_from({at: end for at, end in ends.items() if at[0] in signed})
    senders.require_records_from({at: end for at, end in ends.items() if at[0] in with_files})
    make_sender_keys(home)


def make_sender_keys(home: Path) -> None:
    """Make the signing keys that a home does not have, and let its line know them."""
    senders = KnownSenders(home)
    for kind in (STATION, REPOSITORY, OPERATOR, INGEST):
        file = key_file(home, kind)
        try:
            key = read_key(file)
        except (FileNotFoundError, ValueError):
            # Whoever deletes the file wants another key, and the old one to end.
            senders.revoke(kind)
            key = new_key(kind)
            document = {"user": kind} | key_document(key)
            file.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(file, json.dumps(document, indent=2) + "\n", mode=0o600)
        senders.add(key, kind)


def provision_quotas(brokers: Brokers, home: Path) -> None:
    """Let each sender use as much of the brokers as the settings say."""
    # Imported here: it loads another client.
    from infra.quotas import put_quotas

    put_quotas(
        brokers, KnownSenders(home).names((STATION, REPOSITORY)), Settings.load().sender_quota
    )


def write_broker_secrets(home: Path, file: Path) -> None:
    """Write the passwords of the owners of a cluster for brokers that others start.

    Their settings refer to it as `${file:PATH:plain}`, so that no password is in an environment."""
    write_atomic(file, f"plain={plain_jaas(home)}\n", mode=0o600)


def repair_after_loss(brokers: Brokers, home: Path, tracker_dsn: str) -> None:
    """Publish again what the topics lost and the tracker's tables have; see lost_messages."""
    with psycopg.connect(tracker_dsn, autocommit=True) as connection:
        rows = connection.execute(query("offsets")).fetchall()
        read = {(name, at): next for name, at, next in rows if name in topology.TRACKER_INPUTS}
        ends = settled_end_offsets(admin(brokers), read)
        if all(ends[at] >= offset for at, offset in read.items()):
            return
        # Imported here: the supervisor seldom needs it.
        from streams.kafka.topic_reader import TopicReader
        from streams.storage.factory import open_storage
        from streams.tracker.lost_messages import repair
        from streams.tracker.process_manager import ProcessManager

        # The router's answers that no role had read: its receipts give the same messages again.
        rewind(brokers, ROUTER, topology.groups()[ROUTER])
        settings = Settings.load()
        storage = open_storage(settings)
        uploads = UploadRecords(KnownSenders(home), storage)
        manager = ProcessManager(connection, storage, settings.version, uploads=uploads)
        manager.start()
        reader = TopicReader(brokers)
        repair(manager, reader)
        reader.close()


def projection_is_ahead(brokers: Brokers, home: Path, projector_dsn: str) -> bool:
    """Whether the copy of the audit log has events that the log lost."""
    with psycopg.connect(projector_dsn) as connection:
        row = connection.execute(PROJECTION("position")).fetchone()
    at = (topic_in_use(home / LOG), 0)
    if row is None or row[2] != at[0]:
        return False  # the projector finds out when it has read the other topic
    return bool(row[1] > settled_end_offsets(admin(brokers), [at])[at])


def main() -> int:
    """Create what the roles need on the servers of KAFKA_BROKERS and POSTGRES_DSN."""
    parser = argparse.ArgumentParser(prog="streams.provision")
    parser.add_argument("--broker-secrets", type=Path, help="Only write this file, for brokers.")
    options = parser.parse_args()
    settings = Settings.load()
    if options.broker_secrets is not None:
        write_broker_secrets(settings.home, options.broker_secrets)
        return 0
    secret = settings.postgres_password_file
    needed = {
        "KAFKA_BROKERS": settings.kafka_brokers,
        "POSTGRES_DSN": settings.postgres_dsn,
        "POSTGRES_PASSWORD_FILE": secret,
    }
    empty = [name for name, value in needed.items() if not value]
    if secret is None or empty:
        fail(Exit.USAGE, f"{', '.join(empty)} must be set")
    settings.run.mkdir(parents=True, exist_ok=True)
    password = secret.read_text("utf-8").strip()
    superuser = make_conninfo(settings.postgres_dsn, user=SUPERUSER, password=password)
    provision_database(make_conninfo(superuser, dbname="postgres"), settings.home)
    migrate(make_conninfo(superuser, dbname=DATABASE))
    brokers = settings.kafka_as(ADMIN)
    provision_topics(brokers, settings.home)
    provision_senders(brokers, settings.home)
    if brokers.login is not None:
        provision_access(brokers, settings.home)
        provision_quotas(brokers, settings.home)
    return 0


if __name__ == "__main__":
    sys.exit(main())

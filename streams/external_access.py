"""Credentials of stations, repositories and witnesses on other machines: made, and revoked again.

A credential is a login of Kafka and a key that signs messages. A cluster without access control
has no logins; the keys are needed all the same. A witness only reads, so it has no key."""

import json
import re
import secrets
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

from infra.acls import (
    GROUP,
    READ,
    TOPIC,
    WRITE,
    Grant,
    has_grants,
    put_grants,
    put_users,
    remove_user,
)
from infra.files import write_atomic
from infra.kafka_access import Brokers, Login, Quota
from infra.topics import admin
from schemas.catalogue import AUDIT_CHECKPOINTS, ORDERS, topic_of
from streams.access import written_topics
from streams.kafka.client import REPOSITORY, STATION
from streams.known_senders import KnownSenders
from streams.signatures import key_document, new_key

KINDS = (STATION, REPOSITORY)
"""Those that send messages, and sign them."""
WITNESS = "witness"
"""Reads checkpoints, and nothing else."""
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


class AlreadyThere(Exception):
    """A user of this name has permissions or a key, or its file exists."""


class NoLogins(Exception):
    """The cluster has no access control, so that a witness needs no credentials."""


class NotThere(Exception):
    """There is no user of this name."""


def user_of(kind: str, name: str) -> str:
    """The Kafka user of a station, repository or witness. Raises ValueError for a bad name."""
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not 1 to 40 of a-z 0-9 - with a letter or digit first")
    return f"{kind}-{name}"


def grants_of(kind: str, name: str) -> list[Grant]:
    """The permissions of one station, repository or witness.

    The groups of a repository are its name and all names that begin with it and a dot."""
    user = user_of(kind, name)
    if kind == WITNESS:
        return [Grant(user, TOPIC, AUDIT_CHECKPOINTS.name, READ)]
    found = [Grant(user, TOPIC, topic, WRITE) for topic in written_topics(kind)]
    if kind == STATION:
        found.append(Grant(user, TOPIC, ORDERS.name, READ))
    if kind == REPOSITORY:
        found += [
            Grant(user, TOPIC, topic_of("PackagePublished").name, READ),
            Grant(user, GROUP, name, READ),
            Grant(user, GROUP, f"{name}.", READ, prefix=True),
        ]
    return found


def add(
    brokers: Brokers, senders: KnownSenders, quota: Quota, kind: str, name: str, file: Path
) -> str:
    """Create a user and write its credentials to a file that only the owner can read: login, and
    signing key and upload token unless it is a witness.

    Returns the user when its permissions are in force. Raises AlreadyThere, NoLogins, OSError,
    ValueError."""
    user = user_of(kind, name)
    if file.exists():
        raise AlreadyThere(f"{file} exists")
    if kind == WITNESS and not brokers.login:
        raise NoLogins("this cluster has no access control, so a witness needs no login")
    if senders.active(user) or (brokers.login and has_grants(brokers, user)):
        raise AlreadyThere(f"the {kind} {name} exists")
    document = {"user": user}
    if brokers.login:
        login = Login(user, secrets.token_urlsafe(24))
        put_users(admin(brokers), [login])
        _put_quota(brokers, user, quota)
        put_grants(brokers, [user], grants_of(kind, name))
        document = asdict(login)
    try:
        if kind in KINDS:
            document |= _new_sender(senders, kind, user)
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(file, json.dumps(document, indent=2) + "\n", mode=0o600)
    except OSError:
        _take(brokers, senders, user)
        raise
    return user


def _new_sender(senders: KnownSenders, kind: str, user: str) -> dict[str, str]:
    key, token = new_key(user), secrets.token_urlsafe(24)
    senders.add(key, kind, sha256(token.encode()).hexdigest())
    return key_document(key) | {"upload_token": token}


def revoke(brokers: Brokers, senders: KnownSenders, kind: str, name: str) -> None:
    """Refuse the signatures of a user, take all its permissions, also on open connections, and then
    its password. Raises NotThere, ValueError."""
    user = user_of(kind, name)
    if not senders.active(user) and not (brokers.login and has_grants(brokers, user)):
        raise NotThere(f"there is no {kind} {name}")
    _take(brokers, senders, user)


def _take(brokers: Brokers, senders: KnownSenders, user: str) -> None:
    senders.revoke(user)
    if brokers.login:
        remove_user(brokers, user)
        _put_quota(brokers, user, None)


def _put_quota(brokers: Brokers, user: str, quota: Quota | None) -> None:
    # Imported here: it loads another client, which a submission does not need.
    from infra.quotas import put_quotas

    put_quotas(brokers, [user], quota)

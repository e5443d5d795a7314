"""Creates the users of a cluster and their permissions, and waits until these are in force."""

import secrets
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialAlteration,
    UserScramCredentialUpsertion,
)

from infra.kafka_access import Brokers, Login
from infra.topics import Admin, admin

TOPIC, GROUP, TRANSACTION = "topic", "group", "transactional id"
READ, WRITE, DESCRIBE, ALL = "read", "write", "describe", "all"
RESOURCES = {
    TOPIC: ResourceType.TOPIC,
    GROUP: ResourceType.GROUP,
    TRANSACTION: ResourceType.TRANSACTIONAL_ID,
}
OPERATIONS = {
    READ: AclOperation.READ,
    WRITE: AclOperation.WRITE,
    DESCRIBE: AclOperation.DESCRIBE,
    ALL: AclOperation.ALL,
}
ITERATIONS = 4096
ANSWER_SECONDS = 20
IN_FORCE_SECONDS = 30.0
EVERYTHING = "*"


@dataclass(frozen=True, order=True)
class Grant:
    """One permission of a user, or one prohibition, which is the stronger."""

    user: str
    resource: str
    name: str
    operation: str
    prefix: bool = False
    """Whether it is for all names that begin with this one."""
    allowed: bool = True

    @property
    def binding(self) -> AclBinding:
        """The same for Kafka."""
        return AclBinding(
            RESOURCES[self.resource],
            self.name,
            ResourcePatternType.PREFIXED if self.prefix else ResourcePatternType.LITERAL,
            f"User:{self.user}",
            "*",
            OPERATIONS[self.operation],
            AclPermissionType.ALLOW if self.allowed else AclPermissionType.DENY,
        )


def put_users(client: Admin, logins: Iterable[Login]) -> None:
    """Create the users, or give them their present passwords."""
    info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, ITERATIONS)
    changes: list[UserScramCredentialAlteration] = [
        UserScramCredentialUpsertion(one.user, info, one.password.encode()) for one in logins
    ]
    answers = client.alter_user_scram_credentials(changes, request_timeout=ANSWER_SECONDS)
    for answer in answers.values():
        answer.result()


def put_grants(brokers: Brokers, users: Collection[str], grants: Collection[Grant]) -> None:
    """Let these users have exactly these permissions. Returns when all brokers know them."""
    client = admin(brokers)
    wanted = {grant.binding for grant in grants}
    managed = {f"User:{user}" for user in users}
    found = {one for one in _known(client) if one.principal in managed}
    if found == wanted:
        return
    if wanted - found:
        for answer in client.create_acls(list(wanted - found)).values():
            answer.result(ANSWER_SECONDS)
    for surplus in found - wanted:
        _delete(client, _exactly(surplus))
    _wait_until(client, managed, wanted)


def remove_user(brokers: Brokers, user: str) -> None:
    """Take a user's permissions, then the password. Both are in force when it returns.

    A password that is taken alone would leave open connections as they are. It is replaced, not
    deleted: a broker that starts with several deletions in its log loads no password of any user
    (Kafka 4.3.1)."""
    client, principal = admin(brokers), f"User:{user}"
    _delete(client, _permissions_of(principal))
    _wait_until(client, {principal}, set())
    put_users(client, [Login(user, secrets.token_urlsafe(24))])


def has_grants(brokers: Brokers, user: str) -> bool:
    """Whether a user has any permission."""
    return any(one.principal == f"User:{user}" for one in _known(admin(brokers)))


def _known(client: Admin) -> set[AclBinding]:
    every = _permissions_of(None)
    return set(client.describe_acls(every, request_timeout=ANSWER_SECONDS).result(ANSWER_SECONDS))


def _permissions_of(principal: Any) -> AclBindingFilter:
    """All permissions of a user, or of everybody with None, which Kafka's types do not know."""
    anything: Any = None
    return AclBindingFilter(
        ResourceType.ANY,
        anything,
        ResourcePatternType.ANY,
        principal,
        anything,
        AclOperation.ANY,
        AclPermissionType.ANY,
    )


def _exactly(one: AclBinding) -> AclBindingFilter:
    return AclBindingFilter(
        one.restype,
        one.name,
        one.resource_pattern_type,
        one.principal,
        one.host,
        one.operation,
        one.permission_type,
    )


def _delete(client: Admin, which: AclBindingFilter) -> None:
    for answer in client.delete_acls([which]).values():
        answer.result(ANSWER_SECONDS)


def _wait_until(client: Admin, users: set[str], wanted: set[AclBinding]) -> None:
    """A broker applies permissions a moment after they are stored, and any broker may answer."""
    nodes = len(client.list_topics(timeout=ANSWER_SECONDS).brokers)
    deadline, agreeing = time.monotonic() + IN_FORCE_SECONDS, 0
    while agreeing < (1 if nodes == 1 else 4 * nodes):
        found = {one for one in _known(client) if one.principal in users}
        agreeing = agreeing + 1 if found == wanted else 0
        if time.monotonic() > deadline:
            raise RuntimeError(
                f"Kafka did not apply {len(wanted)} permissions in {IN_FORCE_SECONDS:g} s;"
                f" it lists {len(found)}"
            )
        if not agreeing:
            time.sleep(0.05)

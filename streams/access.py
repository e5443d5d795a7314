"""Who may do what on Kafka, derived from the table of steps (docs/security-matrix.md)."""

from collections.abc import Iterator
from dataclasses import replace

from infra.acls import (
    ALL,
    DESCRIBE,
    EVERYTHING,
    GROUP,
    READ,
    TOPIC,
    TRANSACTION,
    WRITE,
    Grant,
)
from processors.pipeline import ENRICHMENT, FIXITY, OTHER_FACTS, STEPS, router_steps
from schemas.catalogue import AUDIT_CHECKPOINTS, AUDIT_INTAKE, AUDIT_PREMIS, ORDERS, topic_of
from streams.kafka.client import (
    AUDITOR,
    OPERATOR,
    READ_BACK_GROUP,
    REPOSITORY,
    REQUESTS_GROUP,
    STATION,
    TRANSACTIONAL_ID,
)
from streams.topology import REDONE, TRACKER_INPUTS, TRACKER_OUTPUTS, groups, role_of, topics

USERS = {
    "router": "The router.",
    "worker": "The workers.",
    "tracker": "The tracker.",
    "sealer": "The sealer.",
    "projector": "The projector.",
    "watchdog": "The watchdog.",
    ENRICHMENT: "The role enrichment, in which models look at pages.",
    FIXITY: "`copystand fixity run` and `restore` on this machine; the watchdog runs the first.",
    STATION: "`copystand station submit` on this machine.",
    REPOSITORY: "`copystand packages follow` and `receive` on this machine.",
    OPERATOR: "All other commands on this machine.",
    AUDITOR: "Your own programs that read topics.",
}
"""Every user of a line except the owners of the cluster, with what connects as this user."""
WRITERS = {
    "driver": ("router", "worker"),
    "command line": (OPERATOR,),
}
"""The users behind a writer in the table of facts, where the names differ."""
OURS = "copystand."
"""The beginning of the names of the line's own groups."""


def grants(sealed: str = AUDIT_PREMIS.name) -> frozenset[Grant]:
    """Every permission of every user. Those for the topic of sealed records are also for `sealed`,
    its generation in use."""
    first = (*_writes(), *_roles_read(), *_sealing(), *_watching(), *_external())
    return frozenset((*first, *(one for grant in first for one in _also(grant, sealed))))


def _also(grant: Grant, sealed: str) -> Iterator[Grant]:
    if (grant.resource, grant.name) == (TOPIC, AUDIT_PREMIS.name):
        yield replace(grant, name=sealed)


def written_topics(user: str) -> list[str]:
    """The topics that a user may write, in the order of the catalogue."""
    return _named(user, WRITE)


def read_topics(user: str) -> list[str]:
    """The topics that a user may read, in the order of the catalogue."""
    return _named(user, READ)


def _named(user: str, operation: str) -> list[str]:
    own = {
        one.name
        for one in grants()
        if (one.user, one.resource, one.operation) == (user, TOPIC, operation)
    }
    return [topic.name for topic in topics() if topic.name in own]


def _writes() -> Iterator[Grant]:
    """Facts by the steps and roles that the table names, and their PREMIS events."""
    for step in STEPS:
        role = "router" if step in router_steps() else "worker"
        for fact in (step.gives, *step.also_gives):
            yield Grant(role, TOPIC, topic_of(fact.__name__).name, WRITE)
    for row in OTHER_FACTS:
        for name in row.by:
            for user in WRITERS.get(name, (name,)):
                yield Grant(user, TOPIC, topic_of(row.fact.__name__).name, WRITE)
    for topic in REDONE:
        yield Grant("tracker", TOPIC, topic, WRITE)
    yield Grant("tracker", TOPIC, ORDERS.name, WRITE)
    # The projector reports foreign records of the sealed log as events.
    for role in ("router", "worker", "tracker", "projector", FIXITY, ENRICHMENT):
        yield Grant(role, TOPIC, AUDIT_INTAKE.name, WRITE)


def _roles_read() -> Iterator[Grant]:
    for group, names in groups().items():
        role = role_of(group)
        yield Grant(role, GROUP, group, READ)
        for name in names:
            yield Grant(role, TOPIC, name, READ)
    # Its position is in PostgreSQL alone. It reads its own facts when the tables lack them.
    yield Grant(ENRICHMENT, GROUP, f"{OURS}{ENRICHMENT}", READ)
    for record in ("ItemCompleted", "PageAnalyzed"):
        yield Grant(ENRICHMENT, TOPIC, topic_of(record).name, READ)
    # After a loss the tracker publishes again what it had read.
    for name in TRACKER_INPUTS:
        yield Grant("tracker", TOPIC, name, WRITE)
    # A rebuild reads what the tracker has published.
    for name in (*TRACKER_OUTPUTS, *REDONE):
        yield Grant("tracker", TOPIC, name, READ)


def _sealing() -> Iterator[Grant]:
    yield Grant("sealer", TOPIC, AUDIT_PREMIS.name, WRITE)
    yield Grant("sealer", TOPIC, AUDIT_PREMIS.name, READ)
    yield Grant("sealer", TOPIC, AUDIT_CHECKPOINTS.name, WRITE)
    # Whether its home is older than what was signed.
    yield Grant("sealer", TOPIC, AUDIT_CHECKPOINTS.name, READ)
    yield Grant("sealer", GROUP, READ_BACK_GROUP, READ)
    yield Grant("sealer", TRANSACTION, TRANSACTIONAL_ID, WRITE)


def _watching() -> Iterator[Grant]:
    """Lag is computed from the offsets of all groups; a suspect partition is read."""
    for user in ("watchdog", OPERATOR):
        yield Grant(user, GROUP, OURS, DESCRIBE, prefix=True)
        for name in {name for names in groups().values() for name in names}:
            yield Grant(user, TOPIC, name, READ)
    yield Grant(OPERATOR, GROUP, REQUESTS_GROUP, READ)
    yield Grant(OPERATOR, TOPIC, topic_of("ControlDecided").name, READ)


def _external() -> Iterator[Grant]:
    yield Grant(REPOSITORY, TOPIC, topic_of("PackagePublished").name, READ)
    yield Grant(STATION, TOPIC, ORDERS.name, READ)
    for topic in topics():
        yield Grant(AUDITOR, TOPIC, topic.name, READ)
    for user in (REPOSITORY, AUDITOR):
        # They name their groups themselves, but may not move the offsets of the line.
        yield Grant(user, GROUP, EVERYTHING, READ)
        yield Grant(user, GROUP, OURS, ALL, prefix=True, allowed=False)

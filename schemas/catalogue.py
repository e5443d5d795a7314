"""Every topic: its name, record, key, partitions and policies (docs/contract.md §4)."""

from dataclasses import dataclass, field
from functools import cache

from schemas.models import Record

FOREVER_MS = 9223372036854775807
CENTURY_MS = 100 * 365 * 24 * 3600 * 1000
WORK_PARTITIONS = 12
LANES = (
    "intake",
    "preflight",
    "masters",
    "derivatives",
    "text",
    "metadata",
    "enrichment",
    "packages",
)


@dataclass(frozen=True)
class Topic:
    """A topic as it must exist."""

    name: str
    record: str | None
    """Record of its values; None where they are others' bytes or plain text."""
    key: str
    """What the key is."""
    partitions: int = WORK_PARTITIONS
    config: dict[str, str] = field(default_factory=dict, hash=False)
    logged: bool = True
    """Whether its facts owe PREMIS events (docs/contract.md §6)."""


def _fact(
    noun: str, participle: str, key: str, *, logged: bool = True, partitions: int = WORK_PARTITIONS
) -> Topic:
    name = f"digitization.{noun}.{participle}.v1"
    return Topic(
        name, f"{noun.title()}{participle.title()}", key, partitions, {"retention.ms": "-1"}, logged
    )


SEALED = {
    "cleanup.policy": "compact",
    "min.compaction.lag.ms": str(FOREVER_MS),
    "delete.retention.ms": str(CENTURY_MS),
    "flush.messages": "1",
    "retention.ms": "-1",
}
AUDIT_INTAKE = Topic(
    "digitization.audit.intake.v1",
    "PremisEvent",
    "event_id",
    1,
    {"retention.ms": "-1"},
    logged=False,
)
AUDIT_PREMIS = Topic(
    "digitization.audit.premis.v1", "PremisEvent", "event_id", 1, SEALED, logged=False
)
AUDIT_CHECKPOINTS = Topic(
    "digitization.audit.checkpoints.v1", None, "size", 1, {"retention.ms": "-1"}, logged=False
)

FACTS = (
    _fact("batch", "submitted", "batch_id", logged=False),
    _fact("page", "captured", "page_id", logged=False),
    _fact("package", "received", "package_id", logged=False),
    _fact("batch", "received", "batch_id"),
    _fact("capture", "accepted", "page_id"),
    _fact("receipt", "accepted", "package_id"),
    _fact("batch", "accepted", "batch_id"),
    _fact("item", "registered", "item_id"),
    _fact("page", "admitted", "page_id"),
    _fact("page", "acquired", "page_id"),
    _fact("page", "derived", "page_id"),
    _fact("page", "recognized", "page_id"),
    _fact("page", "described", "page_id"),
    _fact("page", "enriched", "page_id"),
    _fact("item", "completed", "item_id"),
    _fact("package", "published", "package_id"),
    _fact("batch", "settled", "batch_id"),
    _fact("work", "deferred", "subject id"),
    _fact("work", "quarantined", "subject id"),
    _fact("control", "requested", "subject id", logged=False, partitions=1),
    _fact("control", "decided", "subject id", partitions=1),
)
REDONE = tuple(
    Topic(
        f"digitization.work.redone.{lane}.v1",
        None,
        "key of the original",
        WORK_PARTITIONS,
        {"retention.ms": "-1"},
        logged=False,
    )
    for lane in LANES
)
TOPICS = (*FACTS, *REDONE, AUDIT_INTAKE, AUDIT_PREMIS, AUDIT_CHECKPOINTS)


@cache
def _by_record() -> dict[str, Topic]:
    return {topic.record: topic for topic in FACTS if topic.record}


def topic_of(record: str) -> Topic:
    """The topic of a fact. Raises KeyError for what is no fact."""
    return _by_record()[record]


def redone_topic(lane: str) -> str:
    """Name of the topic through which a lane gets work again."""
    return f"digitization.work.redone.{lane}.v1"


def facts_that_owe_events() -> tuple[Topic, ...]:
    """The topics whose facts must be found in the log, each with its PREMIS events."""
    return tuple(topic for topic in FACTS if topic.logged)


def key_of(fact: Record) -> str:
    """The message key of a fact: what its topic is keyed by."""
    kind = topic_of(type(fact).__name__).key
    head = fact.head  # type: ignore[attr-defined]
    if kind == "package_id":
        return str(fact.package_id)  # type: ignore[attr-defined]
    if kind == "subject id":
        origin = getattr(fact, "origin", None)
        narrowest = head.page_id or head.item_id or head.batch_id
        return str(narrowest or (origin.event_id if origin else head.event_id))
    return str(getattr(head, kind))

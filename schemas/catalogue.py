"""Every topic: its name, record, key, partitions and policies (docs/contract.md §4)."""

import re
from dataclasses import dataclass, field
from functools import cache

from schemas import models
from schemas.models import Fact, Head

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
    """A topic and its configuration."""

    name: str
    record: str | None
    """Record type of its values; None for copies of other messages and for plain text."""
    key: str
    """The meaning of the key."""
    partitions: int = WORK_PARTITIONS
    config: dict[str, str] = field(default_factory=dict, hash=False)


RETENTION_MS = {"PackageReceived": 30 * 24 * 3600 * 1000}
"""How long a topic keeps its records, if not for ever. Answers of repositories have free text of
persons; what the line keeps of them is in `receipt.accepted`, without the text."""


def _fact(model: type[Fact]) -> Topic:
    """The topic of a fact, named after its record type."""
    noun, participle = re.findall("[A-Z][a-z]+", model.__name__)
    return Topic(
        f"digitization.{noun.lower()}.{participle.lower()}.v1",
        model.__name__,
        model.topic_key,
        model.partitions or WORK_PARTITIONS,
        {"retention.ms": str(RETENTION_MS.get(model.__name__, -1))},
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
)
AUDIT_PREMIS = Topic("digitization.audit.premis.v1", "PremisEvent", "event_id", 1, SEALED)
AUDIT_CHECKPOINTS = Topic(
    "digitization.audit.checkpoints.v1", None, "size", 1, {"retention.ms": "-1"}
)

MODELS: tuple[type[Fact], ...] = tuple(
    one
    for one in vars(models).values()
    if isinstance(one, type) and issubclass(one, Fact)
    if one is not Fact
)
"""All facts (schemas/avro)."""
FACTS = tuple(_fact(model) for model in MODELS)
REDONE = tuple(
    Topic(
        f"digitization.work.redone.{lane}.v1",
        None,
        "key of the original",
        WORK_PARTITIONS,
        {"retention.ms": "-1"},
    )
    for lane in LANES
)
ORDERS = Topic(
    "copystand.orders",
    None,
    "order_id",
    1,
    {
        "cleanup.policy": "compact",
        "retention.ms": "-1",
        # Notes that a person deletes are gone when the log was compacted.
        "segment.ms": str(24 * 3600 * 1000),
        "max.compaction.lag.ms": str(24 * 3600 * 1000),
    },
)
"""The present state of each capture order as JSON, for stations. It is no fact: it follows from
requests and decisions."""
READY = Topic("copystand.ready", None, "none", 1, {"retention.ms": "3600000"})
"""`copystand up` creates it and writes to it to check the local broker; no role reads it."""
TOPICS = (*FACTS, *REDONE, AUDIT_INTAKE, AUDIT_PREMIS, AUDIT_CHECKPOINTS, ORDERS)


@cache
def _by_record() -> dict[str, Topic]:
    return {topic.record: topic for topic in FACTS if topic.record}


def topic_of(record: str) -> Topic:
    """The topic of a fact. Raises KeyError if the record is not a fact."""
    return _by_record()[record]


def redone_topic(lane: str) -> str:
    """Name of the retry topic of a lane. Raises ValueError for a lane that does not exist."""
    if lane not in LANES:
        raise ValueError(f"no lane is named {lane[:100]!r}")
    return f"digitization.work.redone.{lane}.v1"


def key_of(fact: Fact) -> str:
    """The message key of a fact."""
    kind, head = fact.topic_key, fact.head
    if kind == "subject id":
        origin = getattr(fact, "origin", None)
        narrowest = head.page_id or head.item_id or head.batch_id
        return str(narrowest or (origin.event_id if origin else head.event_id))
    return str(getattr(head if kind in Head.model_fields else fact, kind))

"""The checker of queues: at rest no reader has a message left that it has not finished.

It imports nothing of the line. Who reads what is written here a second time, so that a fault of the
line's own table shows; a new step is entered here too."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from tests.faults.checkers.finding import Finding
from tests.support.reader import INTAKE, PREMIS, Cluster, Raw

CHECKER = "queues"
ANSWER_SECONDS = 20.0
COORDINATOR_SECONDS = 60.0
WITHOUT_COORDINATOR = (
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
)
READERS = {
    "router": (
        *("batch.submitted", "page.captured", "package.received"),
        "work.redone.intake",
    ),
    "validate_batch": ("batch.received", "work.redone.preflight"),
    "acquire_page": ("page.admitted", "work.redone.masters"),
    "derive_page": ("page.acquired", "work.redone.derivatives"),
    "recognize_page": ("page.acquired", "work.redone.text"),
    "describe_page": ("page.acquired", "work.redone.metadata"),
    "enrich_page": ("page.recognized", "work.redone.enrichment"),
    "assemble_package": ("item.completed", "work.redone.packages"),
    "tracker": (
        *("batch.received", "capture.accepted", "receipt.accepted", "batch.accepted"),
        *("item.registered", "page.acquired", "page.derived", "page.recognized"),
        *("page.described", "page.enriched", "package.published"),
        *("work.deferred", "work.quarantined", "control.requested", "work.redone.intake"),
        *("fixity.checked", "object.restored"),
    ),
    "sealer": ("audit.intake",),
    "projector": ("audit.premis",),
}
"""Topics without prefix and version, by the reader whose consumer group finishes them."""
Place = tuple[str, int]


def check(brokers: Cluster, raws: Sequence[Raw]) -> list[Finding]:
    """A finding for each reader and topic with messages that are not finished."""
    places = {(raw.topic, raw.partition) for raw in raws}
    found: list[Finding] = []
    for reader in READERS:
        own = [place for place in places if place[0] in _topics(reader)]
        found += unfinished(reader, raws, _finished(brokers, f"copystand.{reader}", own))
    return found


def unfinished(reader: str, raws: Sequence[Raw], finished: Mapping[Place, int]) -> list[Finding]:
    """What stands behind the offsets up to which a reader has finished its partitions."""
    names = _topics(reader)
    left = Counter(
        raw.topic
        for raw in raws
        if raw.topic in names and raw.offset >= finished.get((raw.topic, raw.partition), 0)
    )
    return [
        Finding(CHECKER, "queue.not-drained", f"{reader}, {topic}", f"{many} messages are left")
        for topic, many in sorted(left.items())
    ]


def _topics(reader: str) -> tuple[str, ...]:
    named = {"audit.intake": INTAKE, "audit.premis": PREMIS}
    return tuple(named.get(name, f"digitization.{name}.v1") for name in READERS[reader])


def _finished(brokers: Cluster, group: str, places: Sequence[Place]) -> dict[Place, int]:
    if not places:
        return {}
    asked = [TopicPartition(*place) for place in places]
    consumer = Consumer({**brokers.client, "group.id": group})
    try:
        found = _committed(consumer, asked)
    finally:
        consumer.close()
    return {(one.topic, one.partition): max(one.offset, 0) for one in found}


def _committed(consumer: Consumer, asked: list[TopicPartition]) -> list[TopicPartition]:
    """The committed offsets, once the group has a coordinator: after a restart it is looked for."""
    deadline = time.monotonic() + COORDINATOR_SECONDS
    while True:
        try:
            return list(consumer.committed(asked, timeout=ANSWER_SECONDS))
        except KafkaException as failure:
            if failure.args[0].code() not in WITHOUT_COORDINATOR or time.monotonic() > deadline:
                raise
        time.sleep(1.0)

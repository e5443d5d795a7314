"""Roles, topics and consumer groups of a line, derived from the step table."""

from dataclasses import replace

from processors.pipeline import (
    ENRICHMENT,
    OTHER_FACTS,
    TABLE,
    TRACKER,
    read_by_tracker,
    router_steps,
    worker_steps,
)
from schemas.catalogue import (
    AUDIT_INTAKE,
    AUDIT_PREMIS,
    LANES,
    TOPICS,
    Topic,
    redone_topic,
    topic_of,
)

ROLES = ("router", "worker", "tracker", "sealer", "projector", "watchdog", "ingest")
BESIDE_THE_LINE = (ENRICHMENT,)
"""Roles that no batch waits for: the line starts, works and drains without them."""

FACTS_READ = tuple(topic_of(row.fact.__name__).name for row in TABLE if read_by_tracker(row))
RELEASED = redone_topic("intake")
"""Through this topic the tracker gets undecodable messages again after a release."""
TRACKER_INPUTS = (*FACTS_READ, RELEASED)
TRACKER_OUTPUTS = tuple(
    topic_of(row.fact.__name__).name for row in OTHER_FACTS if TRACKER in row.by
)
"""Facts that the tracker writes; the driver also writes work.quarantined."""
REDONE = tuple(redone_topic(lane) for lane in LANES)


def topics(sealed: str = AUDIT_PREMIS.name) -> tuple[Topic, ...]:
    """Every topic that must exist; `sealed` is the one with the sealed records."""
    later = () if sealed == AUDIT_PREMIS.name else (replace(AUDIT_PREMIS, name=sealed),)
    return (*TOPICS, *later)


def groups(sealed: str = AUDIT_PREMIS.name) -> dict[str, list[str]]:
    """Every consumer group whose offsets Kafka keeps, with its topics; `sealed` is the topic with
    the sealed records."""
    found = {
        "copystand.router": [
            *dict.fromkeys(step.topic for step in router_steps()),
            redone_topic("intake"),
        ],
        "copystand.sealer": [AUDIT_INTAKE.name],
        # The position is in PostgreSQL; `status` computes the lag from these offsets.
        "copystand.projector": [sealed],
        "copystand.tracker": list(TRACKER_INPUTS),
    }
    for step in worker_steps():
        found[step.group] = [step.topic, redone_topic(step.lane)]
    return found


def role_of(group: str) -> str:
    """The role that reads a group: its own name, or the worker, which reads one for each step."""
    name = group.removeprefix("copystand.")
    return name if name in ROLES else "worker"


def lane_of(group: str) -> str | None:
    """The lane of a step's group; None for the other groups."""
    lanes = [step.lane for step in (*router_steps(), *worker_steps()) if step.group == group]
    return lanes[0] if lanes else None

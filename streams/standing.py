"""How the line stands: the figures of its batches and of its roles."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import psycopg
from confluent_kafka import KafkaException
from psycopg.rows import dict_row

from infra import ports, topics
from streams import bootstrap
from streams.clients import packages
from streams.settings import Settings, noted

BATCH_FIGURES = """
SELECT batch_id, state, registered, packaged, quarantined, cancelled, in_flight
FROM line.batch_status ORDER BY received_at, batch_id
"""
UNFINISHED = ("submitted", "running")


def standing(settings: Settings, parts: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """All that `status` tells."""
    with ThreadPoolExecutor(3) as threads:
        batches = threads.submit(batch_figures, settings)
        roles = threads.submit(role_figures, settings, parts)
        late = threads.submit(unanswered, settings)
        return {"batches": batches.result(), "roles": roles.result(), "unanswered": late.result()}


def batch_figures(settings: Settings) -> list[dict[str, Any]]:
    """The four counts and the state of every batch; none while PostgreSQL is away."""
    try:
        with psycopg.connect(
            settings.dsn("tracker"), connect_timeout=3, row_factory=dict_row
        ) as line:
            return line.execute(BATCH_FIGURES).fetchall()
    except psycopg.OperationalError:
        return []


def unanswered(settings: Settings) -> dict[str, Any] | None:
    """How many packages nobody has answered in time; None while PostgreSQL is away."""
    try:
        with packages.asking(settings.dsn("auditor_ro")) as known:
            found = known.unanswered(timedelta(days=settings.answer_days))
    except psycopg.OperationalError:
        return None
    return {"days": settings.answer_days, "packages": found["count"], "oldest": found["oldest"]}


def role_figures(settings: Settings, parts: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Pid, state, restarts and lag of every part, and what it waits for; a lag nobody can tell is
    None."""
    lags = lag_by_role(settings)
    return [
        {"role": name, "lag": lags.get(name), **shown, "waits_for": noted(settings, name)}
        for name, shown in parts.items()
    ]


def lag_by_role(settings: Settings) -> dict[str, int]:
    """Records each role has still to finish, for the roles whose offsets Kafka keeps."""
    if not settings.kafka_brokers and not ports.answers(settings.ports()["kafka"]):
        return {}
    client = topics.admin(settings.kafka)
    groups = bootstrap.groups()
    found: dict[str, int] = {}
    try:
        names = {name for group in groups.values() for name in group}
        counts = topics.partition_counts(client, names)
        ends = topics.end_offsets(client, [(n, p) for n in names for p in range(counts[n])])
        with ThreadPoolExecutor(len(groups)) as threads:
            lags = threads.map(lambda group: _lag(client, group, groups[group], ends), groups)
            for group, lag in zip(groups, lags, strict=True):
                found[role_of(group)] = found.get(role_of(group), 0) + lag
    except KafkaException:
        return {}
    return found


def _lag(
    client: topics.Admin, group: str, names: list[str], ends: dict[tuple[str, int], int]
) -> int:
    own = {at: end for at, end in ends.items() if at[0] in names}
    committed = topics.committed_offsets(client, group, own)
    return sum(max(0, end - committed.get(at, 0)) for at, end in own.items())


def in_flight(settings: Settings) -> int:
    """Pages that are on their way, and records that no role has finished yet."""
    moving = [row for row in batch_figures(settings) if row["state"] in UNFINISHED]
    return sum(row["in_flight"] or 0 for row in moving) + sum(lag_by_role(settings).values())


def role_of(group: str) -> str:
    """The role that reads a group: its own name, or the worker, which reads one for each step."""
    name = group.removeprefix("copystand.")
    return name if name in bootstrap.ROLES else "worker"

"""How the line stands: the figures of its batches and of its roles."""

from typing import Any

import psycopg
from confluent_kafka import KafkaException
from psycopg.rows import dict_row

from infra import ports, topics
from streams import bootstrap
from streams.settings import Settings

BATCH_FIGURES = """
SELECT batch_id, state, registered, packaged, quarantined, cancelled, in_flight
FROM line.batch_status ORDER BY batch_id
"""
UNFINISHED = ("submitted", "running")


def batch_figures(settings: Settings) -> list[dict[str, Any]]:
    """The four counts and the state of every batch; none while PostgreSQL is away."""
    try:
        with psycopg.connect(
            settings.dsn("tracker"), connect_timeout=3, row_factory=dict_row
        ) as line:
            return line.execute(BATCH_FIGURES).fetchall()
    except psycopg.OperationalError:
        return []


def role_figures(settings: Settings, parts: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Pid, state, restarts and lag of every part; a lag nobody can tell is None."""
    lags = lag_by_role(settings)
    return [{"role": name, "lag": lags.get(name), **shown} for name, shown in parts.items()]


def lag_by_role(settings: Settings) -> dict[str, int]:
    """Records each role has still to finish, for the roles whose offsets Kafka keeps."""
    if not settings.kafka_brokers and not ports.answers(settings.ports()["kafka"]):
        return {}
    client = topics.admin(settings.kafka)
    found: dict[str, int] = {}
    try:
        for group, names in bootstrap.groups().items():
            role = role_of(group)
            found[role] = found.get(role, 0) + topics.lag(client, group, names)
    except KafkaException:
        return {}
    return found


def in_flight(settings: Settings) -> int:
    """Pages that are on their way, and records that no role has finished yet."""
    moving = [row for row in batch_figures(settings) if row["state"] in UNFINISHED]
    return sum(row["in_flight"] or 0 for row in moving) + sum(lag_by_role(settings).values())


def role_of(group: str) -> str:
    """The role that reads a group: its own name, or the worker, which reads one for each step."""
    name = group.removeprefix("copystand.")
    return name if name in bootstrap.ROLES else "worker"

"""What takes a moment to find out: lags by asking the broker, packages that nobody answered."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import psycopg
from confluent_kafka import KafkaException

from infra import ports
from streams.clients.repository import packages
from streams.monitoring.consumer_lag import ConsumerGroups, GroupLag
from streams.settings import Settings
from streams.topology import role_of


def lag_by_role(settings: Settings, groups: ConsumerGroups) -> dict[str, int]:
    """Records each role has still to finish; none while the broker is away."""
    if not settings.kafka_brokers and not any(
        map(ports.accepts_connections, ports.brokers(settings.ports()))
    ):
        return {}
    try:
        return by_role(groups.standing())
    except (KafkaException, KeyError):
        return {}


def by_role(standing: Mapping[str, GroupLag]) -> dict[str, int]:
    """Lags of groups, summed for the role that reads them."""
    found: dict[str, int] = {}
    for group, one in standing.items():
        found[role_of(group)] = found.get(role_of(group), 0) + one.lag
    return found


def unanswered_packages(settings: Settings) -> dict[str, Any] | None:
    """How many packages nobody has answered in time; None while PostgreSQL is away."""
    try:
        with packages.package_queries(settings.dsn("auditor_ro")) as known:
            found = known.unanswered(timedelta(days=settings.answer_days))
    except psycopg.OperationalError:
        return None
    return {"days": settings.answer_days, "packages": found["count"], "oldest": found["oldest"]}

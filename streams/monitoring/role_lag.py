"""Figures that take a moment: the lag of each role, and packages without an answer."""

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any

import psycopg
from confluent_kafka import KafkaException

from infra import ports
from streams.audit.generations import LOG, topic_in_use
from streams.clients.repository import packages
from streams.monitoring.consumer_lag import ConsumerGroups, GroupLag
from streams.settings import Settings
from streams.topology import role_of


def groups_of(settings: Settings, user: str) -> ConsumerGroups:
    """The groups of the line of these settings, as this user sees them."""
    return ConsumerGroups(settings.kafka_as(user), partial(topic_in_use, settings.home / LOG))


def current_lags(settings: Settings, groups: ConsumerGroups) -> dict[str, int]:
    """The lag of each role; empty while the broker is unavailable."""
    if not settings.kafka_brokers and not any(
        map(ports.accepts_connections, ports.brokers(settings.ports()))
    ):
        return {}
    try:
        return sum_by_role(groups.lags())
    except (KafkaException, KeyError):
        return {}


def sum_by_role(lags: Mapping[str, GroupLag]) -> dict[str, int]:
    """The lags of groups, summed for the role that reads them."""
    found: dict[str, int] = {}
    for group, one in lags.items():
        found[role_of(group)] = found.get(role_of(group), 0) + one.lag
    return found


def unanswered_packages(settings: Settings) -> dict[str, Any] | None:
    """How many packages no repository answered in time; None while PostgreSQL is unavailable."""
    try:
        with packages.package_queries(settings.dsn("auditor_ro")) as queries:
            found = queries.unanswered(timedelta(days=settings.answer_days))
    except psycopg.Error:
        return None
    return {"days": settings.answer_days, "packages": found["count"], "oldest": found["oldest"]}

"""How the line stands: the figures of its batches, and what the watchdog saw of its roles."""

import json
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import dict_row

from streams.runtime.role_files import wait_reason
from streams.settings import Settings

if TYPE_CHECKING:  # it loads Kafka's client, for which `status` need not wait
    from streams.monitoring.consumer_lag import ConsumerGroups

BATCH_FIGURES = """
SELECT batch_id, state, registered, packaged, quarantined, cancelled, in_flight
FROM line.batch_status ORDER BY received_at, batch_id
"""
UNFINISHED = ("submitted", "running")
FRESH_SECONDS = 10.0


def line_status(settings: Settings, parts: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """All that `status` tells. Lags, lanes and retries are some seconds old."""
    look = last_look(settings) or _measured(settings)
    roles = [
        {
            "role": name,
            "lag": look["lags"].get(name),
            **shown,
            "waits_for": wait_reason(settings, name),
        }
        for name, shown in parts.items()
    ]
    told = {name: look[name] for name in ("unanswered", "lanes", "retries", "quiet", "checks")}
    return {"batches": batch_figures(settings), "roles": roles, **told}


def batch_figures(settings: Settings) -> list[dict[str, Any]]:
    """The four counts and the state of every batch; none while PostgreSQL is away."""
    try:
        with psycopg.connect(
            settings.dsn("tracker"), connect_timeout=3, row_factory=dict_row
        ) as line:
            return line.execute(BATCH_FIGURES).fetchall()
    except psycopg.OperationalError:
        return []


def watch_file(settings: Settings) -> Path:
    """Where the watchdog's last look stands."""
    return settings.run / "watch.json"


def last_look(settings: Settings) -> dict[str, Any] | None:
    """What the watchdog wrote last; None when that is old or was never."""
    place = watch_file(settings)
    try:
        if abs(time.time() - place.stat().st_mtime) > FRESH_SECONDS:
            return None
        found: dict[str, Any] = json.loads(place.read_text("utf-8"))
    except (OSError, json.JSONDecodeError):
        return None
    return found


def in_flight(settings: Settings, groups: "ConsumerGroups") -> int:
    """Pages that are on their way, and records that no role has finished yet, at this moment."""
    from streams.monitoring.role_lag import lag_by_role

    moving = [row for row in batch_figures(settings) if row["state"] in UNFINISHED]
    lags = lag_by_role(settings, groups)
    return sum(row["in_flight"] or 0 for row in moving) + sum(lags.values())


def _measured(settings: Settings) -> dict[str, Any]:
    """What can be told without the watchdog. Loaded late: it knows every step and Kafka."""
    from streams.monitoring.consumer_lag import ConsumerGroups
    from streams.monitoring.role_lag import lag_by_role, unanswered_packages

    with closing(ConsumerGroups(settings.kafka)) as groups:
        lags = lag_by_role(settings, groups)
    told = {"lags": lags, "unanswered": unanswered_packages(settings)}
    seen: dict[str, Any] = {"lanes": {}, "retries": [], "quiet": []}
    return told | seen | {"checks": {"watchdog": "has not looked lately"}}

"""The status of the line: the figures of its batches, and the watchdog's last report."""

import json
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import dict_row

from streams.kafka.client import OPERATOR
from streams.named_queries import NamedQueries
from streams.runtime.role_files import wait_reason
from streams.settings import Settings

if TYPE_CHECKING:  # it loads the Kafka client, which `status` does not need
    from streams.monitoring.consumer_lag import ConsumerGroups

QUERY = NamedQueries(Path(__file__).with_name("queries.sql"))
UNFINISHED = ("submitted", "running")
FRESH_SECONDS = 10.0


def line_status(settings: Settings, parts: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The document of `copystand status`. Lags, lanes and retries are some seconds old."""
    report = watchdog_report(settings) or _own_report(settings)
    roles = [
        {
            "role": name,
            "lag": report["lags"].get(name),
            **part,
            "waits_for": wait_reason(settings, name),
        }
        for name, part in parts.items()
    ]
    others = {name: report[name] for name in ("unanswered", "lanes", "retries", "quiet", "checks")}
    return {"batches": batch_figures(settings), "roles": roles, **others}


def batch_figures(settings: Settings) -> list[dict[str, Any]]:
    """The counts and the state of every batch; empty while PostgreSQL is unavailable."""
    try:
        with psycopg.connect(
            settings.dsn("tracker"), connect_timeout=3, row_factory=dict_row
        ) as connection:
            return connection.execute(QUERY("batch_figures")).fetchall()
    except psycopg.OperationalError:
        return []


def watch_file(settings: Settings) -> Path:
    """The file with the watchdog's last report."""
    return settings.run / "watch.json"


def watchdog_report(settings: Settings) -> dict[str, Any] | None:
    """The watchdog's last report; None when it is old or missing."""
    file = watch_file(settings)
    try:
        if abs(time.time() - file.stat().st_mtime) > FRESH_SECONDS:
            return None
        report: dict[str, Any] = json.loads(file.read_text("utf-8"))
    except (OSError, json.JSONDecodeError):
        return None
    return report


def in_flight(settings: Settings, groups: "ConsumerGroups") -> int:
    """Pages in flight, and records that no role has finished, at this moment."""
    from streams.monitoring.role_lag import current_lags

    unfinished = [row for row in batch_figures(settings) if row["state"] in UNFINISHED]
    lags = current_lags(settings, groups)
    return sum(row["in_flight"] or 0 for row in unfinished) + sum(lags.values())


def _own_report(settings: Settings) -> dict[str, Any]:
    """What can be found out without the watchdog. Imported late: it loads all steps and Kafka."""
    from streams.monitoring.consumer_lag import ConsumerGroups
    from streams.monitoring.role_lag import current_lags, unanswered_packages

    with closing(ConsumerGroups(settings.kafka_as(OPERATOR))) as groups:
        lags = current_lags(settings, groups)
    return {
        "lags": lags,
        "unanswered": unanswered_packages(settings),
        "lanes": {},
        "retries": [],
        "quiet": [],
        "checks": {"watchdog": f"no report for more than {FRESH_SECONDS:g} s"},
    }

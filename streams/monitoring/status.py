"""The status of the line: the figures of its batches, and the watchdog's last report."""

import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import dict_row

from infra.files import read_json
from streams.kafka.client import OPERATOR
from streams.named_queries import NamedQueries
from streams.runtime.lane_report import read_lane_report
from streams.runtime.role_files import wait_reason
from streams.settings import Settings
from streams.storage.cache.home_cache import cache_document
from streams.traffic.figures import traffic_document
from streams.traffic.traffic import Traffic

if TYPE_CHECKING:  # it loads the Kafka client, which `status` does not need
    from streams.monitoring.consumer_lag import ConsumerGroups

QUERY = NamedQueries(Path(__file__).with_name("queries.sql"))
UNFINISHED = ("submitted", "running")
FRESH_SECONDS = 10.0


NO_ANSWER = "no answer"
"""State of a part that runs and does not answer."""


def line_status(
    settings: Settings, parts: dict[str, dict[str, Any]], stopped: str = ""
) -> dict[str, Any]:
    """The document of `copystand status`. Lags, lanes and retries are some seconds old.

    `cache` has the figures of the local copies; None without a bucket.
    `database` says why the batches are unknown; None while PostgreSQL answers. `stopped` says why
    the whole line is stopped; it is not asked then. `persons` is the number of registered persons,
    None if it is unknown. `traffic` is None without limits."""
    batches, persons, fault = ([], None, stopped) if stopped else _figures(settings)
    report = watchdog_report(settings) or _own_report(settings)
    roles = [
        {
            "role": name,
            "lag": report["lags"].get(name),
            **part,
            **({"state": NO_ANSWER} if fault and _seems_ready(name, part) else {}),
            "waits_for": wait_reason(settings, name),
        }
        for name, part in parts.items()
    ]
    names = ("unanswered", "lanes", "retries", "quiet", "checks")
    others = {name: report[name] for name in names}
    # A watchdog of an earlier version does not count them.
    others["failed_objects"] = report.get("failed_objects")
    others["untaken_orders"] = report.get("untaken_orders", [])
    others["limits"] = dict(read_lane_report(settings).limits)
    others["cache"] = cache_document(settings)
    figures = {"batches": batches, "roles": roles, "database": fault, "persons": persons}
    return {**figures, **others, "traffic": traffic_document(Traffic(settings.home))}


def _figures(settings: Settings) -> tuple[list[dict[str, Any]], int | None, str | None]:
    """The figures of the batches, the number of registered persons, and why they are unknown."""
    try:
        return batch_figures(settings), registered_persons(settings), None
    except psycopg.Error as error:
        return [], None, str(error).strip() or type(error).__name__


def _seems_ready(name: str, part: dict[str, Any]) -> bool:
    return name == "postgres" and part["state"] == "ready"


def batch_figures(settings: Settings) -> list[dict[str, Any]]:
    """The counts and the state of every batch. Raises psycopg.Error."""
    with _connect(settings) as connection:
        return connection.execute(QUERY("batch_figures")).fetchall()


def registered_persons(settings: Settings) -> int:
    """How many persons are registered. Raises psycopg.Error."""
    with _connect(settings) as connection:
        rows = connection.execute(QUERY("registered_persons")).fetchall()
        return int(rows[0]["persons"])


def _connect(settings: Settings) -> psycopg.Connection[dict[str, Any]]:
    return psycopg.connect(settings.dsn("tracker"), connect_timeout=3, row_factory=dict_row)


def watch_file(settings: Settings) -> Path:
    """The file with the watchdog's last report."""
    return settings.run / "watch.json"


def watchdog_report(settings: Settings) -> dict[str, Any] | None:
    """The watchdog's last report; None when it is old or missing."""
    file = watch_file(settings)
    try:
        if abs(time.time() - file.stat().st_mtime) > FRESH_SECONDS:
            return None
    except OSError:
        return None
    return read_json(file) or None


def in_flight(settings: Settings, groups: "ConsumerGroups") -> int:
    """Pages in flight, and records that no role has finished, at this moment.

    Raises psycopg.Error or KafkaException when a server does not answer: nothing is known then."""
    from streams.monitoring.role_lag import sum_by_role

    unfinished = [row for row in batch_figures(settings) if row["state"] in UNFINISHED]
    lags = sum_by_role(groups.lags())
    return sum(row["in_flight"] or 0 for row in unfinished) + sum(lags.values())


def _own_report(settings: Settings) -> dict[str, Any]:
    """What can be found out without the watchdog. Imported late: it loads all steps and Kafka."""
    from streams.monitoring.role_lag import current_lags, groups_of, unanswered_packages

    with closing(groups_of(settings, OPERATOR)) as groups:
        lags = current_lags(settings, groups)
    return {
        "lags": lags,
        "unanswered": unanswered_packages(settings),
        "lanes": {},
        "retries": [],
        "quiet": [],
        "checks": {"watchdog": f"no report for more than {FRESH_SECONDS:g} s"},
    }

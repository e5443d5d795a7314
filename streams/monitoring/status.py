"""The status of the line: the figures of its batches, and the watchdog's last report."""

import json
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import dict_row

from streams.named_queries import NamedQueries
from streams.runtime.role_files import wait_reason
from streams.settings import Settings
from streams.supervisor.state import stopped_for_space

if TYPE_CHECKING:  # it loads the Kafka client, which `status` does not need
    from streams.monitoring.consumer_lag import ConsumerGroups

QUERY = NamedQueries(Path(__file__).with_name("queries.sql"))
UNFINISHED = ("submitted", "running")
FRESH_SECONDS = 10.0


def line_status(settings: Settings, state: dict[str, Any]) -> dict[str, Any]:
    """The document of `copystand status`. Lags, lanes and retries are some seconds old.

    `state` is that of the supervisor. `problem` says why the batches are not known."""
    batches, problem = _batches(settings, stopped_for_space(state))
    report = watchdog_report(settings) or _own_report(settings, problem)
    roles = [
        {
            "role": name,
            "lag": report["lags"].get(name),
            **part,
            "waits_for": wait_reason(settings, name),
        }
        for name, part in state.get("parts", {}).items()
    ]
    others = {name: report[name] for name in ("unanswered", "lanes", "retries", "quiet", "checks")}
    return {"batches": batches, "roles": roles, "problem": problem, **others}


def _batches(settings: Settings, stopped: str) -> tuple[list[dict[str, Any]], str]:
    """The figures of all batches, and why there are none."""
    if stopped:
        return [], stopped
    try:
        return read_batch_figures(settings), ""
    except psycopg.OperationalError as error:
        return [], f"PostgreSQL does not answer: {str(error).strip()}"


def batch_figures(settings: Settings) -> list[dict[str, Any]]:
    """The counts and the state of every batch; empty while PostgreSQL is unavailable."""
    return _batches(settings, "")[0]


def read_batch_figures(settings: Settings) -> list[dict[str, Any]]:
    """The counts and the state of every batch. Raises psycopg.OperationalError."""
    with psycopg.connect(
        settings.dsn("tracker"), connect_timeout=3, row_factory=dict_row
    ) as connection:
        return connection.execute(QUERY("batch_figures")).fetchall()


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
    """Pages in flight, and records that no role has finished, at this moment.

    At least 1 while PostgreSQL is unavailable."""
    from streams.monitoring.role_lag import current_lags

    batches, problem = _batches(settings, "")
    if problem:
        return 1
    unfinished = [row for row in batches if row["state"] in UNFINISHED]
    lags = current_lags(settings, groups)
    return sum(row["in_flight"] or 0 for row in unfinished) + sum(lags.values())


def _own_report(settings: Settings, problem: str) -> dict[str, Any]:
    """What can be found out without the watchdog. Imported late: it loads all steps and Kafka."""
    if problem:
        nothing: dict[str, Any] = {"lags": {}, "unanswered": None, "lanes": {}}
        return nothing | {"retries": [], "quiet": [], "checks": {"line": problem}}
    from streams.monitoring.consumer_lag import ConsumerGroups
    from streams.monitoring.role_lag import current_lags, unanswered_packages

    with closing(ConsumerGroups(settings.kafka)) as groups:
        lags = current_lags(settings, groups)
    return {
        "lags": lags,
        "unanswered": unanswered_packages(settings),
        "lanes": {},
        "retries": [],
        "quiet": [],
        "checks": {"watchdog": f"no report for more than {FRESH_SECONDS:g} s"},
    }

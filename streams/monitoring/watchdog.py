"""The watchdog role: monitors every role from outside, and ends one that makes no progress.

The supervisor ends a role that gives no sign of life. The watchdog ends a role that is alive, has
work and all that it needs, and finishes nothing. Both are then started again, as after a crash."""

import json
import logging
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import psycopg
from confluent_kafka import KafkaException

from infra.files import write_json
from schemas.times import written
from streams.fixity.schedule import FixitySchedule
from streams.monitoring.consumer_lag import ConsumerGroups, GroupLag, StallDetector
from streams.monitoring.health_server import Health, serve
from streams.monitoring.role_lag import sum_by_role, unanswered_packages
from streams.monitoring.status import QUERY, watch_file
from streams.runtime.lane_report import read_lane_report
from streams.runtime.lifecycle import shutdown_signal
from streams.runtime.role_files import announce_ready, role_file, wait_reason
from streams.settings import Settings
from streams.storage.cache.home_cache import cache_document
from streams.storage.disk_reserve import reserve_of
from streams.supervisor.state import read_state, stopped_for_space
from streams.topology import lane_of, role_of

log = logging.getLogger(__name__)

CHECK_EVERY_SECONDS = 2.0
STALL_LIMIT_SECONDS = {"worker": 3600.0}
"""How long a role may finish nothing. One validation or package may take the worker long."""
STALL_LIMIT_SECONDS_OF_OTHERS = 600.0
SEAL_LIMIT_SECONDS = 60.0
NO_ANSWER = "does not answer"
NO_FIGURES: dict[str, Any] = {
    "retries": [],
    "quiet": [],
    "failed_objects": None,
    "untaken_orders": [],
}
Connection = psycopg.Connection[dict[str, Any]]


def run_watchdog(
    settings: Settings, watchdog: "Watchdog", schedule: FixitySchedule | None = None
) -> None:
    """Check until SIGTERM; write each report to the home and serve it on /health. Start what is
    scheduled."""
    stop = shutdown_signal(settings, "watchdog")
    health = Health()
    server = serve(health, settings.health_port)
    announce_ready(settings, "watchdog")
    while not stop.is_set():
        report = watchdog.check()
        # A full disk must not end the watchdog, which reports it.
        with suppress(OSError):
            write_json(watch_file(settings), report, durable=False)
        health.update(report)
        if schedule is not None:
            schedule.tick()
        stop.wait(CHECK_EVERY_SECONDS)
    if schedule is not None:
        schedule.close()
    server.shutdown()
    watchdog.close()


class Watchdog:
    """Checks the broker, the database, the disk and the consumer groups."""

    def __init__(
        self, settings: Settings, groups: ConsumerGroups, connect: Callable[[], Connection]
    ) -> None:
        """Has checked nothing yet. `connect` opens a connection to the tables of the line."""
        self._settings, self._groups, self._connect = settings, groups, connect
        self._reserve = reserve_of(settings)
        self._stalls = StallDetector()
        self._untaken: set[str] = set()
        """Orders of which the log has a line."""

    def check(self) -> dict[str, Any]:
        """The report of this moment, for run/watch.json and /health. May end a stalled role."""
        state = read_state(self._settings.home)
        stopped = stopped_for_space(state)
        lags, broker = ({}, stopped) if stopped else self._lags()
        figures, database = (NO_FIGURES, stopped) if stopped else self._figures()
        waits_for = {role: wait_reason(self._settings, role) for role in map(role_of, lags)}
        servers_answer = broker == database == ""
        lanes, now = read_lane_report(self._settings), time.time()

        def can_progress(group: str) -> bool:
            waits = waits_for[role_of(group)] or lanes.holds(lane_of(group), now)
            return servers_answer and not waits

        stalled = self._stalls.stalled_seconds(lags, can_progress, time.monotonic())
        self._end_stalled_role(stalled)
        checks = {
            "broker": broker,
            "database": database,
            "space": stopped or self._space(),
            "sealing": _sealing(stalled),
            **{role: reason for role, reason in waits_for.items() if reason},
            **_unready_parts(state),
        }
        return {
            "at": written(datetime.now(UTC)),
            "checks": {name: fault for name, fault in checks.items() if fault},
            "groups": {
                group: {"lag": one.lag, "still_seconds": round(stalled[group])}
                for group, one in lags.items()
            },
            "cache": cache_document(self._settings),
            "lags": sum_by_role(lags),
            "lanes": _by_lane(lags, stalled),
            # A database that does not answer is not asked twice, so that a check stays short.
            "unanswered": None if database else unanswered_packages(self._settings),
            **figures,
        }

    def close(self) -> None:
        """Close the connections to the broker."""
        self._groups.close()

    def _lags(self) -> tuple[dict[str, GroupLag], str]:
        """The lag of every group, and the fault of the broker, if any."""
        try:
            return self._groups.lags(), ""
        except (KafkaException, KeyError) as error:
            return {}, f"{NO_ANSWER}: {error}"

    def _figures(self) -> tuple[dict[str, Any], str]:
        """Waiting retries, quiet batches, the number of failed objects and untaken orders, and the
        fault of the database, if any."""
        minutes = {"minutes": self._settings.quiet_minutes}
        hours = {"hours": self._settings.order_hours}
        try:
            with self._connect() as connection:
                retries = connection.execute(QUERY("waiting_retries")).fetchall()
                quiet = connection.execute(QUERY("quiet_batches"), minutes).fetchall()
                failed = connection.execute(QUERY("failed_objects")).fetchall()
                untaken = connection.execute(QUERY("untaken_orders"), hours).fetchall()
        except psycopg.Error as error:
            return NO_FIGURES, f"{NO_ANSWER}: {str(error).strip()}"
        self._log_untaken(untaken)
        return {
            "untaken_orders": [row | {"placed_at": written(row["placed_at"])} for row in untaken],
            "retries": [row | {"next": written(row["next"])} for row in retries],
            "quiet": [row | {"since": written(row["since"])} for row in quiet],
            "failed_objects": failed[0]["open"] if failed else None,
        }, ""

    def _log_untaken(self, orders: list[dict[str, Any]]) -> None:
        """One line for each order, when it is found first."""
        for one in orders:
            if one["order_id"] not in self._untaken:
                found = {"order_id": one["order_id"], "placed_at": written(one["placed_at"])}
                log.warning("order untaken", extra={"code": "order.untaken", **found})
        self._untaken = {one["order_id"] for one in orders}

    def _space(self) -> str:
        shortage = self._reserve.shortage()
        return f"work waits for free space: {shortage}" if shortage else ""

    def _end_stalled_role(self, stalled: dict[str, float]) -> None:
        for group, seconds in stalled.items():
            role = role_of(group)
            if seconds < STALL_LIMIT_SECONDS.get(role, STALL_LIMIT_SECONDS_OF_OTHERS):
                continue
            log.error("stalled role killed", extra={"group": group, "stalled_seconds": seconds})
            self._stalls = StallDetector()
            try:
                pid = json.loads(role_file(self._settings, role, "json").read_text())["pid"]
                os.kill(pid, signal.SIGKILL)
            except (FileNotFoundError, ProcessLookupError, ValueError, KeyError):
                log.warning("stalled role is not a process of this home", extra={"role": role})
            return


def _unready_parts(state: dict[str, Any]) -> dict[str, str]:
    """Processes that the supervisor of this home is starting again, with their states."""
    # In containers there is no such supervisor: the engine restarts each role.
    parts = state.get("parts", {}).items()
    return {name: part["state"] for name, part in parts if part["state"] != "ready"}


def _sealing(stalled: dict[str, float]) -> str:
    seconds = stalled.get("copystand.sealer", 0.0)
    return f"no event sealed for {seconds:.0f} s" if seconds > SEAL_LIMIT_SECONDS else ""


def _by_lane(lags: dict[str, GroupLag], stalled: dict[str, float]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for group, one in lags.items():
        lane = lane_of(group)
        if lane is not None:
            found[lane] = {"lag": one.lag, "still_seconds": round(stalled[group])}
    return found

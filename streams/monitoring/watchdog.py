"""The watchdog: sees from outside how far every role is, and ends one that does not move.

The supervisor ends a role that gives no sign of life; this one ends a role that lives, has work and
all that it needs, and yet finishes nothing. Both come back as after a crash."""

import json
import logging
import os
import shutil
import signal
import time
from datetime import UTC, datetime
from typing import Any

import psycopg
from confluent_kafka import KafkaException
from psycopg.rows import dict_row

from infra import ports
from schemas.times import written
from streams.monitoring.consumer_lag import ConsumerGroups, GroupLag, StallDetector
from streams.monitoring.health_server import Health, serve
from streams.monitoring.role_lag import by_role, unanswered_packages
from streams.monitoring.status import watch_file
from streams.runtime.lifecycle import shutdown_signal
from streams.runtime.role_files import announce_ready, role_file, wait_reason
from streams.settings import Settings
from streams.supervisor.state import read_state
from streams.topology import lane_of, role_of

log = logging.getLogger(__name__)

LOOK_EVERY_SECONDS = 2.0
STILL_SECONDS = {"worker": 3600.0}
"""How long a role may finish nothing; one validation or package may take the worker long."""
STILL_SECONDS_OF_OTHERS = 600.0
SEAL_SECONDS = 60.0
WAITING_RETRIES = """
SELECT headers->0->>1 AS step, count(*) AS waiting, min(not_before) AS next
FROM line.outbox WHERE not_before IS NOT NULL GROUP BY 1 ORDER BY 1
"""
QUIET_BATCHES = """
SELECT batch_id, since, waits_for FROM line.quiet_batches
WHERE since < now() - %s * interval '1 minute' ORDER BY since, batch_id
"""


def run_watchdog(settings: Settings) -> None:
    """Look until told to stop."""
    stop = shutdown_signal(settings, "watchdog")
    health = Health()
    server = serve(health, settings.health_port)
    watchdog = Watchdog(settings)
    announce_ready(settings, "watchdog")
    while not stop.is_set():
        document = watchdog.look()
        ports.write_json(watch_file(settings), document)
        health.saw(document)
        stop.wait(LOOK_EVERY_SECONDS)
    server.shutdown()
    watchdog.close()


class Watchdog:
    """Looks at broker, database, disk and groups; remembers since when nothing moved."""

    def __init__(self, settings: Settings) -> None:
        """Has not looked yet."""
        self._settings = settings
        self._groups: ConsumerGroups | None = None
        self._progress = StallDetector()

    def look(self) -> dict[str, Any]:
        """What is seen now, as run/watch.json and /health tell it."""
        standing, broker = self._lags()
        line, database = self._asked_of_the_database()
        waits = {role: wait_reason(self._settings, role) for role in map(role_of, standing)}
        able = broker == database == ""
        still = self._progress.still_for(
            standing, lambda group: able and not waits[role_of(group)], time.monotonic()
        )
        self._end_who_stands_still(still)
        checks = {
            "broker": broker,
            "database": database,
            "space": self._space(),
            "sealing": self._sealing(still),
            **{role: text for role, text in waits.items() if text},
            **self._parts(),
        }
        return {
            "at": written(datetime.now(UTC)),
            "checks": {name: found for name, found in checks.items() if found},
            "groups": {
                group: {"lag": one.lag, "still_seconds": round(still[group])}
                for group, one in standing.items()
            },
            "lags": by_role(standing),
            "lanes": _by_lane(standing, still),
            # Whoever gives no answer is not asked twice: this role must give signs of life, too.
            "unanswered": None if database else unanswered_packages(self._settings),
            **line,
        }

    def close(self) -> None:
        """Let go of the broker."""
        if self._groups is not None:
            self._groups.close()

    def _lags(self) -> tuple[dict[str, GroupLag], str]:
        try:
            if self._groups is None:
                self._groups = ConsumerGroups(self._settings.kafka)
            return self._groups.standing(), ""
        except (KafkaException, KeyError) as away:
            return {}, f"does not answer: {away}"

    def _asked_of_the_database(self) -> tuple[dict[str, list[dict[str, Any]]], str]:
        try:
            with psycopg.connect(
                self._settings.dsn("tracker"), connect_timeout=3, row_factory=dict_row
            ) as line:
                retries = line.execute(WAITING_RETRIES).fetchall()
                quiet = line.execute(QUIET_BATCHES, (self._settings.quiet_minutes,)).fetchall()
        except psycopg.Error as away:
            return {"retries": [], "quiet": []}, f"does not answer: {str(away).strip()}"
        return {
            "retries": [row | {"next": written(row["next"])} for row in retries],
            "quiet": [row | {"since": written(row["since"])} for row in quiet],
        }, ""

    def _space(self) -> str:
        free = shutil.disk_usage(self._settings.home).free
        reserve = self._settings.reserve_bytes
        return f"{free} bytes free, {reserve} are kept in reserve" if free < reserve else ""

    def _sealing(self, still: dict[str, float]) -> str:
        seconds = still.get("copystand.sealer", 0.0)
        return f"no event was sealed for {seconds:.0f} s" if seconds > SEAL_SECONDS else ""

    def _parts(self) -> dict[str, str]:
        """Parts that the supervisor of this home has to start again."""
        # Containers have none: each role has a supervisor of another kind.
        parts = read_state(self._settings.home).get("parts", {}).items()
        return {name: part["state"] for name, part in parts if part["state"] != "ready"}

    def _end_who_stands_still(self, still: dict[str, float]) -> None:
        for group, seconds in still.items():
            role = role_of(group)
            if seconds < STILL_SECONDS.get(role, STILL_SECONDS_OF_OTHERS):
                continue
            log.error("ending a role that stands still", extra={"group": group, "still": seconds})
            self._progress = StallDetector()
            try:
                pid = json.loads(role_file(self._settings, role, "json").read_text())["pid"]
                os.kill(pid, signal.SIGKILL)
            except (FileNotFoundError, ProcessLookupError):
                log.warning("not a process of this home; its own supervisor must end it")
            return


def _by_lane(standing: dict[str, GroupLag], still: dict[str, float]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for group, one in standing.items():
        lane = lane_of(group)
        if lane is not None:
            found[lane] = {"lag": one.lag, "still_seconds": round(still[group])}
    return found

"""Waits for the outcome of a submitted batch."""

import time
from collections.abc import Callable
from typing import Any

import psycopg

from schemas.models import Diagnostic
from streams.clients.station.line_queries import LineQueries, line_queries
from streams.clients.station.scan import Progress, silent
from streams.clients.station.submission import Submission, received_id
from streams.monitoring.status import watchdog_report
from streams.settings import Settings
from streams.supervisor.state import read_state, stopped_for_space

POLL_SECONDS = 0.2
OUTAGE_LIMIT_SECONDS = 60.0
"""Longest outage of PostgreSQL before waiting fails."""
SPACE_SECONDS = 1.0
ENDED = ("settled", "quarantined", "cancelled")


def wait(
    submission: Submission,
    settings: Settings,
    timeout_seconds: float | None = None,
    progress: Progress = silent,
    tell: Callable[[str], None] = lambda _: None,
) -> bool:
    """Wait until a submission has settled or was refused; False when it timed out.

    `tell` receives why the line waits for disk space, and an empty text when it no longer does.
    Raises NotUp, and psycopg.Error when PostgreSQL stays down for another reason."""
    began, before = time.monotonic(), submission.seconds
    responded_at = began
    space = _SpaceReport(settings, tell)
    while True:
        ended = False
        try:
            with line_queries(settings) as line:
                while not ended and not _timed_out(submission, timeout_seconds):
                    ended = _update(submission, line, progress)
                    responded_at = time.monotonic()
                    submission.seconds = before + responded_at - began
                    space.update()
                    time.sleep(0 if ended else POLL_SECONDS)
                return ended
        except psycopg.OperationalError:
            # A restart of PostgreSQL does not end the wait.
            submission.seconds = before + time.monotonic() - began
            if space.update():
                responded_at = time.monotonic()
            if time.monotonic() - responded_at > OUTAGE_LIMIT_SECONDS:
                raise
            if _timed_out(submission, timeout_seconds):
                return False
            time.sleep(POLL_SECONDS)


class _SpaceReport:
    """Tells why the line waits for disk space, once for each wait."""

    def __init__(self, settings: Settings, tell: Callable[[str], None]) -> None:
        self._settings, self._tell = settings, tell
        self._checked_at = float("-inf")
        self._stopped = self._told = False

    def update(self) -> bool:
        """Tell what has changed; whether the line is stopped for lack of space."""
        if time.monotonic() - self._checked_at >= SPACE_SECONDS:
            self._checked_at = time.monotonic()
            stopped = stopped_for_space(read_state(self._settings.home))
            report = watchdog_report(self._settings) or {"checks": {}}
            why = stopped or report["checks"].get("space", "")
            if bool(why) != self._told:
                self._tell(why)
            self._stopped, self._told = bool(stopped), bool(why)
        return self._stopped


def _timed_out(submission: Submission, timeout_seconds: float | None) -> bool:
    return timeout_seconds is not None and submission.seconds >= timeout_seconds


def _update(submission: Submission, line: LineQueries, progress: Progress) -> bool:
    """Update the submission from the line; True when the batch has ended."""
    ours = (submission.event_id, received_id(submission.event_id))
    records = line.open_quarantine(submission.batch_id)
    refused = [one for one in records if one["origin_event_id"] in ours and not one["item_id"]]
    if refused:
        submission.state = "refused"
        submission.quarantined = [one["quarantine_id"] for one in refused]
        found = [one for record in refused for one in _diagnostics(record)]
        submission.diagnostics += [one for one in found if one not in submission.diagnostics]
        return True
    status = line.status(submission.batch_id)
    if status is None or status.received_id != ours[1]:
        return False
    progress("pages", status.done, status.registered)
    submission.state = status.state
    submission.quarantined = [one["quarantine_id"] for one in records]
    return status.state in ENDED


def _diagnostics(record: dict[str, Any]) -> list[Diagnostic]:
    """The diagnostics of a quarantine record, or the record itself if it has none."""
    if record["diagnostics"]:
        return [Diagnostic(**one) for one in record["diagnostics"]]
    names = ("code", "where", "found", "fix")
    return [Diagnostic(**{name: record[name] for name in names}, severity="error")]

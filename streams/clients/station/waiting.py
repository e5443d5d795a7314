"""Waits for the outcome of a submitted batch."""

import time
from typing import Any

import psycopg

from schemas.models import Diagnostic
from streams.clients.station.line_queries import LineQueries, line_queries
from streams.clients.station.scan import Progress, silent
from streams.clients.station.submission import Submission, received_id
from streams.settings import Settings

POLL_SECONDS = 0.2
OUTAGE_LIMIT_SECONDS = 60.0
"""Longest outage of PostgreSQL before waiting fails."""
ENDED = ("settled", "quarantined", "cancelled")


def wait(
    submission: Submission,
    settings: Settings,
    timeout_seconds: float | None = None,
    progress: Progress = silent,
) -> bool:
    """Wait until a submission has settled or was refused; False when it timed out.

    Raises NotUp, and psycopg.Error when PostgreSQL stays down."""
    began, before = time.monotonic(), submission.seconds
    responded_at = began
    while True:
        ended = False
        try:
            with line_queries(settings) as line:
                while not ended and not _timed_out(submission, timeout_seconds):
                    ended = _update(submission, line, progress)
                    responded_at = time.monotonic()
                    submission.seconds = before + responded_at - began
                    time.sleep(0 if ended else POLL_SECONDS)
                return ended
        except psycopg.OperationalError:
            # A restart of PostgreSQL does not end the wait.
            submission.seconds = before + time.monotonic() - began
            if time.monotonic() - responded_at > OUTAGE_LIMIT_SECONDS:
                raise
            if _timed_out(submission, timeout_seconds):
                return False
            time.sleep(POLL_SECONDS)


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

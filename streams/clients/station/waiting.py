"""Waiting for what becomes of a submitted batch."""

import time
from typing import Any

import psycopg

from schemas.models import Diagnostic
from streams.clients.station.line_queries import LineQueries, line_queries
from streams.clients.station.scan import Progress, silent
from streams.clients.station.submission import Submission, received_id
from streams.settings import Settings

POLL_SECONDS = 0.2
PATIENCE_SECONDS = 60.0
"""How long Postgres may be away before the watch is given up."""
ENDED = ("settled", "quarantined", "cancelled")


def wait(
    made: Submission,
    settings: Settings,
    timeout_seconds: float | None = None,
    progress: Progress = silent,
) -> bool:
    """Watch a submission until it has settled or was refused; False when the time is over.

    Raises NotUp, and psycopg.Error when Postgres stays away."""
    began, before = time.monotonic(), made.seconds
    answered = began
    while True:
        ended = False
        try:
            with line_queries(settings) as line:
                while not ended and not _over(made, timeout_seconds):
                    ended = _look(made, line, progress)
                    answered = time.monotonic()
                    made.seconds = before + answered - began
                    time.sleep(0 if ended else POLL_SECONDS)
                return ended
        except psycopg.OperationalError:
            # A restart of Postgres is no reason to leave a batch unwatched.
            made.seconds = before + time.monotonic() - began
            if time.monotonic() - answered > PATIENCE_SECONDS:
                raise
            if _over(made, timeout_seconds):
                return False
            time.sleep(POLL_SECONDS)


def _over(made: Submission, timeout_seconds: float | None) -> bool:
    return timeout_seconds is not None and made.seconds >= timeout_seconds


def _look(made: Submission, line: LineQueries, progress: Progress) -> bool:
    """Whether it has ended; what is known goes into the submission."""
    ours = (made.event_id, received_id(made.event_id))
    records = line.open_quarantine(made.batch_id)
    refused = [one for one in records if one["origin_event_id"] in ours and not one["item_id"]]
    if refused:
        made.state = "refused"
        made.quarantined = [one["quarantine_id"] for one in refused]
        told = [one for record in refused for one in _told(record)]
        made.diagnostics += [one for one in told if one not in made.diagnostics]
        return True
    status = line.status(made.batch_id)
    if status is None or status.received_id != ours[1]:
        return False
    progress("pages", status.done, status.registered)
    made.state = status.state
    made.quarantined = [one["quarantine_id"] for one in records]
    return status.state in ENDED


def _told(record: dict[str, Any]) -> list[Diagnostic]:
    """All that the line found, or the record itself where that is all."""
    if record["diagnostics"]:
        return [Diagnostic(**one) for one in record["diagnostics"]]
    names = ("code", "where", "found", "fix")
    return [Diagnostic(**{name: record[name] for name in names}, severity="error")]

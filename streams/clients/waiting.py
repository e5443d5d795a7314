"""Waiting for what becomes of a submitted batch."""

import time
from typing import Any

from schemas.models import Diagnostic
from streams.clients.line import Line, asking
from streams.clients.scan import Progress, silent
from streams.clients.station import Submission, received_id
from streams.settings import Settings

POLL_SECONDS = 0.5
ENDED = ("settled", "quarantined", "cancelled")


def wait(
    made: Submission,
    settings: Settings,
    timeout_seconds: float | None = None,
    progress: Progress = silent,
) -> bool:
    """Watch a submission until it has settled or was refused; False when the time is over.

    Raises NotUp, psycopg.Error."""
    began, before = time.monotonic(), made.seconds
    with asking(settings) as line:
        while True:
            ended = _look(made, line, progress)
            made.seconds = before + time.monotonic() - began
            if ended:
                return True
            if timeout_seconds is not None and made.seconds >= timeout_seconds:
                return False
            time.sleep(POLL_SECONDS)


def _look(made: Submission, line: Line, progress: Progress) -> bool:
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

"""Waits until everything that a line was given has ended, and prints what happens."""

import time
from datetime import UTC, datetime
from typing import Any

import psycopg

from tests.faults.chaos.external_clients import STRAY_BATCH
from tests.support.running_line import Line, wait_for

DRAIN_SECONDS = 240
"""Within so long after the last fault everything must have come to its end."""
STANDING = """
SELECT count(*) FILTER (WHERE state IN ('settled', 'quarantined')) AS ended,
    coalesce(sum(in_flight), 0) AS in_flight,
    (SELECT count(*) FROM line.outbox) AS outbox
FROM line.batch_status WHERE batch_id <> %s
"""


def until_ended(line: Line, batches: int, began: float) -> None:
    """Wait until so many batches have ended and nothing is in flight."""
    last: list[Any] = []

    def ended() -> bool:
        with psycopg.connect(line.dsn()) as connection:
            row = connection.execute(STANDING, [STRAY_BATCH]).fetchone()
        last[:] = row or ()
        return last == [batches, 0, 0]

    left = max(1.0, DRAIN_SECONDS - (time.monotonic() - began))
    wait_for(ended, left, lambda: f"{last} of {batches} batches\n{line.parts()}\n{line.logs()}")


def tell(text: str) -> None:
    """Print a line with the time."""
    print(f"{datetime.now(UTC):%H:%M:%S} {text}", flush=True)

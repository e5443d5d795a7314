"""Reads the whole line once everything told has been sealed and projected."""

import time
from collections.abc import Sequence

import psycopg

from tests.support.log_check import Report, check
from tests.support.reader import INTAKE, Raw, read_line
from tests.support.running_line import Line

SECONDS = 30


def read_when_quiet(line: Line, seconds: float = SECONDS) -> tuple[list[Raw], Report]:
    """All messages and their report, once every event owed is sealed and every sealed one projected.

    At the end of its patience it gives what stands there, for the test to judge."""
    deadline = time.monotonic() + seconds
    while True:
        began = time.monotonic()
        raws = read_line(line.kafka)
        report = check(raws)
        quiet = not report.missing and projected(line) == report.sealed
        if quiet or time.monotonic() > deadline:
            return raws, report
        # Reading takes processor time from the sealer that it waits for.
        time.sleep(max(0.5, time.monotonic() - began))


def projected(line: Line) -> int:
    """How many events the projection has."""
    with psycopg.connect(line.dsn("auditor_ro")) as connection:
        row = connection.execute("SELECT count(*) FROM audit.event").fetchone()
    return int(row[0]) if row else 0


def all_rows(line: Line) -> list[str]:
    """Every row of the projection, as text, in order."""
    with psycopg.connect(line.dsn()) as connection:
        connection.execute("SET timezone = 'UTC'")
        rows = connection.execute("SELECT e::text FROM audit.events e ORDER BY seq").fetchall()
    return [text for (text,) in rows]


def without_intake(raws: Sequence[Raw]) -> list[Raw]:
    """The messages but those to the sealer, whose bytes would tell a planted fault a second time."""
    return [raw for raw in raws if raw.topic != INTAKE]

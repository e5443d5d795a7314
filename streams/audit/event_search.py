"""Searches the events of the audit log by what happened, who did it, when, and to what."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from itertools import pairwise
from typing import Any

from psycopg.sql import SQL, Composable, Literal
from psycopg.types.json import Jsonb

from streams.audit.object_names import file_name
from streams.audit.queries import COLUMNS, cursor_of_rows
from streams.audit.standing import QUERY, Connection, Standing
from streams.audit.timeline import Row, in_order_of_cause

DIGEST = re.compile(r"(?:sha256:)?([0-9a-fA-F]{64})")
MOST_RANGES = 20
LIMIT = 1000
"""Rows of an answer when no other number is asked for."""


@dataclass(frozen=True)
class Question:
    """What events are asked for; None asks for all."""

    event_type: str | None = None
    agent: str | None = None
    """The name of an agent, or its name and version."""
    code: str | None = None
    outcome: str | None = None
    batch: str | None = None
    item: str | None = None
    object: str | None = None
    """sha256:<hex>, or another name of an object."""
    since: datetime | None = None
    until: datetime | None = None
    after: int | None = None
    limit: int = LIMIT


@dataclass(frozen=True)
class Found:
    """The first events that answer a question, causes first."""

    rows: list[Row]
    more: bool
    """Whether other events answer it, too."""
    last_seq: int
    """The last seq of the rows; -1 without rows."""


def find_events(connection: Connection, question: Question, holds: Standing) -> Found:
    """The events that answer a question: the first ones of the log, in order of cause."""
    values = _values(question, holds)
    query = QUERY("events").format(
        columns=COLUMNS, conditions=_conditions(connection, question, values)
    )
    with cursor_of_rows(connection) as cursor:
        rows = cursor.execute(query, values).fetchall()
    shown = rows[: question.limit]
    last_seq = shown[-1]["seq"] if shown else -1
    return Found(in_order_of_cause(shown), len(rows) > len(shown), last_seq)


def search_plan(connection: Connection, question: Question, holds: Standing) -> str:
    """How PostgreSQL would search, as EXPLAIN prints it."""
    values = _values(question, holds)
    conditions = _conditions(connection, question, values)
    query = SQL("EXPLAIN ") + QUERY("events").format(columns=COLUMNS, conditions=conditions)
    return "\n".join(line for (line,) in connection.execute(query, values))


def digest_of(text: str) -> str | None:
    """The object `sha256:<hex>` of a digest as people write it; None if it is not a SHA-256."""
    found = DIGEST.fullmatch(text.strip())
    return file_name(found[1].lower()) if found else None


def _values(question: Question, holds: Standing) -> dict[str, Any]:
    values = {field.name: getattr(question, field.name) for field in fields(question)}
    values |= {"last_seq": holds.last_seq, "rows": question.limit + 1}
    if question.agent is not None:
        name, _, version = question.agent.rpartition(" ")
        values["agent"] = Jsonb([{"name": question.agent}])
        values["versioned_agent"] = Jsonb([{"name": name, "version": version}])
    return values


def _conditions(connection: Connection, question: Question, values: dict[str, Any]) -> Composable:
    given = [name for name, value in values.items() if value is not None]
    known = [name for name in given if name in _CONDITIONS and name != "outcome"]
    if question.outcome is not None:
        # Only with this the small index of the events without success is used.
        known.append("outcome" if question.outcome == "suc" else "failed")
    parts: list[Composable] = [QUERY(f"where_{name}") for name in known]
    if question.since is not None or question.until is not None:
        parts.append(_in_time(connection, values))
    return SQL(" AND ").join(parts)


_CONDITIONS = {field.name for field in fields(Question)} - {"limit"} | {"last_seq"}


def _in_time(connection: Connection, values: dict[str, Any]) -> Composable:
    """The ranges of seq that can have events of the time; PostgreSQL reads no others."""
    away = connection.execute(QUERY("ranges_without"), values).fetchall()
    ranges = [
        SQL("seq BETWEEN {} AND {}").format(Literal(first), Literal(last))
        for first, last in _few([*_between(away, values["last_seq"])])
    ]
    return SQL("({})").format(SQL(" OR ").join(ranges))


def _few(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The ranges, joined where the gaps are smallest, so that a plan is made quickly."""
    gaps = sorted(range(1, len(ranges)), key=lambda at: ranges[at - 1][1] - ranges[at][0])
    starts = [0, *sorted(gaps[: MOST_RANGES - 1]), len(ranges)]
    return [(ranges[one][0], ranges[end - 1][1]) for one, end in pairwise(starts)]


def _between(away: list[tuple[int, int]], end: int) -> Iterator[tuple[int, int]]:
    """The ranges of seq that are left up to an end; the last one can be empty."""
    start = 0
    for first, last in away:
        if first > start:
            yield start, first - 1
        start = last + 1
    yield start, max(start, end)

"""Up to where an answer from the tables holds: the last event, at present or at a time before."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg

from streams.named_queries import NamedQueries

QUERY = NamedQueries(Path(__file__).with_name("queries.sql"))
Connection = psycopg.Connection[Any]


class Incomplete(RuntimeError):
    """The projection of the log is not complete, or has rows that are not from the log."""


@dataclass(frozen=True)
class Standing:
    """The events that an answer takes into account."""

    last_seq: int
    """The last event that the answer takes into account; -1 for none."""
    projected: int
    """The last event in the tables."""
    as_of: datetime | None = None


def standing(connection: Connection, as_of: datetime | None = None) -> Standing:
    """The events in the tables or, with a time, those that were sealed then. Raises Incomplete."""
    row = connection.execute(QUERY("completeness")).fetchone()
    if row is None:
        raise Incomplete("audit.projector_position has no row")
    last_seq, waits_for, foreign_seq = row
    if waits_for:
        raise Incomplete(str(waits_for))
    if foreign_seq is not None:
        raise Incomplete(f"seq {foreign_seq} was not written by the projector")
    if as_of is None:
        return Standing(last_seq, last_seq)
    known = connection.execute(QUERY("known_at"), {"moment": as_of}).fetchone()
    return Standing(known[0] if known else -1, last_seq, as_of)

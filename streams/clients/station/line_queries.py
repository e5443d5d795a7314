"""What a station asks the line's tables: how a batch stands, what is quarantined or known."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import dict_row

from streams.settings import Settings

ROLE = "auditor_ro"
CONNECT_SECONDS = 5


@dataclass(frozen=True)
class BatchStatus:
    """How a batch stands."""

    state: str
    registered: int
    packaged: int
    quarantined: int
    cancelled: int
    in_flight: int
    received_id: str | None

    @property
    def done(self) -> int:
        """Pages that are no longer in flight."""
        return self.registered - self.in_flight


class LineQueries:
    """Read-only view of the tracker's tables."""

    def __init__(self, connection: psycopg.Connection[dict[str, Any]]) -> None:
        self._connection = connection

    def status(self, batch_id: str) -> BatchStatus | None:
        """How a batch stands; None when the line does not know it."""
        row = self._connection.execute(
            "SELECT state, registered, packaged, quarantined, cancelled, in_flight, received_id"
            " FROM line.batch_status WHERE batch_id = %s",
            (batch_id,),
        ).fetchone()
        return BatchStatus(**row) if row else None

    def open_quarantine(self, batch_id: str) -> list[dict[str, Any]]:
        """The open quarantine records of a batch, oldest first."""
        rows = self._connection.execute(
            "SELECT to_jsonb(q) AS record FROM line.quarantine q"
            " WHERE q.batch_id = %s AND q.state = 'open' ORDER BY q.occurred_at, q.quarantine_id",
            (batch_id,),
        ).fetchall()
        return [row["record"] for row in rows]

    def quarantine(self, quarantine_id: str) -> dict[str, Any] | None:
        """One quarantine record."""
        row = self._connection.execute(
            "SELECT to_jsonb(q) AS record FROM line.quarantine q WHERE q.quarantine_id = %s",
            (quarantine_id,),
        ).fetchone()
        return row["record"] if row else None

    def known_items(self, item_ids: list[str]) -> dict[str, str]:
        """Of these items those that were delivered, each with its batch; case does not count."""
        rows = self._connection.execute(
            "SELECT item_id, batch_id FROM line.items WHERE lower(item_id) = ANY(%s)",
            ([one.lower() for one in item_ids],),
        ).fetchall()
        return {row["item_id"].lower(): row["batch_id"] for row in rows}


@contextmanager
def line_queries(settings: Settings) -> Iterator[LineQueries]:
    """A connection to the line's tables. Raises NotUp, psycopg.Error."""
    with psycopg.connect(
        settings.dsn(ROLE), autocommit=True, row_factory=dict_row, connect_timeout=CONNECT_SECONDS
    ) as connection:
        yield LineQueries(connection)

"""What a station reads from the tracker's tables: batch status, quarantine, known items."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from streams.known_persons import KnownPerson
from streams.named_queries import NamedQueries
from streams.settings import Settings

ROLE = "auditor_ro"
CONNECT_SECONDS = 5
query = NamedQueries(Path(__file__).with_name("line_queries.sql"))


@dataclass(frozen=True)
class BatchStatus:
    """State and page counts of a batch."""

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


@dataclass(frozen=True)
class EarlierVersion:
    """The latest version of an item, as the line has it."""

    revision: int
    state: str
    page_list: dict[str, Any]
    """Reference to its page list."""
    pages: list[dict[str, Any]]
    """The entries of its pages in order, each with `withdrawn`; no files that are not pages."""


class LineQueries:
    """Read-only view of the tracker's tables."""

    def __init__(self, connection: psycopg.Connection[dict[str, Any]]) -> None:
        self._connection = connection

    def status(self, batch_id: str) -> BatchStatus | None:
        """The status of a batch; None for an unknown one."""
        row = self._connection.execute(query("batch_status"), {"batch_id": batch_id}).fetchone()
        return BatchStatus(**row) if row else None

    def open_quarantine(self, batch_id: str) -> list[dict[str, Any]]:
        """The open quarantine records of a batch, oldest first."""
        rows = self._connection.execute(query("open_records"), {"batch_id": batch_id})
        return [row["record"] for row in rows]

    def quarantine(self, quarantine_id: str) -> dict[str, Any] | None:
        """One quarantine record."""
        row = self._connection.execute(query("record"), {"quarantine_id": quarantine_id}).fetchone()
        return row["record"] if row else None

    def person(self, pseudonym: str) -> KnownPerson:
        """What the register of pseudonyms has about a person."""
        row = self._connection.execute(query("person"), {"pseudonym": pseudonym}).fetchone()
        assert row is not None
        return KnownPerson(**row)

    def latest_version(self, item_id: str) -> "EarlierVersion | None":
        """The latest version of an item; None for an unknown one."""
        found = self._connection.execute(query("latest_version"), {"item_id": item_id}).fetchone()
        return EarlierVersion(**found) if found else None

    def known_items(self, item_ids: list[str]) -> dict[str, str]:
        """The batch of each of these items that was delivered before, by lower-case item id."""
        lowered = [one.lower() for one in item_ids]
        rows = self._connection.execute(query("known_items"), {"item_ids": lowered})
        return {row["item_id"].lower(): row["batch_id"] for row in rows}


@contextmanager
def line_queries(settings: Settings) -> Iterator[LineQueries]:
    """Queries on a connection of their own. Raises NotUp, psycopg.Error."""
    with psycopg.connect(
        settings.dsn(ROLE), autocommit=True, row_factory=dict_row, connect_timeout=CONNECT_SECONDS
    ) as connection:
        yield LineQueries(connection)

"""The published packages and their answers, as the line's tables have them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from schemas.times import written
from streams.clients.repository.unpacking import PackageRefused
from streams.free_texts import with_texts
from streams.named_queries import NamedQueries

CONNECT_SECONDS = 5
Row = dict[str, Any]
Rows = list[Row]
query = NamedQueries(Path(__file__).with_name("packages.sql"))


@dataclass(frozen=True)
class PackageFilter:
    """Which packages are listed; None does not filter."""

    batch: str | None = None
    item: str | None = None
    state: str | None = None
    code: str | None = None
    """Code of a quarantine record of its item, such as package.refused."""
    since: datetime | None = None
    limit: int | None = None
    unanswered_for: timedelta | None = None
    """Only packages without an answer that were published at least so long ago."""


class PackageQueries:
    """Read-only queries about the published packages."""

    def __init__(self, connection: psycopg.Connection[Row]) -> None:
        self._connection = connection

    def list(self, wanted: PackageFilter) -> Rows:
        """Packages in order of publication."""
        return [_document(row) for row in self._connection.execute(query("list"), vars(wanted))]

    def unanswered(self, age: timedelta) -> Row:
        """The number of packages without an answer after that time, and when the oldest of them
        was published."""
        row = self._connection.execute(query("unanswered"), {"unanswered_for": age}).fetchone()
        assert row is not None
        return row | {"oldest": written(row["oldest"]) if row["oldest"] else None}

    def answers(self, package_id: str) -> Rows:
        """The answers of repositories to a package, latest first."""
        values = {"package_id": package_id}
        found = self._connection.execute(query("answers"), values).fetchall()
        rows = with_texts(self._connection, found)
        return [row | {"occurred_at": written(row["occurred_at"])} for row in rows]

    def show(self, package_id: str) -> Row:
        """One package. Raises PackageRefused."""
        row = self._connection.execute(query("show"), {"package_id": package_id}).fetchone()
        if row is None:
            raise PackageRefused("package.unknown", f"no package {package_id} was published")
        return _document(row)


def _document(row: Row) -> Row:
    completeness = completeness_of(row["missing_pages"])
    return row | {"published_at": written(row["published_at"]), "completeness": completeness}


def completeness_of(missing_pages: int) -> str:
    """Whether a package with this number of missing pages is complete."""
    return "incomplete" if missing_pages else "complete"


@contextmanager
def package_queries(dsn: str) -> Iterator[PackageQueries]:
    """Queries on a connection of their own. Raises psycopg.Error."""
    with psycopg.connect(
        dsn, autocommit=True, row_factory=dict_row, connect_timeout=CONNECT_SECONDS
    ) as connection:
        yield PackageQueries(connection)

"""The file of a spool, in which everything is durable when a transaction has ended."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infra.files import fsync_folder
from streams.named_queries import query_texts
from streams.settings import Settings

DATABASE, LOCK, LOG = "outbox.sqlite", "outbox.lock", "outbox.log"
BUSY_SECONDS = 30.0
LEVELS_OF_HOME = 2
"""Folders above that of a spool, up to the home."""
VERSION = 1
"""Version of the tables."""
QUERIES = query_texts(Path(__file__).with_name("spool.sql"))
Row = sqlite3.Row


def spool_folder(settings: Settings) -> Path:
    """The folder of the station: spool, captures, credential."""
    return settings.station or settings.home / "spool"


def now() -> str:
    """The present time as the spool keeps it."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


class Spool:
    """A connection to the file; one for each thread."""

    def __init__(self, database: sqlite3.Connection, folder: Path) -> None:
        self._database, self.folder = database, folder

    def change(self, query: str, **values: Any) -> int:
        """Run a query of spool.sql that changes rows; returns how many."""
        return self._database.execute(QUERIES[query], values).rowcount

    def change_many(self, query: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """Run a query of spool.sql for each of these rows."""
        self._database.executemany(QUERIES[query], rows)

    def insert(self, query: str, **values: Any) -> int:
        """Run a query of spool.sql that adds a row; returns its number."""
        number = self._database.execute(QUERIES[query], values).lastrowid
        assert number is not None
        return number

    def rows(self, query: str, **values: Any) -> list[Row]:
        """The rows of a query of spool.sql."""
        return self._database.execute(QUERIES[query], values).fetchall()

    def row(self, query: str, **values: Any) -> Row | None:
        """The first row of a query of spool.sql, or None."""
        found: Row | None = self._database.execute(QUERIES[query], values).fetchone()
        return found

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All changes inside are made durable together, or none is made."""
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            # SQLite has already rolled back after some errors, such as a full disk.
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    def forget_delivery(self, number: int) -> None:
        """Remove what is kept about the files of a delivery."""
        for query in ("forget_listing", "forget_digests", "forget_confirmations"):
            self.change(query, number=number)

    def note(self, name: str, value: str | None) -> None:
        """Keep a small text by name; None removes it."""
        if value is None:
            self.change("forget_note", name=name)
        else:
            self.change("note", name=name, value=value)

    def noted(self, name: str) -> str | None:
        """The text that was kept under a name, or None."""
        row = self.row("noted", name=name)
        return str(row["value"]) if row else None


@contextmanager
def open_spool(folder: Path, *, for_all_threads: bool = False) -> Iterator[Spool]:
    """A connection to the spool in a folder, which is created if it is missing.

    Threads may share it only if they take turns by a lock of their own."""
    file = folder / DATABASE
    is_new = not file.exists()
    folder.mkdir(parents=True, exist_ok=True)
    database = sqlite3.connect(
        file, BUSY_SECONDS, isolation_level=None, check_same_thread=not for_all_threads
    )
    with closing(database):
        database.row_factory = sqlite3.Row
        _prepare(database)
        if is_new:
            # SQLite makes the content durable, and not the names of the folders above it.
            for above in (folder, *folder.parents[:LEVELS_OF_HOME]):
                fsync_folder(above)
        yield Spool(database, folder)


def _prepare(database: sqlite3.Connection) -> None:
    database.execute("PRAGMA journal_mode = WAL")
    # In WAL mode the default may lose the last transactions in a power cut.
    database.execute("PRAGMA synchronous = FULL")
    database.execute("PRAGMA secure_delete = ON")
    if database.execute("PRAGMA user_version").fetchone()[0] == VERSION:
        return
    database.execute("BEGIN IMMEDIATE")
    for statement in _statements(QUERIES["tables"]):
        database.execute(statement)
    database.execute(f"PRAGMA user_version = {VERSION}")
    database.execute("COMMIT")


def _statements(text: str) -> list[str]:
    """The statements of a text; executescript would end the transaction."""
    lines = (line for line in text.splitlines() if not line.startswith("--"))
    return [one for one in "\n".join(lines).split(";") if one.strip()]


def values_of(row: Row) -> Mapping[str, Any]:
    """The columns of a row by name."""
    return dict(zip(row.keys(), row, strict=True))

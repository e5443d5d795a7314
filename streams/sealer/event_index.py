"""The sealer's memory on disk: which event ids are sealed, with which content, up to where."""

import sqlite3
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from pathlib import Path
from uuid import UUID

TABLES = """
CREATE TABLE IF NOT EXISTS events (
    event_id BLOB PRIMARY KEY, seq INTEGER NOT NULL, digest BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS position (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    next_seq INTEGER NOT NULL, next_offset INTEGER NOT NULL, sealed_at INTEGER NOT NULL
);
INSERT OR IGNORE INTO position VALUES (1, 0, 0, 0);
"""
LOOKUP = 500
"""Ids asked for in one query; SQLite allows 999 parameters."""


class Overtaken(Exception):
    """The index was moved on by another sealer; this one must end."""


@dataclass(frozen=True)
class Position:
    """How far the log is known: the next number, the next offset on audit.premis, the last time."""

    next_seq: int
    next_offset: int
    sealed_at: int


@dataclass(frozen=True)
class Known:
    """One sealed event as the index knows it."""

    event_id: str
    seq: int
    digest: bytes


class Index:
    """event_id → seq and digest, and the position, changed together or not at all.

    It is derived from audit.premis: what a crash takes from it is read again from there.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._database = _opened(path)
        except sqlite3.OperationalError:  # locked, full, not allowed: nothing is wrong with it
            raise
        except sqlite3.DatabaseError:
            for broken in path.parent.glob(path.name + "*"):
                broken.unlink()
            self._database = _opened(path)

    def position(self) -> Position:
        """How far this index knows the log."""
        row = self._database.execute("SELECT next_seq, next_offset, sealed_at FROM position")
        return Position(*row.fetchone())

    def find(self, event_ids: Iterable[str]) -> dict[str, Known]:
        """Those of the ids that are sealed."""
        wanted = [UUID(event_id).bytes for event_id in set(event_ids)]
        found: dict[str, Known] = {}
        for start in range(0, len(wanted), LOOKUP):
            part = wanted[start : start + LOOKUP]
            marks = ",".join("?" * len(part))
            query = f"SELECT event_id, seq, digest FROM events WHERE event_id IN ({marks})"
            for raw, seq, digest in self._database.execute(query, part):
                event_id = str(UUID(bytes=raw))
                found[event_id] = Known(event_id, seq, digest)
        return found

    def advance(self, before: Position, sealed: Iterable[Known], after: Position) -> None:
        """Add sealed events and move on, provided that the position is still `before`.
        Raises Overtaken when it is not."""
        with self._database:
            self._database.execute("BEGIN IMMEDIATE")
            moved = self._database.execute(
                "UPDATE position SET next_seq = ?, next_offset = ?, sealed_at = ?"
                " WHERE next_seq = ? AND next_offset = ?",
                (*astuple(after), before.next_seq, before.next_offset),
            )
            if moved.rowcount != 1:
                raise Overtaken(f"the index is at {self.position()}, expected {before}")
            self._database.executemany(
                "INSERT INTO events VALUES (?, ?, ?)",
                [(UUID(known.event_id).bytes, known.seq, known.digest) for known in sealed],
            )

    def all(self) -> list[Known]:
        """Every sealed event in order of seq."""
        rows = self._database.execute("SELECT event_id, seq, digest FROM events ORDER BY seq")
        return [Known(str(UUID(bytes=raw)), seq, digest) for raw, seq, digest in rows]

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()


def _opened(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, isolation_level=None, timeout=30)
    database.execute("PRAGMA journal_mode = WAL")
    # A power cut may take the last rows; the start reads them again from the topic.
    database.execute("PRAGMA synchronous = NORMAL")
    database.executescript(TABLES)
    return database

"""The index of sealed events on disk: event ids with their content digests, and the position."""

import sqlite3
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from streams.named_queries import query_texts

QUERIES = query_texts(Path(__file__).with_name("queries.sql"))
MARK_EVERY = 5000
"""Events from one mark to the next."""
IDS_PER_QUERY = 500
"""SQLite allows 999 parameters."""
MOST_HELD = 32_000
"""Events that are held in memory. Ids are random: a thousand of them change as many pages of a
large file as some ten thousand do."""

CACHE_KB, PAGES_OF_THE_WAL = 32_000, 4000
"""Ids are random, so that each batch reads and changes pages in all of the file."""


class PositionConflict(Exception):
    """Another sealer has advanced the index; this one must end."""


@dataclass(frozen=True)
class Position:
    """The next number, the next offset on audit.premis, and the time of the last sealing."""

    next_seq: int
    next_offset: int
    sealed_at: int


class IndexedEvent(NamedTuple):
    """One sealed event in the index."""

    event_id: str
    seq: int
    digest: bytes


class EventIndex:
    """event_id → seq and digest, and the position, changed in one transaction.

    It is derived from audit.premis: rows lost in a crash are read again from there, as are those
    that are still held in memory.
    """

    def __init__(self, path: Path) -> None:
        """Open the index; a damaged one is replaced by an empty one."""
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._database = _connect(path)
        except sqlite3.OperationalError:  # locked, disk full, no permission: the file is intact
            raise
        except sqlite3.DatabaseError:
            for damaged in path.parent.glob(path.name + "*"):
                damaged.unlink()
            self._database = _connect(path)
        self._held: dict[str, IndexedEvent] = {}
        self._steps: list[tuple[Position, Position]] = []
        """The positions before and after each part of the events that are held."""

    def position(self) -> Position:
        """Up to where this index covers the log."""
        if self._steps:
            return self._steps[-1][1]
        return Position(*self._database.execute(QUERIES["position"]).fetchone())

    def find(self, event_ids: Iterable[str]) -> dict[str, IndexedEvent]:
        """Those of the ids that are sealed."""
        asked, held = set(event_ids), self._held
        found = {one: held[one] for one in asked.intersection(held)} if held else {}
        wanted = list(map(_bytes_of, asked.difference(found)))
        for start in range(0, len(wanted), IDS_PER_QUERY):
            ids = wanted[start : start + IDS_PER_QUERY]
            query = QUERIES["find_events"].format(placeholders=",".join("?" * len(ids)))
            found |= {one.event_id: one for one in map(_event, self._database.execute(query, ids))}
        return found

    def advance(
        self,
        before: Position,
        sealed: Iterable[IndexedEvent],
        after: Position,
        more_follow: bool = False,
    ) -> None:
        """Add sealed events and advance the position, provided that it is still `before`. They are
        in the file when this returns, or later if more follow.

        Raises PositionConflict when another one has advanced the position."""
        self._held.update((one.event_id, one) for one in sealed)
        self._steps.append((before, after))
        if not more_follow or len(self._held) >= MOST_HELD:
            self.flush()

    def flush(self) -> None:
        """Write all events that are held to the file. Raises PositionConflict."""
        if not self._steps:
            return
        held, steps = self._held, self._steps
        self._held, self._steps = {}, []
        before, after = steps[0][0], steps[-1][1]
        with self._database:
            self._database.execute("BEGIN IMMEDIATE")
            advanced = self._database.execute(
                QUERIES["advance_position"],
                (*astuple(after), before.next_seq, before.next_offset),
            )
            if advanced.rowcount != 1:
                raise PositionConflict(f"the index is at {self.position()}, expected {before}")
            self._database.executemany(
                QUERIES["add_event"],
                # In order of id, so that each page of the file is changed once.
                sorted(
                    (_bytes_of(event_id), seq, digest) for event_id, seq, digest in held.values()
                ),
            )
            marks = [(one.next_seq, one.next_offset, MARK_EVERY) for _, one in steps]
            self._database.executemany(QUERIES["add_mark"], marks)

    def marks(self) -> list[tuple[int, int]]:
        """Pairs of a seq and the offset from which it is on the topic, the first ones (0, 0)."""
        self.flush()
        return [(0, 0), *self._database.execute(QUERIES["marks"])]

    def clear(self) -> None:
        """Forget every event: the index is read again from the log."""
        self._held, self._steps = {}, []
        with self._database:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.execute(QUERIES["forget_events"])
            self._database.execute(QUERIES["forget_marks"])
            self._database.execute(QUERIES["forget_position"])

    def all(self) -> list[IndexedEvent]:
        """Every sealed event in order of seq."""
        self.flush()
        return list(map(_event, self._database.execute(QUERIES["all_events"])))

    def close(self) -> None:
        """Write what is held, and close the file."""
        self.flush()
        self._database.close()


def _bytes_of(event_id: str) -> bytes:
    # As UUID(event_id).bytes, in a tenth of the time.
    return bytes.fromhex(event_id.replace("-", ""))


def _event(row: tuple[bytes, int, bytes]) -> IndexedEvent:
    raw, seq, digest = row
    return IndexedEvent(str(UUID(bytes=raw)), seq, digest)


def _connect(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, isolation_level=None, timeout=30)
    database.execute("PRAGMA journal_mode = WAL")
    # A power cut may lose the last rows; they are read again from the topic at start.
    database.execute("PRAGMA synchronous = NORMAL")
    database.execute(f"PRAGMA cache_size = -{CACHE_KB}")
    database.execute(f"PRAGMA wal_autocheckpoint = {PAGES_OF_THE_WAL}")
    database.executescript(QUERIES["tables"])
    return database

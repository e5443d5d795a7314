"""What each sender has uploaded: a small database of `ingest` in the home."""

import logging
import sqlite3
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from streams.named_queries import query_texts

log = logging.getLogger(__name__)

QUERIES = query_texts(Path(__file__).with_name("queries.sql"))


@dataclass(frozen=True)
class FinishedUpload:
    """An upload whose file is in the store."""

    size_bytes: int
    metadata: str
    finished_at: float


class StoredFiles:
    """The files of each sender, and its uploads that finished recently. What is added is durable;
    safe to use from several threads."""

    def __init__(self, file: Path) -> None:
        """Open the database; a damaged one is replaced by an empty one: stations upload again."""
        self._lock = Lock()
        try:
            self._database = _connect(file)
        except sqlite3.OperationalError:  # disk full, no permission: the file is intact
            raise
        except sqlite3.DatabaseError:
            log.warning("damaged database replaced", extra={"file": str(file)})
            for damaged in file.parent.glob(file.name + "*"):
                damaged.unlink()
            self._database = _connect(file)

    def add(
        self, upload_id: str, sender: str, sha256: str, size_bytes: int, metadata: str, now: float
    ) -> None:
        """Record that a sender has uploaded a file."""
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                digest = bytes.fromhex(sha256)
                self._database.execute(QUERIES["put_stored"], (sender, digest, size_bytes, now))
                row = (upload_id, sender, size_bytes, metadata, now)
                self._database.execute(QUERIES["put_finished"], row)
                self._database.execute("COMMIT")
            except BaseException:
                self._database.execute("ROLLBACK")
                raise

    def size(self, sender: str, sha256: str) -> int | None:
        """The size of a file that a sender has uploaded; None if it has not."""
        with self._lock:
            row = self._database.execute(
                QUERIES["size"], (sender, bytes.fromhex(sha256))
            ).fetchone()
        return None if row is None else int(row[0])

    def missing(self, sender: str, digests: Collection[str]) -> Iterator[str]:
        """Those of these files that a sender has not uploaded."""
        return (one for one in digests if self.size(sender, one) is None)

    def finished(self, upload_id: str, sender: str) -> FinishedUpload | None:
        """An upload of a sender that finished recently."""
        with self._lock:
            row = self._database.execute(QUERIES["finished"], (upload_id, sender)).fetchone()
        return None if row is None else FinishedUpload(*row)

    def expire(self, before: float) -> None:
        """Forget uploads that finished before a time; their files remain."""
        with self._lock:
            self._database.execute(QUERIES["expire"], (before,))

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._database.close()


def _connect(file: Path) -> sqlite3.Connection:
    database = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    # The answer to a station says that its file is recorded.
    database.execute("PRAGMA synchronous=FULL")
    database.executescript(QUERIES["tables"])
    return database

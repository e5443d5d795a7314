"""Free text of persons: it is in a table and can be deleted; the log has its keyed digest."""

import hmac
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import class_row, tuple_row

from schemas.times import written
from streams.named_queries import NamedQueries
from streams.text_references import FIXED, PREFIX, REFERENCE, is_reference

CONNECT_SECONDS = 5
KEY_BYTES = 32
Connection = psycopg.Connection[Any]
query = NamedQueries(Path(__file__).with_suffix(".sql"))


@dataclass(frozen=True)
class StoredText:
    """A text, or what is known of a deleted one."""

    digest: str
    key: bytes | None
    text: str | None
    written_by: str
    stored_at: datetime
    deleted_at: datetime | None
    deletion_id: str | None

    @property
    def reference(self) -> str:
        """What facts and events have in its place."""
        return PREFIX + self.digest

    @property
    def changed(self) -> bool:
        """Whether the text is not the one of which the log has the digest."""
        return self.text is not None and digest_of(self.key or b"", self.text) != self.digest

    @property
    def words(self) -> str:
        """The text, or why there is none."""
        if self.deleted_at is not None:
            return f"[text deleted on {self.deleted_at.astimezone(UTC):%Y-%m-%d}]"
        return (
            f"[text that differs from its digest] {self.text}" if self.changed else str(self.text)
        )

    def document(self) -> dict[str, Any]:
        """The text as one entry of a list."""
        return {
            "reference": self.reference,
            "text": self.text,
            "written_by": self.written_by,
            "stored_at": written(self.stored_at),
            "deleted_at": written(self.deleted_at) if self.deleted_at else None,
            "deletion_id": self.deletion_id,
            "changed": self.changed,
        }


def digest_of(key: bytes, text: str) -> str:
    """HMAC-SHA-256 of a text (RFC 2104), lower-case hex."""
    return hmac.new(key, text.encode(), sha256).hexdigest()


def put(connection: Connection, text: str, written_by: str, source: str | None = None) -> str:
    """Store a text; returns the reference that takes its place.

    The same source gives the same reference. Reference and fixed texts stay as they are."""
    if text in FIXED or is_reference(text):
        return text
    # What UTF-8 or PostgreSQL cannot store is replaced before the digest is computed.
    text = text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
    key = secrets.token_bytes(KEY_BYTES)
    values = {"digest": digest_of(key, text), "key": key, "text": text, "source": source}
    writer = written_by.replace("\0", "\N{REPLACEMENT CHARACTER}")
    done = connection.execute(query("put"), {**values, "written_by": writer})
    if done.rowcount == 1:
        return PREFIX + str(values["digest"])
    with connection.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute(query("of_source"), {"source": source}).fetchone()
    if row is None:
        raise LookupError(f"the text of the message {source} was removed meanwhile")
    return PREFIX + str(row[0])


def find(connection: Connection, texts: Iterable[str | None]) -> dict[str, StoredText]:
    """The stored texts to which these texts refer, by reference."""
    digests = sorted({found for text in texts for found in REFERENCE.findall(text or "")})
    if not digests:
        return {}
    with connection.cursor(row_factory=class_row(StoredText)) as cursor:
        rows = cursor.execute(query("find"), {"digests": digests}).fetchall()
    return {one.reference: one for one in rows}


def written_out(text: str, stored: Mapping[str, StoredText]) -> str:
    """A text for people, with the stored texts in the place of their references."""

    def words(found: re.Match[str]) -> str:
        one = stored.get(found[0])
        return one.words if one else f"[text {found[1][:8]} is not stored here]"

    return REFERENCE.sub(words, text)


def with_texts(connection: Connection, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows for people, with the stored texts in the place of their references."""
    texts = [value for row in rows for value in row.values() if isinstance(value, str)]
    if not any(map(REFERENCE.search, texts)):
        return rows
    stored = find(connection, texts)
    return [
        {
            name: written_out(value, stored) if isinstance(value, str) else value
            for name, value in row.items()
        }
        for row in rows
    ]


def all_texts(connection: Connection, written_by: str | None = None) -> list[StoredText]:
    """All texts, or those of one writer, in the order in which they were stored."""
    with connection.cursor(row_factory=class_row(StoredText)) as cursor:
        return cursor.execute(query("list"), {"written_by": written_by}).fetchall()


def mark_used(connection: Connection, text: str | None) -> None:
    """Record that a fact has the reference, if the text is one."""
    if found := REFERENCE.fullmatch(text or ""):
        connection.execute(query("mark_used"), {"digest": found[1]})


def delete(connection: Connection, reference: str, deleted_at: datetime, deletion_id: str) -> None:
    """Delete a text and its key. The digest and the time of the deletion stay."""
    digest = reference.removeprefix(PREFIX)
    values = {"digest": digest, "deleted_at": deleted_at, "deletion_id": deletion_id}
    connection.execute(query("delete"), values)


def remove_unused(connection: Connection) -> int:
    """Remove the texts of requests that were never published; returns their number."""
    return connection.execute(query("remove_unused")).rowcount


def rewrite_table(dsn: str) -> None:
    """Write the table again without what was deleted: PostgreSQL only marks deleted rows.

    Raises psycopg.errors.LockNotAvailable while somebody reads the table for long."""
    with psycopg.connect(dsn, autocommit=True, connect_timeout=CONNECT_SECONDS) as connection:
        # Who waits for the table holds up everybody who comes later, such as the tracker.
        connection.execute(query("wait_briefly"))
        connection.execute(query("rewrite"))

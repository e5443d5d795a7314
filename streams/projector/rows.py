"""Rows of audit.events, made from sealed records: written by COPY, and dumped for comparison."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
from psycopg.adapt import Dumper
from psycopg.postgres import types
from psycopg.pq import Format
from psycopg.sql import SQL, Composed, Identifier

from schemas.event_fields import EPOCH, AgentFields, EventFields, event_fields
from streams.audit.sealed_record import Seal, body_of
from streams.named_queries import NamedQueries

QUERY = NamedQueries(Path(__file__).with_name("queries.sql"))
LONGEST_ID = 500
"""Characters. PostgreSQL refuses a row whose part in an index takes more than 2,704 bytes."""
TO_JSON = json.JSONEncoder(ensure_ascii=False).encode
"""Made once, since json.dumps makes an encoder for each row."""
COLUMN_TYPES = {
    "seq": "int8",
    "sealed_at": "timestamptz",
    "schema_sha256": "bytea",
    "body": "bytea",
    "event_id": "uuid",
    "cause_id": "uuid",
    "batch_id": "text",
    "item_id": "text",
    "page_id": "text",
    "revision": "int4",
    "occurred_at": "timestamptz",
    "fact": "text",
    "ordinal": "int4",
    "event_type": "text",
    "event_type_uri": "text",
    "outcome": "text",
    "code": "text",
    "detail": "text",
    "agents": "jsonb",
    "sources": "text[]",
    "results": "text[]",
    "producer_name": "text",
    "producer_version": "text",
}
COLUMNS = tuple(COLUMN_TYPES)
"""The columns of a row, in order."""
COLUMN_LIST = SQL(", ").join(map(Identifier, COLUMNS))

SIGNATURE, TRAILER = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
"""What is before and after all rows: https://www.postgresql.org/docs/current/sql-copy.html."""

Row = tuple[Any, ...]


def row_of(seal: Seal, value: bytes) -> Row:
    """The row of a sealed event, in the order of COLUMNS. Raises Undecodable."""
    return row_of_fields(seal, value, event_fields(value))


def row_of_fields(seal: Seal, value: bytes, event: EventFields) -> Row:
    """The row of a sealed event of which the fields are known."""
    return (
        seal.seq,
        EPOCH + timedelta(microseconds=seal.sealed_at),
        seal.schema_sha256,
        body_of(value),
        event.event_id,
        event.cause_id,
        _id(event.batch_id),
        _id(event.item_id),
        _id(event.page_id),
        _integer(event.revision),
        event.occurred_at,
        _text(event.fact),
        _integer(event.ordinal),
        _text(event.event_type),
        _text(event.event_type_uri),
        _text(event.outcome),
        _text(event.code),
        _text(event.detail),
        agents_json(event.agents),
        [_text(source) for source in event.sources],
        [_text(result) for result in event.results],
        _text(event.producer_name),
        _text(event.producer_version),
    )


@lru_cache(maxsize=4096)
def agents_json(agents: tuple[AgentFields, ...]) -> str:
    """Agents as JSON; most events have the same ones as many others."""
    texts = [{key: _text(text) for key, text in one._asdict().items()} for one in agents]
    return TO_JSON(texts)


def copy_in(cursor: psycopg.Cursor[Any], rows: Sequence[Row | bytes]) -> None:
    """Add rows to audit.events; those of bytes have the binary form of COPY already."""
    made = [row for row in rows if isinstance(row, bytes)]
    others = [row for row in rows if not isinstance(row, bytes)]
    # Rows are made into bytes as the server takes them, so that both work at the same time.
    with binary_copy(cursor.connection, QUERY("copy_in").format(columns=COLUMN_LIST)) as copy:
        copy.write(SIGNATURE + b"".join(made))
        for row in others:
            copy.write_row(row)
        if not others:
            copy.write(TRAILER)


@contextmanager
def binary_copy(connection: psycopg.Connection[Any], statement: Composed) -> Iterator[psycopg.Copy]:
    """A binary COPY of rows into the columns that COLUMNS names."""
    with connection.cursor() as cursor:
        for dumper in (UuidText, JsonText):
            cursor.adapters.register_dumper(str, dumper)
        with cursor.copy(statement) as copy:
            copy.set_types([*COLUMN_TYPES.values()])
            yield copy


class UuidText(Dumper):
    """Gives PostgreSQL a UUID that is text here."""

    format = Format.BINARY
    oid = types["uuid"].oid

    def dump(self, obj: str) -> bytes:
        """Its 16 bytes."""
        return bytes.fromhex(obj.replace("-", ""))


class JsonText(Dumper):
    """Gives PostgreSQL JSON that is text here."""

    format = Format.BINARY
    oid = types["jsonb"].oid

    def dump(self, obj: str) -> bytes:
        """The version of the format, which is 1, and the text."""
        return b"\x01" + obj.encode()


def dump_digest(connection: psycopg.Connection[Any]) -> str:
    """SHA-256 over all rows in order of seq; equal for two projections of one log."""
    digest = sha256()
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL timezone = 'UTC'")
        with cursor.copy(QUERY("dump").format(columns=COLUMN_LIST)) as copy:
            for block in copy:
                digest.update(block)
    return digest.hexdigest()


def _text(text: str | None) -> str | None:
    """Text without U+0000, which PostgreSQL cannot store. The body keeps the original."""
    return None if text is None else text.replace("\x00", "\ufffd")


def _id(text: str | None) -> str | None:
    """An id that fits into an index. The body keeps the original."""
    return _text(text[:LONGEST_ID] if text else text)


def _integer(number: int) -> int:
    """The nearest number that the column can store. The body keeps the original."""
    return min(max(number, -(2**31)), 2**31 - 1)

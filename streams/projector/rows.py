"""Rows of audit.events, made from sealed records: written by COPY, and dumped for comparison."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier

from schemas.codec import decode
from schemas.models import PremisEvent
from streams.audit.sealed_record import Seal, body_of
from streams.named_queries import NamedQueries

QUERY = NamedQueries(Path(__file__).with_name("queries.sql"))
LONGEST_ID = 500
"""Characters. PostgreSQL refuses a row whose part in an index takes more than 2,704 bytes."""
TO_JSON = json.JSONEncoder(ensure_ascii=False).encode
"""Made once, since json.dumps makes an encoder for each row."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
COLUMNS = (
    "seq", "sealed_at", "schema_sha256", "body", "event_id", "cause_id", "batch_id", "item_id",
    "page_id", "revision", "occurred_at", "fact", "ordinal", "event_type", "event_type_uri",
    "outcome", "code", "detail", "agents", "sources", "results", "producer_name",
    "producer_version",
)  # fmt: skip
COLUMN_LIST = SQL(", ").join(map(Identifier, COLUMNS))

Row = tuple[Any, ...]


def row_of(seal: Seal, value: bytes) -> Row:
    """The row of a sealed event, in the order of COLUMNS. Raises Undecodable."""
    event = decode(value, PremisEvent)
    assert isinstance(event, PremisEvent)
    return row_of_event(seal, value, event)


def row_of_event(seal: Seal, value: bytes, event: PremisEvent) -> Row:
    """The row of a sealed event that is decoded already."""
    head = event.head
    agents = [{key: _text(text) for key, text in vars(one).items()} for one in event.agents]
    return (
        seal.seq,
        EPOCH + timedelta(microseconds=seal.sealed_at),
        seal.schema_sha256,
        body_of(value),
        head.event_id,
        head.cause_id,
        _id(head.batch_id),
        _id(head.item_id),
        _id(head.page_id),
        _integer(head.revision),
        head.occurred_at,
        _text(event.fact),
        _integer(event.ordinal),
        _text(event.event_type),
        _text(event.event_type_uri),
        _text(event.outcome),
        _text(event.code),
        _text(event.detail),
        TO_JSON(agents),
        [_text(source) for source in event.sources],
        [_text(result) for result in event.results],
        _text(head.producer.name),
        _text(head.producer.version),
    )


def copy_in(cursor: psycopg.Cursor[Any], rows: Sequence[Row]) -> None:
    """Add rows to audit.events."""
    with cursor.copy(QUERY("copy_in").format(columns=COLUMN_LIST)) as copy:
        for row in rows:
            copy.write_row(row)


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

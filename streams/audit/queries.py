"""The history of a page, an item or a batch from the audit log, in order of cause."""

from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.sql import SQL

from schemas.times import written
from streams.audit.timeline import Row, in_order_of_cause
from streams.named_queries import NamedQueries

QUERY = NamedQueries(Path(__file__).with_name("queries.sql"))
COLUMNS = SQL(
    "seq, event_id, cause_id, event_type, event_type_uri, occurred_at, sealed_at, outcome, code,"
    " detail, agents, sources, results, fact, ordinal, batch_id, item_id, page_id, revision,"
    " producer_name, producer_version"
)
Connection = psycopg.Connection[Any]


class UnknownSubject(LookupError):
    """The audit log has no event about the subject."""


class AmbiguousLabel(LookupError):
    """Several pages of the item have this label; the text names them."""


class Incomplete(RuntimeError):
    """The projection of the log is not complete, or has rows that are not from the log."""


def check_complete(connection: Connection) -> None:
    """Return if the projection can be believed. Raises Incomplete."""
    row = connection.execute(QUERY("completeness")).fetchone()
    if row is None:
        raise Incomplete("audit.projector_position has no row")
    waits_for, foreign_seq = row
    if waits_for:
        raise Incomplete(str(waits_for))
    if foreign_seq is not None:
        raise Incomplete(f"seq {foreign_seq} was not written by the projector")


def page_history(connection: Connection, page: str) -> list[Row]:
    """The events of a page, and those of its item and batch on the way to its package. `page` is
    ITEM:REF or ITEM:LABEL. Raises UnknownSubject, AmbiguousLabel."""
    page_id, items, batches = _page(connection, page)
    return _history(connection, "page", page_id=page_id, items=items, batches=batches)


def item_history(connection: Connection, item_id: str) -> list[Row]:
    """The events of an item and all its pages, and those of its batch. Raises UnknownSubject."""
    row = connection.execute(QUERY("around_item"), {"item_id": item_id}).fetchone()
    rows = _history(connection, "item", items=[item_id], batches=row[0] if row else [])
    if not rows:
        raise UnknownSubject(f"no event is about item {item_id}")
    return rows


def batch_history(connection: Connection, batch_id: str) -> list[Row]:
    """The events of a batch and all in it. Raises UnknownSubject."""
    rows = _history(connection, "batch", batches=[batch_id])
    if not rows:
        raise UnknownSubject(f"no event is about batch {batch_id}")
    return rows


def document_of(row: Row) -> dict[str, Any]:
    """A row as `audit --json` gives it (docs/contract.md §8)."""
    named = ("event_type", "outcome", "code", "detail", "agents", "fact", "ordinal", "revision")
    subject = ("batch_id", "item_id", "page_id")
    return {
        "seq": row["seq"],
        "event_id": str(row["event_id"]),
        "cause_id": str(row["cause_id"]) if row["cause_id"] else None,
        "occurred_at": written(row["occurred_at"]),
        "sealed_at": written(row["sealed_at"]),
        "objects": list(dict.fromkeys([*row["sources"], *row["results"]])),
        **{name: row[name] for name in (*named, *subject)},
    }


def _page(connection: Connection, page: str) -> tuple[str, list[str], list[str]]:
    found = connection.execute(QUERY("around_page"), {"page_id": page}).fetchone()
    if found and found[0]:
        return page, found[0], found[1]
    named = _pages_named(connection, page)
    if not named:
        raise UnknownSubject(f"no page has the id or label {page}")
    page_id, item_id, batch_id, _ = named[0]
    if page_id != page and len(named) > 1:
        candidates = ", ".join(one[0] for one in named)
        raise AmbiguousLabel(f"{page} can be any of these pages: {candidates}")
    if page_id != page:
        found = connection.execute(QUERY("around_page"), {"page_id": page_id}).fetchone()
        if found and found[0]:
            return page_id, found[0], found[1]
    return page_id, [item_id], [batch_id]


def _pages_named(connection: Connection, page: str) -> list[tuple[str, str, str, str]]:
    try:
        with connection.transaction():
            return connection.execute(QUERY("pages_named"), {"page_id": page}).fetchall()
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        return []  # the tracker, which keeps the labels, may be rebuilding its tables


def _history(connection: Connection, name: str, **values: Any) -> list[Row]:
    query = QUERY(name).format(columns=COLUMNS)
    with connection.cursor(row_factory=dict_row) as cursor:
        return in_order_of_cause(cursor.execute(query, values).fetchall())

"""The history of a page, an item or a batch from the audit log, in order of cause."""

import json
from functools import lru_cache
from typing import Any

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.rows import dict_row
from psycopg.sql import SQL
from psycopg.types.string import TextLoader

from schemas.times import written
from streams.audit.standing import QUERY, Connection, Standing
from streams.audit.timeline import Row, in_order_of_cause

COLUMNS = SQL(
    "seq, event_id, cause_id, event_type, event_type_uri, occurred_at, sealed_at, outcome, code,"
    " detail, agents, sources, results, fact, ordinal, batch_id, item_id, page_id, revision,"
    " producer_name, producer_version"
)


def cursor_of_rows(connection: Connection) -> psycopg.Cursor[dict[str, Any]]:
    """A cursor that gives rows by column name, with ids as text."""
    cursor = connection.cursor(row_factory=dict_row)
    # Nothing computes with an id, and objects of UUID are slow to make and to compare.
    cursor.adapters.register_loader("uuid", TextLoader)
    cursor.adapters.register_loader("jsonb", AgentsLoader)
    return cursor


class AgentsLoader(Loader):
    """Reads agents. Rows with the same ones share them, so that nobody may change them."""

    def load(self, data: Buffer) -> list[dict[str, Any]]:
        """The agents in JSON; most rows of an answer have the same ones as many others."""
        return _agents(bytes(data))


@lru_cache(maxsize=256)
def _agents(text: bytes) -> list[dict[str, Any]]:
    agents: list[dict[str, Any]] = json.loads(text)
    return agents


class UnknownSubject(LookupError):
    """The audit log has no event about the subject."""


class AmbiguousLabel(LookupError):
    """Several pages of the item have this label; the text names them."""


def page_history(connection: Connection, page: str, holds: Standing) -> list[Row]:
    """The events of a page, and those of its item and batch on the way to its package. `page` is
    ITEM:REF or ITEM:LABEL. Raises UnknownSubject, AmbiguousLabel."""
    page_id, items, batches = _page(connection, page, holds)
    rows = _history(connection, "page", holds, page_id=page_id, items=items, batches=batches)
    if not rows:
        raise UnknownSubject(f"no event is about page {page_id}")
    return rows


def item_history(connection: Connection, item_id: str, holds: Standing) -> list[Row]:
    """The events of an item and all its pages, and those of its batch. Raises UnknownSubject."""
    values = {"item_id": item_id, "last_seq": holds.last_seq}
    row = connection.execute(QUERY("around_item"), values).fetchone()
    rows = _history(connection, "item", holds, items=[item_id], batches=row[0] if row else [])
    if not rows:
        raise UnknownSubject(f"no event is about item {item_id}")
    return rows


def batch_history(connection: Connection, batch_id: str, holds: Standing) -> list[Row]:
    """The events of a batch and all in it. Raises UnknownSubject."""
    rows = _history(connection, "batch", holds, batches=[batch_id])
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
        "sources": list(row["sources"]),
        "results": list(row["results"]),
        "objects": list(dict.fromkeys([*row["sources"], *row["results"]])),
        **{name: row[name] for name in (*named, *subject)},
    }


def _page(connection: Connection, page: str, holds: Standing) -> tuple[str, list[str], list[str]]:
    if around := _around(connection, page, holds):
        return page, *around
    named = _pages_named(connection, page)
    if not named:
        raise UnknownSubject(f"no page has the id or label {page}")
    page_id, item_id, batch_id, _ = named[0]
    if page_id != page and len(named) > 1:
        candidates = ", ".join(one[0] for one in named)
        raise AmbiguousLabel(f"{page} can be any of these pages: {candidates}")
    if page_id != page and (around := _around(connection, page_id, holds)):
        return page_id, *around
    return page_id, [item_id], [batch_id]


def _around(
    connection: Connection, page_id: str, holds: Standing
) -> tuple[list[str], list[str]] | None:
    """The items and batches of a page that has events."""
    values = {"page_id": page_id, "last_seq": holds.last_seq}
    found = connection.execute(QUERY("around_page"), values).fetchone()
    return (found[0], found[1]) if found and found[0] else None


def _pages_named(connection: Connection, page: str) -> list[tuple[str, str, str, str]]:
    try:
        with connection.transaction():
            return connection.execute(QUERY("pages_named"), {"page_id": page}).fetchall()
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        return []  # the tracker, which keeps the labels, may be rebuilding its tables


def _history(connection: Connection, name: str, holds: Standing, **values: Any) -> list[Row]:
    query = QUERY(name).format(columns=COLUMNS)
    values["last_seq"] = holds.last_seq
    with cursor_of_rows(connection) as cursor:
        return in_order_of_cause(cursor.execute(query, values).fetchall())

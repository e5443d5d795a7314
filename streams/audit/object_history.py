"""The history of one file by its digest: what it was made from, what was made of it, its checks."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from streams.audit.event_search import LIMIT, Question, find_events
from streams.audit.object_names import is_file_name
from streams.audit.queries import COLUMNS, UnknownSubject, cursor_of_rows
from streams.audit.standing import QUERY, Connection, Standing
from streams.audit.timeline import Row, in_order_of_cause

FIXITY = "fixity check"
DEEPEST = 20
"""Generations of files that are followed back to the first one."""


@dataclass(frozen=True)
class ObjectHistory:
    """What the log has about one file."""

    object: str
    rows: list[Row]
    """The events that name it, causes first."""
    more: bool
    origins: list[Row]
    """The events that made it and the files before it, the delivered one first."""
    products: list[Row]
    """The events that made another file from it."""
    packages: list[Row]
    """The packages of its items that were published after it was made."""
    checks: list[Row]
    """Fixity checks of it alone, or of all files of its items."""

    @property
    def all_rows(self) -> list[Row]:
        """Every row of the answer, once."""
        parts = (self.rows, self.origins, self.products, self.packages, self.checks)
        return list({row["seq"]: row for part in parts for row in part}.values())


def object_history(
    connection: Connection, digest: str, holds: Standing, limit: int = LIMIT
) -> ObjectHistory:
    """The history of the file `sha256:<hex>`. Raises UnknownSubject."""
    found = find_events(connection, Question(object=digest, limit=limit), holds)
    if not found.rows:
        raise UnknownSubject(f"no event is about an object {digest}")
    origins = _origins(connection, digest, holds)
    made = min((row["seq"] for row in origins if digest in row["results"]), default=0)
    items = sorted({row["item_id"] for row in found.rows if row["item_id"]})
    of_items = _rows(connection, "of_items", holds, items=items)
    own = [row for row in found.rows if row["event_type"] == FIXITY]
    of_all = [row for row in of_items if row["event_type"] == FIXITY and row["seq"] > made]
    return ObjectHistory(
        digest,
        found.rows,
        found.more,
        origins,
        [row for row in found.rows if digest in row["sources"] and _files(row["results"])],
        [row for row in of_items if _is_package(row) and row["seq"] > made],
        in_order_of_cause({row["seq"]: row for row in (*own, *of_all)}.values()),
    )


def _origins(connection: Connection, digest: str, holds: Standing) -> list[Row]:
    """The events that made a file, and before them those that made its sources."""
    rows: dict[int, Row] = {}
    known, wanted = {digest}, [digest]
    for _ in range(DEEPEST):
        before: list[str] = []
        for one in wanted:
            for row in _rows(connection, "makers", holds, object=one):
                rows[row["seq"]] = row
                before += [source for source in _files(row["sources"]) if source not in known]
        known.update(before)
        wanted = list(dict.fromkeys(before))
        if not wanted:
            break
    return in_order_of_cause(rows.values())


def _files(objects: Iterable[str]) -> list[str]:
    return [one for one in objects if is_file_name(one)]


def _is_package(row: Row) -> bool:
    return bool(row["fact"] == "PackagePublished" and row["ordinal"] == 0)


def _rows(connection: Connection, name: str, holds: Standing, **values: Any) -> list[Row]:
    query = QUERY(name).format(columns=COLUMNS)
    values |= {"last_seq": holds.last_seq, "rows": LIMIT}
    with cursor_of_rows(connection) as cursor:
        return list(cursor.execute(query, values).fetchall())

"""The objects that the facts name, with their digests, in the tables of the schema `fixity`."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

from processors.tools import Area
from schemas.codec import decode
from schemas.models import Fact, PackagePublished
from streams.fixity.receipt_keys import Decisions, receipt_key_of
from streams.named_queries import NamedQueries
from streams.storage.keys import BadKey, checked

QUERY = NamedQueries(Path(__file__).with_name("queries.sql"))
PORTION = 2000
OTHERS = ["ControlRequested", "FixityChecked", "ObjectRestored"]
"""Facts whose files are not checked: requests name staged files, and the lists of earlier runs have
their digest in the log."""
CHECKED_AREAS = (Area.MASTERS, Area.DERIVATIVES, Area.PACKAGES, Area.RECEIPTS)
"""The areas whose objects are checked; the records of the line are below the receipts."""
RECEIPT, RECEIPT_TYPE = "receipt", "application/json"
Connection = psycopg.Connection[dict[str, Any]]
ObjectRow = tuple[str, str | None, int | None, str, str]
"""Key, digest, size, media type and use of an object."""


def add_new_objects(connection: Connection) -> int:
    """Add the objects of all facts that were not read before; returns the number of facts."""
    decisions = repeated_work(connection)
    count, after = 0, ""
    while True:
        values = {"after": after, "others": OTHERS, "limit": PORTION}
        rows = connection.execute(QUERY("facts_not_read"), values).fetchall()
        if not rows:
            return count
        _add(connection, rows, decisions)
        count, after = count + len(rows), rows[-1]["event_id"]


def repeated_work(connection: Connection) -> Decisions:
    """The inputs of the work that each decision repeats."""
    decisions: dict[str, list[str]] = defaultdict(list)
    for row in connection.execute(QUERY("repeated_work")):
        decisions[row["decision_id"]].append(row["origin_event_id"])
    return decisions


def _add(connection: Connection, rows: list[dict[str, Any]], decisions: Decisions) -> None:
    objects, owners = [], []
    for row in rows:
        fact = decode(row["value"], Fact)
        head = fact.head
        for key, sha256, size, media_type, use in objects_of(fact, decisions):
            objects.append((key, sha256, size, media_type, head.occurred_at))
            owners.append((head.batch_id or "", head.item_id or "", key, head.page_id, use))
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(QUERY("put_object"), objects)
        cursor.executemany(QUERY("put_owner"), owners)
        cursor.executemany(QUERY("put_fact_read"), [(row["event_id"],) for row in rows])


def objects_of(fact: Fact, decisions: Decisions) -> Iterator[ObjectRow]:
    """The objects in the store that a fact names, and the receipt that contains it."""
    for file in fact.files:
        if _is_checked(file.key):
            yield (file.key, file.sha256, file.size_bytes, file.media_type, file.use)
    if isinstance(fact, PackagePublished) and _is_checked(fact.key):
        yield (fact.key, fact.sha256, fact.size_bytes, "application/x-tar", "package")
    receipt = receipt_key_of(fact, decisions)
    if receipt is not None:
        yield (receipt, None, None, RECEIPT_TYPE, RECEIPT)


def _is_checked(key: str) -> bool:
    try:
        return checked(key).startswith(tuple(f"{area}/" for area in CHECKED_AREAS))
    except BadKey:
        return False

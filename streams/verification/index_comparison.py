"""The sealer's index of events, compared with the sealed log."""

import sqlite3
import time
from contextlib import closing
from hashlib import sha256
from itertools import chain
from pathlib import Path
from uuid import UUID

from streams.sealer.event_index import QUERIES
from streams.transparency_log.tiles import Tree
from streams.verification.log_files import event_id_of, later_leaves

TIME, CONTENT = slice(8, 16), slice(16, None)
"""Parts of a leaf."""


def verify_index(path: Path, tree: Tree, folder: Path) -> tuple[int, str] | None:
    """The first event of which the index has something else than the sealed log, and what."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            database.execute("BEGIN")
            position = database.execute(QUERIES["position"]).fetchone()
            return _first_difference(database, tree, folder, *position)
    except (sqlite3.Error, TypeError) as damaged:
        return 0, f"{path.name} cannot be read ({damaged}); restart the sealer, which makes it"


def _first_difference(
    database: sqlite3.Connection,
    tree: Tree,
    folder: Path,
    next_seq: int,
    next_offset: int,
    sealed_at: int,
) -> tuple[int, str] | None:
    leaves = chain(tree.leaves(), later_leaves(folder, tree.size, next_seq - 1))
    seq, latest = 0, time.time_ns() // 1000
    for event_id, found, digest in database.execute(QUERIES["all_events"]):
        leaf = next(leaves, None) if found == seq < next_seq else None
        if leaf is None:
            return min(found, seq), "the index differs from the log in which event has this seq"
        if UUID(event_id_of(leaf)).bytes != event_id or sha256(leaf[CONTENT]).digest() != digest:
            return seq, "the index has another event id or digest than the log"
        seq, latest = seq + 1, max(latest, int.from_bytes(leaf[TIME], "big"))
    if seq < next_seq:
        return seq, "the index does not have it"
    if sealed_at > latest:
        return seq, f"the index dates the last event later than now: {sealed_at} microseconds"
    return None

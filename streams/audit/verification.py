"""Checks the sealed log, and that topic, projection and store have what it says."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Any

import psycopg

from processors.tools import Area, Storage
from schemas.codec import Undecodable
from schemas.models import FileRef
from schemas.store import UnknownSchema, schema_store
from streams.audit.queries import QUERY
from streams.audit.sealed_record import SealedRecord, record_of
from streams.projector.rows import COLUMN_LIST, COLUMNS, row_of
from streams.storage.keys import content_key
from streams.transparency_log import verifier
from streams.transparency_log.export import newest_checkpoint, static_tiles
from streams.transparency_log.note import is_signature
from streams.transparency_log.tiles import DamagedLog, Tree

ROWS = 2000
KEPT = (Area.MASTERS, Area.DERIVATIVES, Area.PACKAGES, Area.RECORDS, Area.STAGING)
"""Where the objects are that events name by digest."""
SHA256 = "sha256:"
Connection = psycopg.Connection[Any]


@dataclass(frozen=True)
class Fault:
    """Something that differs from the sealed log, and the first seq that it concerns."""

    part: str
    """log, topic, projection or objects."""
    seq: int
    why: str


@dataclass(frozen=True)
class SealedTree:
    """The sealed log up to its newest checkpoint."""

    size: int
    root: str
    tree: Tree


def verify_log(folder: Path) -> tuple[SealedTree, list[Fault]]:
    """Check tiles, entries and checkpoints against each other. Raises FileNotFoundError when no
    checkpoint was signed yet, BadNote."""
    while True:
        checkpoint = newest_checkpoint(folder)
        found = verifier.check_log(folder, [], [], is_signature, _schema, live=True)
        # A sealer that signs meanwhile removes the partial tiles of earlier checkpoints.
        if found.ok or newest_checkpoint(folder).size == checkpoint.size:
            break
    tree = SealedTree(checkpoint.size, found.root, Tree(static_tiles(folder), checkpoint.size))
    faults = [] if found.ok else [Fault("log", found.first_bad or 0, found.why)]
    return tree, faults


def records(tree: Tree) -> Iterator[SealedRecord]:
    """All sealed records. Raises DamagedLog."""
    for index, leaf in enumerate(tree.leaves()):
        try:
            yield record_of(leaf)
        except (UnknownSchema, Undecodable) as unreadable:
            raise DamagedLog(index, str(unreadable)) from None


def verify_topic(tree: Tree, on_topic: Iterable[tuple[int, bytes]]) -> list[Fault]:
    """Check that the topic has every leaf; `on_topic` gives seq and leaf of each intact record in
    the order of the topic. Records of other writers may be between them."""
    expected = tree.leaves()
    seq, wanted = 0, next(expected, None)
    for found_seq, leaf in on_topic:
        if wanted is None:
            return []
        if found_seq == seq and leaf == wanted:
            seq, wanted = seq + 1, next(expected, None)
    if wanted is None:
        return []
    return [Fault("topic", seq, "the topic does not have this event as it was sealed")]


def verify_projection(connection: Connection, tree: Tree) -> list[Fault]:
    """Check every row of the projection against its leaf, and that none is missing or added."""
    projected = _projected(connection)
    seq = 0
    for record, row in zip(records(tree), _rows(connection), strict=False):
        if seq > projected:
            break
        wanted = row_of(record.seal, record.value)
        if row[0] != seq:
            return [Fault("projection", seq, f"its row is missing; the next one has seq {row[0]}")]
        if differing := _differing(wanted, row):
            return [Fault("projection", seq, f"its row differs in: {', '.join(differing)}")]
        seq += 1
    last = min(projected, tree.size - 1)
    if seq <= last:
        return [Fault("projection", seq, "its row is missing")]
    return []


def verify_objects(storage: Storage, tree: Tree, item_id: str | None = None) -> list[Fault]:
    """Check that the store has all files that events made, with their digests; of one item or
    of all. Each missing or changed file is a fault."""
    faults, seen = [], set[str]()
    for record in records(tree):
        row = dict(zip(COLUMNS, row_of(record.seal, record.value), strict=True))
        if item_id is not None and row["item_id"] != item_id:
            continue
        for digest in _digests(row["results"]):
            if digest not in seen:
                seen.add(digest)
                if problem := _object_problem(storage, digest):
                    faults.append(Fault("objects", record.seal.seq, problem))
    return faults


def differing_rows(folder: Path, rows: Iterable[dict[str, Any]]) -> dict[int, str]:
    """Of rows that a command shows: those that are not as they were sealed, and why. A row whose
    seq has no checkpoint yet cannot be judged and is not among them. Raises DamagedLog."""
    checkpoint = newest_checkpoint(folder)
    tree = Tree(static_tiles(folder), checkpoint.size)
    found: dict[int, str] = {}
    for row in rows:
        seq = row["seq"]
        if seq < checkpoint.size:
            record = record_of(tree.leaf(seq))
            wanted = dict(zip(COLUMNS, row_of(record.seal, record.value), strict=True))
            names = [
                name
                for name in row
                if name in wanted and _plain(name, wanted[name]) != _plain(name, row[name])
            ]
            if names:
                found[seq] = f"differs from what was sealed in: {', '.join(names)}"
    return found


def _schema(digest: str) -> bytes | None:
    store = schema_store()
    try:
        return store.text(store.id_of(bytes.fromhex(digest))).encode()
    except UnknownSchema:
        return None


def _projected(connection: Connection) -> int:
    row = connection.execute("SELECT last_seq FROM audit.projector_position").fetchone()
    return int(row[0]) if row else -1


def _rows(connection: Connection) -> Iterator[tuple[Any, ...]]:
    with connection.transaction(), connection.cursor("audit_verify") as cursor:
        cursor.itersize = ROWS
        yield from cursor.execute(QUERY("all_events").format(columns=COLUMN_LIST))


def _differing(wanted: tuple[Any, ...], row: tuple[Any, ...]) -> list[str]:
    return [
        name
        for name, right, found in zip(COLUMNS, wanted, row, strict=True)
        if _plain(name, right) != _plain(name, found)
    ]


def _plain(name: str, value: object) -> object:
    """A value of a column, equal for what was written and what the database gives back."""
    if name == "agents":
        return json.loads(value) if isinstance(value, str) else value
    if name in ("event_id", "cause_id"):
        return value and str(value)
    return bytes(value) if isinstance(value, memoryview) else value


def _digests(results: Iterable[str]) -> Iterator[str]:
    for result in results:
        if result.startswith(SHA256):
            yield result.removeprefix(SHA256)


def _object_problem(storage: Storage, digest: str) -> str:
    """What is wrong with the object of a digest; empty if nothing is."""
    for area in KEPT:
        key = content_key(area, digest)
        size = storage.size(key)
        if size is None:
            continue
        ref = FileRef(key=key, sha256=digest, size_bytes=size, media_type="", use="")
        with storage.path(ref).open("rb") as file:
            found = file_digest(file, "sha256").hexdigest()
        return "" if found == digest else f"{key} has the SHA-256 {found}"
    return f"no object in the store has the SHA-256 {digest}"

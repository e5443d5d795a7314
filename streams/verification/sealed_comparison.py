"""Checks the sealed log, and that topic, projection and store have what it says."""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import file_digest
from pathlib import Path
from typing import Any

import psycopg

from processors.tools import Area, Storage
from schemas.codec import Undecodable
from schemas.models import FileRef
from schemas.store import UnknownSchema
from streams.audit.sealed_record import SealedRecord, record_of, registered_schema
from streams.audit.standing import QUERY
from streams.projector.rows import COLUMN_LIST, COLUMNS, row_of_event
from streams.storage.keys import content_key
from streams.transparency_log import verifier
from streams.transparency_log.export import newest_checkpoint, static_tiles
from streams.transparency_log.note import is_signature
from streams.transparency_log.tiles import WIDTH, DamagedLog, Tree

ROWS = 2000
KEPT = (Area.MASTERS, Area.DERIVATIVES, Area.PACKAGES, Area.RECORDS, Area.STAGING)
"""Where the objects are that events name by digest."""
SHA256 = "sha256:"
Connection = psycopg.Connection[Any]


@dataclass(frozen=True)
class Difference:
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


def verify_log(folder: Path) -> tuple[SealedTree, list[Difference]]:
    """Check tiles, entries and checkpoints against each other. Raises FileNotFoundError when no
    checkpoint was signed yet, BadNote."""
    while True:
        checkpoint = newest_checkpoint(folder)
        found = verifier.check_log(folder, [], [], is_signature, _schema, live=True)
        # A sealer that signs meanwhile removes the partial tiles of earlier checkpoints.
        if found.ok or newest_checkpoint(folder).size == checkpoint.size:
            break
    tree = SealedTree(checkpoint.size, found.root, Tree(static_tiles(folder), checkpoint.size))
    faults = [] if found.ok else [Difference("log", found.first_bad or 0, found.why)]
    return tree, faults


def records(tree: Tree, containing: bytes = b"") -> Iterator[SealedRecord]:
    """All sealed records, or those whose leaf contains some bytes. Raises DamagedLog."""
    for index, leaf in enumerate(tree.leaves()):
        if containing not in leaf:
            continue
        try:
            yield record_of(leaf)
        except (UnknownSchema, Undecodable) as unreadable:
            raise DamagedLog(index, str(unreadable)) from None


def records_of_item(tree: Tree, item_id: str) -> Iterator[SealedRecord]:
    """The sealed records about an item. Raises DamagedLog.

    All leaves are read, since only they show that none is missing. Decoding takes far longer than
    reading, and a leaf about the item has its id as it is."""
    for record in records(tree, item_id.encode()):
        if record.event.head.item_id == item_id:
            yield record


def verify_topic(
    tree: Tree,
    on_topic: Iterable[tuple[int, bytes]],
    is_signed: Callable[[int], bool] = lambda _: True,
) -> list[Difference]:
    """Check that the topic has every leaf, and no other event after the last one; `on_topic` gives
    seq and leaf of each intact record in the order of the topic. Records of other writers may be
    between them. `is_signed` gives whether a checkpoint covers a later seq meanwhile."""
    expected = tree.leaves()
    seq, wanted = 0, next(expected, None)
    for found_seq, leaf in on_topic:
        if wanted is None and found_seq == seq:
            if is_signed(seq):
                return []
            return [Difference("topic", seq, "no checkpoint covers this record of the topic")]
        if found_seq == seq and leaf == wanted:
            seq, wanted = seq + 1, next(expected, None)
    if wanted is None:
        return []
    return [Difference("topic", seq, "the topic does not have this event as it was sealed")]


def is_signed_within(folder: Path, seconds: float, seq: int) -> bool:
    """Whether a checkpoint covers a seq within some time: the sealer signs every second."""
    deadline = time.monotonic() + seconds
    while newest_checkpoint(folder).size <= seq:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def verify_projection(connection: Connection, tree: Tree) -> list[Difference]:
    """Check every row of the projection against its leaf, and that none is missing or added."""
    projected = _projected(connection)
    seq = 0
    for record, row in zip(records(tree), _rows(connection), strict=False):
        if seq > projected:
            break
        wanted = row_of_event(record.seal, record.value, record.event)
        if row[0] != seq:
            return [
                Difference("projection", seq, f"its row is missing; the next one has seq {row[0]}")
            ]
        if differing := _differing(wanted, row):
            return [Difference("projection", seq, f"its row differs in: {', '.join(differing)}")]
        seq += 1
    last = min(projected, tree.size - 1)
    if seq <= last:
        return [Difference("projection", seq, "its row is missing")]
    return []


def verify_objects(storage: Storage, tree: Tree, item_id: str | None = None) -> list[Difference]:
    """Check that the store has all files that events made, with their digests; of one item or
    of all. Each missing or changed file is a fault."""
    faults, seen = [], set[str]()
    for record in records(tree) if item_id is None else records_of_item(tree, item_id):
        for digest in _digests(record.event.results):
            if digest not in seen:
                seen.add(digest)
                if problem := _object_problem(storage, digest):
                    faults.append(Difference("objects", record.seal.seq, problem))
    return faults


def differing_rows(folder: Path, rows: Iterable[Mapping[str, Any]]) -> tuple[int, dict[int, str]]:
    """The size of the newest checkpoint, and of the rows that a command shows those that are not as
    they were sealed, with the reason. Rows that have no checkpoint yet are not judged.

    Raises FileNotFoundError when there is no checkpoint, BadNote, DamagedLog."""
    size = newest_checkpoint(folder).size
    tree = Tree(static_tiles(folder), size)

    @lru_cache(maxsize=64)
    def bundle(number: int) -> list[bytes]:
        return list(tree.leaves(number * WIDTH, min((number + 1) * WIDTH, size)))

    found: dict[int, str] = {}
    for row in rows:
        number, within = divmod(row["seq"], WIDTH)
        if row["seq"] >= size:
            continue
        record = record_of(bundle(number)[within])
        row_as_sealed = row_of_event(record.seal, record.value, record.event)
        wanted = dict(zip(COLUMNS, row_as_sealed, strict=True))
        names = [name for name in row if name in wanted and _differs(name, wanted, row)]
        if names:
            found[row["seq"]] = f"differs from what was sealed in: {', '.join(names)}"
    return size, found


def _schema(digest: str) -> bytes | None:
    try:
        return registered_schema(bytes.fromhex(digest))
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
    sealed, found = (dict(zip(COLUMNS, values, strict=True)) for values in (wanted, row))
    return [name for name in COLUMNS if _differs(name, sealed, found)]


def _differs(name: str, sealed: Mapping[str, object], found: Mapping[str, object]) -> bool:
    return _plain(name, sealed[name]) != _plain(name, found[name])


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

"""Checks the sealed log, and that topic, projection and store have what it says."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

import psycopg
from psycopg.abc import Buffer
from psycopg.types.datetime import TimestamptzLoader

from processors.outcome import StorageError
from processors.tools import Area
from schemas.codec import Undecodable
from schemas.store import UnknownSchema
from streams.audit.object_names import digest_in, is_file_name
from streams.audit.sealed_record import SealedRecord, record_of, registered_schema
from streams.audit.standing import QUERY
from streams.fixity.reading import MISSING, UNREADABLE, read_object
from streams.projector.rows import COLUMN_LIST, COLUMNS, row_of_fields
from streams.storage.keys import content_key
from streams.storage.object_store import ObjectStore
from streams.transparency_log import verifier
from streams.transparency_log.checkpoint_files import NEWEST
from streams.transparency_log.export import newest_checkpoint, static_tiles
from streams.transparency_log.note import is_signature
from streams.transparency_log.tiles import WIDTH, DamagedLog, Tree
from streams.verification.log_files import journal_problem

ROWS = 2000
KEPT = (Area.MASTERS, Area.DERIVATIVES, Area.PACKAGES, Area.RECORDS)
"""Where the objects are that events name by digest."""
ACQUISITION = "PageAcquired"
"""The fact from which on a master is in its area; what others name may be staged only."""
TILES = "tile"
Connection = psycopg.Connection[Any]
Later = Callable[[int], Iterable[bytes]]
"""Gives the leaves behind a tree, up to a seq."""


class AnyTime(TimestamptzLoader):
    """Loads also times that a datetime cannot have, such as infinity, as text."""

    def load(self, data: Buffer) -> Any:
        """The time of a column."""
        try:
            return super().load(data)
        except psycopg.DataError:
            return bytes(data).decode()


@dataclass(frozen=True)
class Difference:
    """Something that differs from the sealed log, and the first seq that it concerns."""

    part: str
    """log, index, topic, projection or objects."""
    seq: int
    why: str


@dataclass(frozen=True)
class SealedTree:
    """The sealed log up to its newest checkpoint."""

    size: int
    root: str
    tree: Tree


def verify_log(folder: Path) -> tuple[SealedTree, list[Difference]]:
    """Check tiles, entries, checkpoints and journal against each other. Raises FileNotFoundError
    when nothing was sealed yet."""
    while True:
        newest = _newest(folder)
        found = verifier.check_log(folder, [], [], is_signature, _schema, live=True)
        # A sealer that signs meanwhile removes the partial tiles of earlier checkpoints.
        if found.ok or _newest(folder) == newest:
            break
    if newest is None and not (folder / TILES).is_dir():
        raise FileNotFoundError(f"{folder} has no tiles")
    tree = Tree(static_tiles(folder), found.size)
    sealed = SealedTree(found.size, found.root, tree)
    if not found.ok:
        return sealed, [Difference("log", found.first_bad or 0, found.why)]
    if newest is None:
        return sealed, [Difference("log", found.size, f"the file {NEWEST} is missing")]
    problem = journal_problem(folder, tree)
    return sealed, [Difference("log", *problem)] if problem else []


def _newest(folder: Path) -> bytes | None:
    try:
        return (folder / NEWEST).read_bytes()
    except FileNotFoundError:
        return None


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
        if record.fields.item_id == item_id:
            yield record


def verify_projection(
    connection: Connection, tree: Tree, later: Later = lambda _: (), complete: bool = False
) -> list[Difference]:
    """Check every row of the projection against its leaf, and that none is missing or added.

    `later` gives the leaves behind this tree, up to a seq. With `complete`, the projector had read
    everything in the tree before this call. Position and rows must be of one snapshot: the
    connection is for repeatable reads. Raises psycopg.OperationalError."""
    try:
        with connection.transaction():
            found = _first_difference(connection, tree, later, complete)
    except psycopg.OperationalError:
        raise
    except psycopg.Error as refused:
        found = 0, f"the tables cannot be read: {str(refused).strip()}"
    return [Difference("projection", *found)] if found else []


def _first_difference(
    connection: Connection, tree: Tree, later: Later, complete: bool
) -> tuple[int, str] | None:
    position = connection.execute(QUERY("projected")).fetchone()
    if position is None:
        return 0, "the projector's position is missing: audit.projector_position has no row"
    projected, seq = int(position[0]), 0
    sealed = chain(records(tree), map(record_of, later(projected)))
    for row in _rows(connection):
        if problem := _row_problem(row, seq, projected, sealed):
            return problem
        seq += 1
    if seq <= projected or (complete and seq < tree.size):
        return seq, "its row is missing"
    return None


def _row_problem(
    row: tuple[Any, ...], seq: int, projected: int, sealed: Iterator[SealedRecord]
) -> tuple[int, str] | None:
    """What is wrong with the next row, which must have this seq, and the first seq concerned."""
    found = row[0]
    if found < seq:
        return found, "more than one row has this seq"
    if found > seq and seq <= projected:
        return seq, f"its row is missing; the next one has seq {found}"
    if found > projected:
        return found, f"its row is behind the projector's position, seq {projected}"
    record = next(sealed, None)
    if record is None:
        return seq, "the table has it, and the sealed log does not"
    differing = _differing(row_of_fields(record.seal, record.value, record.fields), row)
    return (seq, f"its row differs in: {', '.join(differing)}") if differing else None


def verify_objects(
    storage: ObjectStore, tree: Tree, item_id: str | None = None
) -> list[Difference]:
    """Check that the store has all files that events made, with their digests; of one item or
    of all. Each missing or changed file is a fault."""
    faults, seen = [], set[tuple[str, bool]]()
    for record in records(tree) if item_id is None else records_of_item(tree, item_id):
        staged = record.fields.fact != ACQUISITION
        for digest in _digests(record.fields.results):
            if (digest, staged) not in seen:
                seen.add((digest, staged))
                if problem := _object_problem(storage, digest, staged):
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
        row_as_sealed = row_of_fields(record.seal, record.value, record.fields)
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


def _rows(connection: Connection) -> Iterator[tuple[Any, ...]]:
    with connection.transaction(), connection.cursor("audit_verify") as cursor:
        cursor.itersize = ROWS
        cursor.adapters.register_loader("timestamptz", AnyTime)
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
        if is_file_name(result):
            yield digest_in(result)


def _object_problem(store: ObjectStore, digest: str, staged: bool) -> str:
    """What is wrong with the object of a digest, which may be staged only; empty if nothing is.
    Raises StorageError."""
    for area in (*KEPT, Area.STAGING) if staged else KEPT:
        key = content_key(area, digest)
        if store.size(key) is None:
            continue
        reading = read_object(store, key, digest)
        if reading.code == UNREADABLE:
            raise StorageError(f"{key}: {reading.found}")
        if reading.code == MISSING:
            return f"the store does not hold {key}"
        return f"{key} has the SHA-256 {reading.sha256}" if reading.code else ""
    return f"no object in the store has the SHA-256 {digest}"

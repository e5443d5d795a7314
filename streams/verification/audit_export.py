"""Exports of the sealed log for auditors: the complete log, or one item's events with proofs."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from processors.tools import Area, Storage
from schemas.models import FixityChecked
from schemas.store import schema_store
from streams.audit.queries import UnknownSubject
from streams.audit.sealed_record import SealedRecord
from streams.storage.keys import content_key
from streams.transparency_log.checkpoint import Checkpoint
from streams.transparency_log.export import (
    export_all,
    export_entries,
    newest_checkpoint,
    static_tiles,
)
from streams.transparency_log.tiles import Tree
from streams.verification.sealed_comparison import records

READABLE = "entries.jsonl"
LISTS = "fixity"
"""Folder with the lists of digests that events of fixity runs name, by digest."""


@dataclass(frozen=True)
class Export:
    """What was written."""

    checkpoint: Checkpoint
    events: int
    lists: int
    """Lists of digests of fixity runs."""
    lists_missing: tuple[str, ...]
    """Digests of lists that the store does not have."""


def write_export(log: Path, folder: Path, item_id: str | None, store: Storage) -> Export:
    """Write the log or, with an item, its events into a new folder, and the lists that its events
    name. Raises UnknownSubject, DamagedLog, BadNote, StorageError, OSError."""
    tree = Tree(static_tiles(log), newest_checkpoint(log).size)
    if item_id is None:
        checkpoint = export_all(log, folder, _schema)
        chosen: Iterable[SealedRecord] = records(Tree(static_tiles(folder), checkpoint.size))
    else:
        chosen = [one for one in records(tree) if one.event.head.item_id == item_id]
        if not chosen:
            raise UnknownSubject(f"no event is about item {item_id}")
        checkpoint = export_entries(log, folder, (one.seal.seq for one in chosen), _schema)
    digests: list[str] = []
    events = _write_readable(folder / READABLE, _noting_lists(chosen, digests))
    missing = [one for one in dict.fromkeys(digests) if not _write_list(folder, store, one)]
    return Export(checkpoint, events, len(set(digests)) - len(missing), tuple(missing))


def _noting_lists(chosen: Iterable[SealedRecord], digests: list[str]) -> Iterator[SealedRecord]:
    for record in chosen:
        if record.event.fact == FixityChecked.__name__:
            digests += [one.removeprefix("sha256:") for one in record.event.results]
        yield record


def _write_list(folder: Path, store: Storage, digest: str) -> bool:
    """Whether the store has a list with this digest, which is in the export then."""
    content = store.get(content_key(Area.RECORDS, digest))
    if content is None or sha256(content).hexdigest() != digest:
        return False
    (folder / LISTS).mkdir(exist_ok=True)
    (folder / LISTS / f"{digest}.tsv").write_bytes(content)
    return True


def _write_readable(path: Path, chosen: Iterable[SealedRecord]) -> int:
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for record in chosen:
            count += 1
            event = record.event.model_dump(mode="json")
            row = {"seq": record.seal.seq, "sealed_at": record.seal.sealed_at, "event": event}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return count


def _schema(digest: bytes) -> bytes:
    store = schema_store()
    return store.text(store.id_of(digest)).encode()

"""Exports of the sealed log for auditors: the complete log, or one item's events with proofs."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from processors.tools import Area, Storage
from schemas.models import FixityChecked
from streams.audit.object_names import digest_in
from streams.audit.queries import UnknownSubject
from streams.audit.sealed_record import record_of, registered_schema
from streams.storage.keys import content_key
from streams.transparency_log.checkpoint import Checkpoint
from streams.transparency_log.export import (
    export_all,
    export_entries,
    newest_checkpoint,
    static_tiles,
)
from streams.transparency_log.tiles import Tree
from streams.verification.sealed_comparison import records_of_item

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
    readable = _Readable()
    if item_id is None:
        checkpoint = export_all(log, folder, registered_schema, readable)
        events = checkpoint.size
    else:
        tree = Tree(static_tiles(log), newest_checkpoint(log).size)
        chosen = [record.seal.seq for record in records_of_item(tree, item_id)]
        if not chosen:
            raise UnknownSubject(f"no event is about item {item_id}")
        checkpoint = export_entries(log, folder, chosen, registered_schema, readable)
        events = len(chosen)
    named = list(dict.fromkeys(readable.lists))
    missing = [digest for digest in named if not _write_list(folder, store, digest)]
    return Export(checkpoint, events, len(named) - len(missing), tuple(missing))


class _Readable:
    """Gives each entry as a document, and notes the lists that events name."""

    def __init__(self) -> None:
        self.lists: list[str] = []

    def __call__(self, leaf: bytes) -> object:
        record = record_of(leaf)
        if record.fields.fact == FixityChecked.__name__:
            self.lists += [digest_in(one) for one in record.fields.results]
        event = record.event.model_dump(mode="json")
        return {"seq": record.seal.seq, "sealed_at": record.seal.sealed_at, "event": event}


def _write_list(folder: Path, store: Storage, digest: str) -> bool:
    """Whether the store has a list with this digest, which is in the export then."""
    content = store.get(content_key(Area.RECORDS, digest))
    if content is None or sha256(content).hexdigest() != digest:
        return False
    (folder / LISTS).mkdir(exist_ok=True)
    (folder / LISTS / f"{digest}.tsv").write_bytes(content)
    return True

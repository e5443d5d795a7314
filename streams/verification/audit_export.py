"""Exports of the sealed log for auditors: the complete log, or one item's events with proofs."""

import json
from collections.abc import Iterable
from pathlib import Path

from schemas.store import schema_store
from streams.audit.queries import UnknownSubject
from streams.audit.sealed_record import SealedRecord
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


def write_export(log: Path, folder: Path, item_id: str | None) -> tuple[Checkpoint, int]:
    """Write the log or, with an item, its events into a new folder; the checkpoint, and how many
    events. Raises UnknownSubject, DamagedLog, BadNote, OSError."""
    tree = Tree(static_tiles(log), newest_checkpoint(log).size)
    if item_id is None:
        checkpoint = export_all(log, folder, _schema)
        chosen: Iterable[SealedRecord] = records(Tree(static_tiles(folder), checkpoint.size))
    else:
        chosen = [one for one in records(tree) if one.event.head.item_id == item_id]
        if not chosen:
            raise UnknownSubject(f"no event is about item {item_id}")
        checkpoint = export_entries(log, folder, (one.seal.seq for one in chosen), _schema)
    return checkpoint, _write_readable(folder / READABLE, chosen)


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

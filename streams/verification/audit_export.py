"""Exports of the sealed log for auditors: the complete log, or one item's events with proofs."""

from pathlib import Path

from streams.audit.queries import UnknownSubject
from streams.audit.sealed_record import record_of, registered_schema
from streams.transparency_log.checkpoint import Checkpoint
from streams.transparency_log.export import (
    export_all,
    export_entries,
    newest_checkpoint,
    static_tiles,
)
from streams.transparency_log.tiles import Tree
from streams.verification.sealed_comparison import records_of_item


def write_export(log: Path, folder: Path, item_id: str | None) -> tuple[Checkpoint, int]:
    """Write the log or, with an item, its events into a new folder; the checkpoint, and how many
    events. Raises UnknownSubject, DamagedLog, BadNote, OSError."""
    if item_id is None:
        checkpoint = export_all(log, folder, registered_schema, _readable)
        return checkpoint, checkpoint.size
    tree = Tree(static_tiles(log), newest_checkpoint(log).size)
    chosen = [record.seal.seq for record in records_of_item(tree, item_id)]
    if not chosen:
        raise UnknownSubject(f"no event is about item {item_id}")
    return export_entries(log, folder, chosen, registered_schema, _readable), len(chosen)


def _readable(leaf: bytes) -> object:
    record = record_of(leaf)
    event = record.event.model_dump(mode="json")
    return {"seq": record.seal.seq, "sealed_at": record.seal.sealed_at, "event": event}

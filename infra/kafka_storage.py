"""The data folder of a broker: formatted completely or not at all, its small files made again."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from infra.files import fsync_folder, write_atomic

META = "meta.properties"
BOOTSTRAP = "bootstrap.checkpoint"
QUORUM_STATE = "quorum-state"
METADATA_LOG = "__cluster_metadata-0"
UNREADABLE = (
    "{file} is empty or unreadable, and its content cannot be derived. Restore this file from a"
    " backup of {folder}, or restore the complete folder."
)


def prepare_storage(folder: Path, format_into: Callable[[Path], None], *, alone: bool) -> None:
    """Format folder/data unless it is formatted, and make again what a power cut emptied.

    `format_into` formats an empty folder; `alone` means that no other broker votes. Raises
    RuntimeError that names a file which cannot be derived."""
    data = folder / "data"
    if not _is_formatted(data):
        _format(folder, data, format_into)
    _repair_meta(folder, data)
    _repair_bootstrap(folder, data, format_into)
    _repair_quorum_state(folder, data, alone)


def cluster_id_of(folder: Path) -> str | None:
    """The id of the cluster to which a data folder belongs; None if it is missing or unreadable."""
    for file in (folder / "data" / META, folder / META):
        for line in _text(file).splitlines():
            name, _, value = line.partition("=")
            if name == "cluster.id" and value:
                return value
    return None


def has_data(folder: Path) -> bool:
    """Whether a broker has written records into its data folder."""
    return any(log.stat().st_size for log in (folder / "data" / METADATA_LOG).glob("*.log"))


def _is_formatted(data: Path) -> bool:
    return has_data(data.parent) or bool(_text(data / META))


def _format(folder: Path, data: Path, format_into: Callable[[Path], None]) -> None:
    # The formatter does not flush what it writes, and a second format refuses a part of the first.
    draft = _draft(folder)
    format_into(draft)
    _flush_tree(draft)
    shutil.rmtree(data, ignore_errors=True)
    draft.rename(data)
    fsync_folder(folder)


def _repair_meta(folder: Path, data: Path) -> None:
    meta, copy = data / META, folder / META
    if not _text(meta):
        if not _text(copy):
            raise RuntimeError(UNREADABLE.format(file=meta, folder=folder))
        write_atomic(meta, _text(copy))
    elif _text(copy) != _text(meta):
        write_atomic(copy, _text(meta))


def _repair_bootstrap(folder: Path, data: Path, format_into: Callable[[Path], None]) -> None:
    """Take the file from a new format: it holds the versions of the features, and no record."""
    if _content(data / BOOTSTRAP):
        return
    draft = _draft(folder)
    format_into(draft)
    write_atomic(data / BOOTSTRAP, (draft / BOOTSTRAP).read_bytes())
    shutil.rmtree(draft)


def _repair_quorum_state(folder: Path, data: Path, alone: bool) -> None:
    """Remove an empty state of the vote: a single voter votes again. One of several might have
    voted already."""
    state = data / METADATA_LOG / QUORUM_STATE
    if state.exists() and not _content(state):
        if not alone:
            raise RuntimeError(UNREADABLE.format(file=state, folder=folder))
        state.unlink()


def _draft(folder: Path) -> Path:
    draft = folder / "data.new"
    shutil.rmtree(draft, ignore_errors=True)
    return draft


def _flush_tree(folder: Path) -> None:
    for place, _, names in os.walk(folder, topdown=False):
        for name in names:
            handle = os.open(Path(place) / name, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        fsync_folder(Path(place))


def _content(file: Path) -> bytes:
    """The content of a file; empty if it is missing or holds only zeros, as unwritten blocks do."""
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return b""
    return content if content.strip(b"\0") else b""


def _text(file: Path) -> str:
    return _content(file).decode("utf-8", "replace")

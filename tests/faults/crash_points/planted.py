"""Stores with a fault of their own, which the judges of crash points must find."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import patch

from streams.storage import local
from streams.storage.local import LocalStorage
from tests.faults.crash_points.acts import (
    CONTENT,
    STORE,
    WORK_ID,
    Act,
    keep_master,
    nothing,
)
from tests.faults.crash_points.traced import tell


def with_fault(target: object, name: str, instead: object, run: Callable[[Path], None]) -> Act:
    """An act of the store in which one function is another."""

    def spoiled(home: Path) -> None:
        with patch.object(target, name, instead):
            run(home)

    return replace(STORE, run=spoiled)


def _no_flush(_: object) -> None:
    return None


def _write_in_place(storage: LocalStorage, key: str, value: bytes) -> bool:
    path = storage._home / key
    storage._make_folders(path.parent)
    with path.open("wb") as out:
        out.write(value[:64])
        out.flush()
        out.write(value[64:])
        out.flush()
        os.fsync(out.fileno())
    local.fsync_folder(path.parent)
    return True


def _in_place(home: Path) -> None:
    key = f"receipts/batch-1/{WORK_ID[:2]}/{WORK_ID}"
    _write_in_place(LocalStorage(home), key, CONTENT)
    tell(key)


def _swallow(home: Path) -> None:
    """Promises whatever came of it."""
    try:
        keep_master(home)
    except Exception:
        tell("masters/sha256/whatever")


def _make_folders(_: LocalStorage, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)


def _shout(home: Path) -> None:
    """An error in other words than the store's."""
    try:
        keep_master(home)
    except Exception as wrong:
        raise OSError("as the disk said it") from wrong


@dataclass(frozen=True)
class Planted:
    """A fault, and the words in which it must be found."""

    act: Act
    found: str


PLANTED = {
    "no-fsync-of-the-file": Planted(
        with_fault(local.os, "fsync", _no_flush, keep_master), "before its bytes were flushed"
    ),
    "no-fsync-of-the-folder": Planted(
        with_fault(local, "fsync_folder", _no_flush, keep_master), "before the name masters/sha256/"
    ),
    "no-fsync-of-new-folders": Planted(
        with_fault(LocalStorage, "_make_folders", _make_folders, keep_master),
        "before the name masters was flushed",
    ),
    "write-in-place": Planted(replace(STORE, run=_in_place), "is there in part"),
    "swallowed-error": Planted(replace(STORE, run=_swallow), "was promised and is gone"),
    "other-words": Planted(replace(STORE, run=_shout), "it ended with 11: OSError"),
    "no-sweep": Planted(replace(STORE, start=nothing), "is left over"),
}

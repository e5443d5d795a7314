"""Atomic file writes: a reader sees the old content or the new, never a part of either."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import get_native_id
from typing import Any

_OPENS_FOLDERS = hasattr(os, "O_DIRECTORY")
"""Windows has no such flag: there a folder is no file."""


class DamagedFile(ValueError):
    """A file of the home is unreadable and cannot be derived; the text names it and the fix."""


def write_atomic(
    path: Path, content: str | bytes, *, durable: bool = True, mode: int = 0o666
) -> None:
    """Replace a small file in one step; its folder must exist.

    A durable write survives a power cut: without fsync, the new name may be on disk before the
    content, and the file is then empty. Set `durable` to False only for a file that is written
    often, whose reader ignores a broken one, and which a restart writes again."""
    with _draft(path, content, durable, mode) as draft:
        draft.replace(path)
    if durable:
        fsync_folder(path.parent)


def create_atomic(path: Path, content: str | bytes) -> None:
    """Create a small durable file unless it exists: of several writers, the first one wins."""
    with _draft(path, content, durable=True, mode=0o666) as draft, suppress(FileExistsError):
        os.link(draft, path)
    fsync_folder(path.parent)


@contextmanager
def _draft(path: Path, content: str | bytes, durable: bool, mode: int) -> Iterator[Path]:
    """The content under another name in the same folder, which is removed in the end."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{get_native_id()}")
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        yield draft
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def write_json(path: Path, document: object, *, durable: bool = True) -> None:
    """Replace a small JSON file in one step; see write_atomic."""
    write_atomic(path, json.dumps(document, indent=2) + "\n", durable=durable)


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a small file; empty if the file is missing, empty or not such an object.

    A power cut may leave a file empty that was not durable."""
    try:
        document = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def read_line(path: Path) -> str:
    """The text in a small file without white space around it; empty if the file is missing or
    unreadable."""
    try:
        return path.read_bytes().decode("utf-8").strip("\0 \t\r\n")
    except (FileNotFoundError, UnicodeDecodeError):
        return ""


def fsync_file(path: Path) -> None:
    """Make the content of a file durable."""
    # Windows flushes only what it may write.
    handle = os.open(path, os.O_RDONLY if _OPENS_FOLDERS else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def fsync_folder(folder: Path) -> None:
    """Make the names in a folder durable. Windows does so itself, and opens no folder."""
    if not _OPENS_FOLDERS:
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

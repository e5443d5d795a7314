"""Copies of one process, for objects that are not in the cache; nobody else reads them."""

import atexit
import fcntl
import os
import shutil
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from streams.storage.cache.locks import close, is_at, try_lock


class PrivateCopies:
    """Files in a folder of this process; others remove the folder when the process has ended."""

    def __init__(self, parent: Path) -> None:
        self._parent = parent
        self._folder: Path | None = None
        self._lock = -1

    def new(self) -> Path:
        """A name for a new file. Raises OSError."""
        if self._folder is None or not self._folder.is_dir():
            self._folder = self._create()
        return self._folder / uuid4().hex

    def clear(self) -> None:
        """Remove all files."""
        if self._folder is not None:
            for path in self._folder.glob("*"):
                path.unlink(missing_ok=True)

    def _create(self) -> Path:
        self._parent.mkdir(parents=True, exist_ok=True)
        sweep(self._parent)
        while True:
            folder = self._parent / uuid4().hex
            folder.mkdir()
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            if try_lock(lock, fcntl.LOCK_EX) and is_at(lock, folder):
                break
            close(lock)  # another process took it for one that was left behind
        if self._lock >= 0:
            close(self._lock)
        self._lock = lock
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        return folder


def sweep(parent: Path) -> None:
    """Remove the folders of processes that have ended."""
    for folder in parent.glob("*"):
        with suppress(OSError):
            file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                if try_lock(file, fcntl.LOCK_EX):
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                close(file)

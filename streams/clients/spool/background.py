"""The background process of a spool: one at a time, started when there is work."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from streams.clients.spool.spool_database import LOCK, LOG

COMMAND = ("-m", "streams.cli", "station", "spool", "run")
PATIENCE_SECONDS = 2.0
"""Longer than another process takes to look whether the lock is free."""


@contextmanager
def only_one(folder: Path, patience_seconds: float = PATIENCE_SECONDS) -> Iterator[bool]:
    """Whether this process is the only one that works on the spool while the context lasts.

    The lock is one of SQLite: every system has it, and it ends with its process."""
    folder.mkdir(parents=True, exist_ok=True)
    with closing(_connect(folder, patience_seconds)) as database:
        try:
            database.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            yield False
        else:
            yield True


def _connect(folder: Path, patience_seconds: float) -> sqlite3.Connection:
    return sqlite3.connect(folder / LOCK, isolation_level=None, timeout=patience_seconds)


def is_running(folder: Path) -> bool:
    """Whether a process works on the spool."""
    if not (folder / LOCK).exists():
        return False
    with only_one(folder, 0) as free:
        return not free


def start_in_background(folder: Path) -> bool:
    """Start a process that works on the spool, unless one does; whether it was started.

    It outlives this process and its terminal."""
    if is_running(folder):
        # It looks for work once more before it ends.
        return False
    apart = {"start_new_session": True} if os.name == "posix" else {"creationflags": _DETACHED}
    with (folder / LOG).open("ab") as log:
        subprocess.Popen(
            [sys.executable, *COMMAND],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            **apart,  # type: ignore[call-overload]
        )
    return True


_DETACHED = 0x00000008 | 0x00000200
"""DETACHED_PROCESS and CREATE_NEW_PROCESS_GROUP of Windows."""

"""The state of a link in a file of the home, shared by its processes.

A process holds the lock for some microseconds and keeps nothing for itself: when it is killed, the
kernel releases the lock, and no tokens are lost."""

import logging
import mmap
import os
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from enum import IntEnum
from pathlib import Path

from infra.file_lock import file_lock
from streams.traffic.link_buckets import COUNT, LinkState

log = logging.getLogger(__name__)

FORMAT = struct.Struct(f"<{COUNT}d")


class Direction(IntEnum):
    """Which way the bytes go, as this machine sees it."""

    IN = 0
    OUT = 1


class SharedState:
    """One state for each direction."""

    def __init__(self, file: Path) -> None:
        """The file is opened when it is used."""
        self._file, self._lock = file, threading.Lock()
        self._pid, self._handle = 0, -1
        self._map: mmap.mmap | None = None

    @contextmanager
    def locked(self, direction: Direction, now: float) -> Iterator[LinkState]:
        """The state of a direction; what was changed in it is kept."""
        with self._lock:
            shared, at = self._opened(), direction * FORMAT.size
            with nullcontext() if self._handle < 0 else file_lock(self._handle):
                state = LinkState.of(FORMAT.unpack_from(shared, at), now)
                yield state
                FORMAT.pack_into(shared, at, *state.numbers())

    def _opened(self) -> mmap.mmap:
        # A forked process would share the lock of its parent.
        if self._map is not None and self._pid == os.getpid():
            return self._map
        self._pid, length = os.getpid(), FORMAT.size * len(Direction)
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._handle = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600)
            if os.fstat(self._handle).st_size < length:
                os.ftruncate(self._handle, length)
            self._map = mmap.mmap(self._handle, length)
        except OSError as failed:
            # A command with read-only access to a home limits its own traffic.
            log.warning("traffic is not shared", extra={"found": str(failed)})
            self._handle, self._map = -1, mmap.mmap(-1, length)
        return self._map

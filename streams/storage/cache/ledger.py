"""The figures of a cache folder, in one file with a lock that all processes share."""

import errno
import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, astuple, dataclass, fields
from pathlib import Path
from typing import Any

from streams.storage.cache.locks import close, is_at, lock_within

LOCK_SECONDS = 10.0
MARK = b"ledger 1"


@dataclass
class CacheFigures:
    """What a cache holds and what it did since its folder was made."""

    used_bytes: int = 0
    """Copies and reserved space. Never less than what the folder holds; more after a process was
    killed, until the next eviction counts the files."""
    hits: int = 0
    """Reads that found a copy, or that waited for a copy another process was making."""
    misses: int = 0
    """Reads from the bucket."""
    evictions: int = 0
    damaged: int = 0
    """Copies whose bytes had changed; they were removed and nobody read them."""
    left_over: int = 0
    """Unfinished files of processes that ended; they were removed."""

    @property
    def hit_rate(self) -> float | None:
        """Share of the reads that needed no request; None before the first read."""
        reads = self.hits + self.misses
        return round(self.hits / reads, 4) if reads else None

    def document(self) -> dict[str, Any]:
        """The figures with the hit rate."""
        return {**asdict(self), "hit_rate": self.hit_rate}


FORM = struct.Struct(f"<8s{len(fields(CacheFigures))}q")


class OpenLedger:
    """The ledger while this process holds its lock."""

    def __init__(self, file: int) -> None:
        """Read the figures of a locked file."""
        self._file = file
        read = os.pread(file, FORM.size, 0)
        valid = len(read) == FORM.size and read.startswith(MARK)
        self.is_new = not valid
        """Whether the figures were lost, so that the files must be counted."""
        self.figures = CacheFigures(*FORM.unpack(read)[1:]) if valid else CacheFigures()

    def write(self) -> None:
        """Store the figures. One call, so that a killed process leaves the old or the new ones."""
        value = FORM.pack(MARK, *astuple(self.figures))
        if os.pwrite(self._file, value, 0) != len(value):
            raise OSError(errno.ENOSPC, "the ledger was written in part")


class Ledger:
    """The file of the figures."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def locked(self) -> Iterator[OpenLedger]:
        """The ledger, which no other process changes meanwhile. Raises OSError."""
        file = self._open()
        try:
            yield OpenLedger(file)
        finally:
            close(file)

    def read(self) -> CacheFigures | None:
        """The figures; None when there are none."""
        try:
            value = self._path.read_bytes()
        except OSError:
            return None
        if len(value) != FORM.size or not value.startswith(MARK):
            return None
        return CacheFigures(*FORM.unpack(value)[1:])

    def _open(self) -> int:
        while True:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                if not lock_within(file, fcntl.LOCK_EX, LOCK_SECONDS):
                    raise OSError(errno.EAGAIN, f"{self._path} is locked for {LOCK_SECONDS:g} s")
                # The folder may have been removed and made again while this process waited.
                if is_at(file, self._path):
                    return file
            except BaseException:
                close(file)
                raise
            close(file)

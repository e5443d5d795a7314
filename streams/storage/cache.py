"""Local copies of objects in a bucket: limited in size, shared by all processes of a home.

Each process gets its own hard link, so that a copy can be evicted while a step reads it."""

import atexit
import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from uuid import uuid4

DEBRIS_AGE_SECONDS = 24 * 3600
EVICTION_SHARE = 16
"""A process evicts copies each time it has added 1/16 of the limit."""


class ObjectCache:
    """Files named by the digest of their bytes, below `<home>/cache/objects`."""

    def __init__(self, cache: Path, limit_bytes: int, leases: Path | None = None) -> None:
        """`leases` is the folder for the links of this process; its owner empties it."""
        self._root = cache / "objects"
        # Copies are not fsynced: after a crash of the machine none of them is used.
        self._folder = self._root / _boot_id()
        self._limit = limit_bytes
        self._added = limit_bytes
        self._leases = leases or cache / "leases" / f"{os.getpid()}-{uuid4().hex[:8]}"
        if leases is None:
            atexit.register(shutil.rmtree, self._leases, ignore_errors=True)

    def lease(self, sha256: str) -> Path | None:
        """A link of this process to the copy with this digest; None when there is no copy."""
        lease = self._leases / sha256
        if lease.exists():
            return lease
        self._leases.mkdir(parents=True, exist_ok=True)
        copy = self._folder / sha256[:2] / sha256
        try:
            os.link(copy, lease)
            os.utime(copy)
        except FileExistsError:
            pass
        except FileNotFoundError:
            return lease if lease.exists() else None
        return lease

    @contextmanager
    def partial(self) -> Iterator[tuple[Path, IO[bytes]]]:
        """A file to write a copy to; removed afterwards unless it was added."""
        folder = self._folder / ".partial"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{os.getpid()}-{uuid4().hex}"
        try:
            with path.open("xb") as out:
                yield path, out
        finally:
            path.unlink(missing_ok=True)

    def add(self, partial: Path, sha256: str) -> Path:
        """Make a finished file the copy with this digest and return a lease of it."""
        copy, lease = self._folder / sha256[:2] / sha256, self._leases / sha256
        copy.parent.mkdir(parents=True, exist_ok=True)
        self._leases.mkdir(parents=True, exist_ok=True)
        size = partial.stat().st_size
        try:
            # The lease first: a copy in the cache may be evicted at any moment.
            os.link(partial, lease)
        except FileExistsError:
            pass
        partial.replace(copy)
        self._added += size
        if self._added * EVICTION_SHARE > self._limit:
            self._added = 0
            self._evict()
        return lease

    def _evict(self) -> None:
        """Remove the least recently used copies until the limit is met."""
        with (self._folder / ".lock").open("wb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            self._sweep()
            copies = sorted(_copies(self._folder))
            total = sum(size for _, size, _ in copies)
            for _, size, path in copies:
                if total <= self._limit:
                    break
                path.unlink(missing_ok=True)
                total -= size

    def _sweep(self) -> None:
        """Remove copies from before the last boot, and files that dead processes left behind."""
        for folder in self._root.iterdir():
            if folder != self._folder:
                shutil.rmtree(folder, ignore_errors=True)
        leases = self._root.parent / "leases"
        abandoned = [*(self._folder / ".partial").glob("*"), *leases.glob("*")]
        for path in abandoned:
            try:
                old = path.stat().st_mtime < time.time() - DEBRIS_AGE_SECONDS
            except FileNotFoundError:
                continue
            if old and path != self._leases:
                shutil.rmtree(path, True) if path.is_dir() else path.unlink(missing_ok=True)


def _copies(folder: Path) -> Iterator[tuple[float, int, Path]]:
    """Time of last use, size and path of each copy."""
    for path in folder.glob("[0-9a-f][0-9a-f]/*"):
        try:
            status = path.stat()
        except FileNotFoundError:
            continue
        yield status.st_mtime, status.st_size, path


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8]
    except OSError:
        return "unknown"

"""Local copies of objects that lie elsewhere: bounded, shared by all processes of a home.

A process gets a hard link of its own, so that a copy may be evicted while a step reads it."""

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
SHARE_OF_LIMIT = 16
"""A process looks for what to evict after it took in this part of the limit."""


class ObjectCache:
    """Files named by the digest of their bytes, below `<home>/cache/objects`."""

    def __init__(self, cache: Path, limit_bytes: int, leases: Path | None = None) -> None:
        """`leases` is where this process's own links go; whoever owns that folder empties it."""
        self._root = cache / "objects"
        # Copies are not fsynced: after a crash of the machine none of them is believed.
        self._folder = self._root / _boot_id()
        self._limit = limit_bytes
        self._taken_in = limit_bytes
        self._leases = leases or cache / "leases" / f"{os.getpid()}-{uuid4().hex[:8]}"
        if leases is None:
            atexit.register(shutil.rmtree, self._leases, ignore_errors=True)

    def lease(self, sha256: str) -> Path | None:
        """A file of ours with these bytes, when a copy is here."""
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
        """A file to write a copy into; gone afterwards, unless it was taken in."""
        folder = self._folder / ".partial"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{os.getpid()}-{uuid4().hex}"
        try:
            with path.open("xb") as out:
                yield path, out
        finally:
            path.unlink(missing_ok=True)

    def take_in(self, partial: Path, sha256: str) -> Path:
        """Make a finished file the copy with this digest, and give a lease of it."""
        copy, lease = self._folder / sha256[:2] / sha256, self._leases / sha256
        copy.parent.mkdir(parents=True, exist_ok=True)
        self._leases.mkdir(parents=True, exist_ok=True)
        size = partial.stat().st_size
        try:
            # The lease first: what is in the cache may be evicted at any moment.
            os.link(partial, lease)
        except FileExistsError:
            pass
        partial.replace(copy)
        self._taken_in += size
        if self._taken_in * SHARE_OF_LIMIT > self._limit:
            self._taken_in = 0
            self._make_room()
        return lease

    def _make_room(self) -> None:
        """Evict the copies that were asked for longest ago, until the limit holds."""
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
        """Remove copies from before the last start of the machine, and what dead processes left."""
        for folder in self._root.iterdir():
            if folder != self._folder:
                shutil.rmtree(folder, ignore_errors=True)
        leases = self._root.parent / "leases"
        left = [*(self._folder / ".partial").glob("*"), *leases.glob("*")]
        for path in left:
            try:
                old = path.stat().st_mtime < time.time() - DEBRIS_AGE_SECONDS
            except FileNotFoundError:
                continue
            if old and path != self._leases:
                shutil.rmtree(path, True) if path.is_dir() else path.unlink(missing_ok=True)


def _copies(folder: Path) -> Iterator[tuple[float, int, Path]]:
    """When each copy was last asked for, its size, its path."""
    for path in folder.glob("[0-9a-f][0-9a-f]/*"):
        try:
            told = path.stat()
        except FileNotFoundError:
            continue
        yield told.st_mtime, told.st_size, path


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8]
    except OSError:
        return "unknown"

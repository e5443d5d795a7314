"""The folder of a cache: files named by their digest, never more bytes than its limit.

A file in use is locked (shared) by its readers, a file in the making (exclusive) by its writer."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from infra.disk import free_space
from streams.storage.cache.ledger import CacheFigures, Ledger, OpenLedger
from streams.storage.cache.locks import close, is_at, lock_within, try_lock

BLOCK_BYTES = 4096
EVICTION_SHARE = 16
"""An eviction makes 1/16 of the limit free, so that the files are seldom counted."""
PIN_SECONDS = 10.0


class CacheUnusable(Exception):
    """The folder cannot be used now; work continues without it."""


class Filling:
    """A file in the making; its space is reserved."""

    def __init__(self, folder: "CacheFolder", file: int, sha256: str, size: int) -> None:
        self._folder, self._file, self.sha256 = folder, file, sha256
        self._size, self._done = size, 0

    def write(self, part: bytes) -> bool:
        """Append bytes; False when there are more than announced. Raises CacheUnusable."""
        if self._done + len(part) > self._size:
            return False
        with _as_unusable():
            view = memoryview(part)
            while view:
                written = os.pwrite(self._file, view, self._done)
                self._done += written
                view = view[written:]
        return True

    @property
    def is_complete(self) -> bool:
        """Whether all announced bytes are written."""
        return self._done == self._size

    def publish(self) -> int | None:
        """Make the file a copy; an open file that pins it, or None when it is gone already."""
        return self._folder.publish(self._file, self.sha256)

    def abandon(self) -> None:
        """Remove the file and give its space back."""
        self._folder.abandon(self._file, self.sha256)


class CacheFolder:
    """Copies below `sha256/`, files in the making below `partial/`, and the ledger."""

    def __init__(
        self,
        root: Path,
        limit_bytes: int,
        reserve_bytes: int = 0,
        free_bytes: Callable[[Path], int] = lambda path: free_space(path).size_bytes,
    ) -> None:
        """Free disk space below the reserve is left to others."""
        self.root, self.limit_bytes = root, limit_bytes
        self._reserve, self._free = reserve_bytes, free_bytes
        self._partial = root / "partial"
        self._ledger = Ledger(root / "ledger")

    def figures(self) -> CacheFigures:
        """The figures of all processes since the folder was made."""
        return self._ledger.read() or CacheFigures()

    def count(self, *, hits: int = 0, misses: int = 0) -> None:
        """Count reads. Raises CacheUnusable."""
        with self._locked() as ledger:
            ledger.figures.hits += hits
            ledger.figures.misses += misses
            ledger.write()

    def pin(self, sha256: str) -> int | None:
        """An open file of the copy, which keeps it from eviction; None when there is no copy."""
        with _as_unusable():
            try:
                file = os.open(self.copy(sha256), os.O_RDONLY | os.O_CLOEXEC)
            except (FileNotFoundError, NotADirectoryError):
                return None
            return self._pinned(file, sha256)

    def begin(self, sha256: str, size: int) -> Filling | bool:
        """Reserve space for a copy. True when another process makes this copy now or has made it;
        False when there is no space that is not in use. Raises CacheUnusable."""
        with self._locked() as ledger:
            partial = self._partial / sha256
            # In this order: a writer may give its file the name of the copy at this moment.
            if self._is_filled(partial, ledger) or self.copy(sha256).exists():
                return True
            if not self._make_room(ledger, _charge(size)):
                return False
            # Counted first: a process that is killed here leaves a figure that is too high.
            ledger.figures.used_bytes += _charge(size)
            ledger.write()
            return Filling(self, self._create(partial, ledger, size), sha256, size)

    def _create(self, partial: Path, ledger: OpenLedger, size: int) -> int:
        """A new file with a lock, and with its space on the disk. Raises OSError."""
        self._partial.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        file = os.open(partial, flags, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if size:
                os.posix_fallocate(file, 0, size)
        except OSError:
            try:
                self._remove(partial, ledger, size)
            finally:
                close(file)
            raise
        return file

    def publish(self, file: int, sha256: str) -> int | None:
        """Give a complete file its name. Raises CacheUnusable."""
        copy = self.copy(sha256)
        try:
            with _as_unusable():
                copy.parent.mkdir(parents=True, exist_ok=True)
                (self._partial / sha256).rename(copy)
        except CacheUnusable:
            self.abandon(file, sha256)
            raise
        with _as_unusable():
            return self._pinned(file, sha256)

    def abandon(self, file: int, sha256: str) -> None:
        """Remove a file in the making."""
        try:
            with suppress(CacheUnusable), self._locked() as ledger:
                partial = self._partial / sha256
                if is_at(file, partial):
                    self._remove(partial, ledger, os.fstat(file).st_size)
        finally:
            close(file)

    def discard(self, file: int, sha256: str) -> None:
        """Remove a copy whose bytes have changed. Raises CacheUnusable."""
        with self._locked() as ledger:
            if is_at(file, self.copy(sha256)):
                self._remove(self.copy(sha256), ledger, os.fstat(file).st_size)
                ledger.figures.damaged += 1
                ledger.write()

    def sweep(self) -> None:
        """Remove what ended processes left behind, and count the files. Raises CacheUnusable."""
        with self._locked() as ledger:
            self._count(ledger)
            ledger.write()

    def make_way(self, need: int) -> None:
        """Remove copies for others who need space on its disk. Raises CacheUnusable."""
        with self._locked() as ledger:
            if ledger.figures.used_bytes and self._free(self.root) < self._reserve + need:
                self._evict(ledger, need)

    def copy(self, sha256: str) -> Path:
        """Where the copy with this digest is."""
        return self.root / "sha256" / sha256[:2] / sha256

    @contextmanager
    def _locked(self) -> Iterator[OpenLedger]:
        with _as_unusable():
            self.root.mkdir(0o700, parents=True, exist_ok=True)
            with self._ledger.locked() as ledger:
                if ledger.is_new:
                    self._count(ledger)
                    ledger.write()
                yield ledger

    def _pinned(self, file: int, sha256: str) -> int | None:
        """The file with a shared lock, if it is still the copy; else it is closed."""
        try:
            locked = lock_within(file, fcntl.LOCK_SH, PIN_SECONDS)
            if locked and is_at(file, self.copy(sha256)):
                with suppress(OSError):  # of another user: its time of use stays as it is
                    os.utime(file)
                return file
        except BaseException:
            close(file)
            raise
        close(file)
        return None

    def _is_filled(self, partial: Path, ledger: OpenLedger) -> bool:
        """Whether a process makes this copy now; what an ended one left behind is removed."""
        try:
            file = os.open(partial, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            if not try_lock(file, fcntl.LOCK_EX):
                return True
            if not is_at(file, partial):
                return False  # it has just become a copy
            self._remove(partial, ledger, os.fstat(file).st_size)
            ledger.figures.left_over += 1
            ledger.write()
            return False
        finally:
            close(file)

    def _make_room(self, ledger: OpenLedger, need: int) -> bool:
        """Whether this much can be added, if need be after an eviction. Raises CacheUnusable."""
        if need > self.limit_bytes:
            return False
        spare = self._spare(ledger, need)
        if spare < 0:
            self._evict(ledger, need)
            spare = self._spare(ledger, need)
        if spare < 0 and ledger.figures.used_bytes + need <= self.limit_bytes:
            raise CacheUnusable(f"the disk of {self.root} has no space beyond its reserve")
        return spare >= 0

    def _spare(self, ledger: OpenLedger, need: int) -> int:
        within_limit = self.limit_bytes - ledger.figures.used_bytes
        return min(within_limit, self._free(self.root) - self._reserve) - need

    def _evict(self, ledger: OpenLedger, need: int) -> None:
        """Remove copies that are not in use, the least recently used first."""
        copies = sorted(self._count(ledger))
        ledger.write()
        more = need + self.limit_bytes // EVICTION_SHARE
        for _, size, path in copies:
            if ledger.figures.used_bytes == 0 or self._spare(ledger, more) >= 0:
                break
            if self._remove_unused(path):
                ledger.figures.used_bytes -= _charge(size)
                ledger.figures.evictions += 1
        ledger.write()

    def _remove_unused(self, path: Path) -> bool:
        try:
            file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            if not try_lock(file, fcntl.LOCK_EX):
                return False
            path.unlink(missing_ok=True)
            return True
        finally:
            close(file)

    def _count(self, ledger: OpenLedger) -> list[tuple[int, int, Path]]:
        """Set the used bytes from the files; time of use, size and path of each copy."""
        copies, used = [], 0
        # These first: one that becomes a copy meanwhile is counted twice, and never left out.
        for path in self._partial.glob("*"):
            with suppress(FileNotFoundError):
                size = path.stat().st_size
                used += _charge(size) if self._is_filled(path, ledger) else 0
        for path in (self.root / "sha256").glob("*/*"):
            with suppress(FileNotFoundError):
                found = path.stat()
                copies.append((found.st_mtime_ns, found.st_size, path))
                used += _charge(found.st_size)
        ledger.figures.used_bytes = used
        return copies

    def _remove(self, path: Path, ledger: OpenLedger, size: int) -> None:
        path.unlink(missing_ok=True)
        used = ledger.figures.used_bytes - _charge(size)
        ledger.figures.used_bytes = max(0, used)
        ledger.write()


def _charge(size: int) -> int:
    """What a file of this size takes on the disk."""
    return max(1, -(-size // BLOCK_BYTES)) * BLOCK_BYTES


@contextmanager
def _as_unusable() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CacheUnusable(str(error)) from error

"""The copies of a cache as one process uses them: verified, pinned while in use, made once."""

import hashlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from processors.outcome import StorageError
from streams.storage.cache.folder import CacheFolder, CacheUnusable, Filling
from streams.storage.cache.locks import close, is_at

log = logging.getLogger(__name__)

WAIT_SECONDS = 60.0
"""How long a reader waits for a copy that another process makes, before it reads the bucket."""
LOOK_SECONDS = 0.02
Source = Callable[[], Iterable[bytes]]
"""Reads an object from the bucket, in parts."""


@dataclass
class Pin:
    """An open file that keeps a copy from eviction."""

    file: int
    path: Path
    users: int


class ObjectCache:
    """Copies of objects by digest. When the folder cannot be used, there are no copies."""

    def __init__(self, folder: CacheFolder, wait_seconds: float = WAIT_SECONDS) -> None:
        self.folder = folder
        self._wait = wait_seconds
        self._pins: dict[str, Pin] = {}
        self._lock = threading.Lock()
        self._is_used = True

    def path(self, sha256: str, size: int, source: Source) -> Path | None:
        """A copy with these bytes, pinned until `give_back` or `release`; None when there is none.

        Raises the errors of the source."""
        if (known := self._known(sha256)) is not None:
            return known
        try:
            file = self._obtain(sha256, size, source)
        except CacheUnusable as error:
            self._without(error)
            return None
        return None if file is None else self._keep(sha256, file)

    def read(self, sha256: str) -> bytes | None:
        """The bytes of a copy; None when there is none."""
        try:
            file = self.folder.pin(sha256)
            if file is None:
                self._count(misses=1)
                return None
            try:
                value = _bytes_of(file)
                if value is None or hashlib.sha256(value).hexdigest() != sha256:
                    self._discard(file, sha256)
                    value = None
                self._count(hits=value is not None, misses=value is None)
                self._with()
                return value
            finally:
                close(file)
        except CacheUnusable as error:
            self._without(error)
            return None

    def add(self, sha256: str, size: int, source: Source) -> None:
        """Make a copy of bytes that this process has; without one if anything prevents it."""
        try:
            filling = self.folder.begin(sha256, size)
            if isinstance(filling, Filling):
                file = _fill(filling, source)
                if file is not None:
                    close(file)
        except CacheUnusable as error:
            self._without(error)
        except (OSError, StorageError) as error:
            log.info("no copy made", extra={"sha256": sha256, "error": str(error)})

    def give_back(self, sha256: str) -> None:
        """End one use of a copy."""
        with self._lock:
            pin = self._pins.get(sha256)
            if pin is None:
                return
            pin.users -= 1
            if pin.users == 0:
                close(self._pins.pop(sha256).file)

    def release(self) -> None:
        """End all uses of copies by this process."""
        with self._lock:
            while self._pins:
                close(self._pins.popitem()[1].file)

    def _known(self, sha256: str) -> Path | None:
        with self._lock:
            pin = self._pins.get(sha256)
            # Somebody may have emptied the folder.
            if pin is None or not is_at(pin.file, pin.path):
                return None
            pin.users += 1
            return pin.path

    def _keep(self, sha256: str, file: int) -> Path:
        with self._lock:
            pin = self._pins.get(sha256)
            if pin is None:
                pin = self._pins[sha256] = Pin(file, self.folder.copy(sha256), 0)
            elif is_at(pin.file, pin.path):
                close(file)  # another thread was faster
            else:
                close(pin.file)
                pin.file = file
            pin.users += 1
            return pin.path

    def _obtain(self, sha256: str, size: int, source: Source) -> int | None:
        """A pinned copy: found, awaited or made."""
        deadline = time.monotonic() + self._wait
        while True:
            file = self._verified(sha256)
            if file is not None:
                self._count(hits=1)
                self._with()
                return file
            filling = self.folder.begin(sha256, size)
            if isinstance(filling, Filling):
                self._count(misses=1)
                file = _fill(filling, source)
                self._with()
                return file
            if not filling or time.monotonic() > deadline:
                self._count(misses=1)
                return None
            time.sleep(LOOK_SECONDS)

    def _verified(self, sha256: str) -> int | None:
        """A pinned copy with the right bytes; one whose bytes have changed is removed."""
        file = self.folder.pin(sha256)
        if file is None:
            return None
        try:
            if _digest_of(file) == sha256:
                return file
            self._discard(file, sha256)
        except BaseException:
            close(file)
            raise
        close(file)
        return None

    def _count(self, hits: int = 0, misses: int = 0) -> None:
        with suppress(CacheUnusable):  # no read fails because it is not counted
            self.folder.count(hits=hits, misses=misses)

    def _discard(self, file: int, sha256: str) -> None:
        log.warning("copy in the cache is damaged", extra={"sha256": sha256})
        self.folder.discard(file, sha256)

    def _without(self, error: CacheUnusable) -> None:
        """Report once that work continues without the cache."""
        if self._is_used:
            self._is_used = False
            log.warning("cache cannot be used", extra={"error": str(error)})

    def _with(self) -> None:
        if not self._is_used:
            self._is_used = True
            log.info("cache is used again")


def _fill(filling: Filling, source: Source) -> int | None:
    """The finished copy; None when the bytes are others than announced."""
    digest = hashlib.sha256()
    try:
        for part in source():
            digest.update(part)
            if not filling.write(part):
                break
        right = filling.is_complete and digest.hexdigest() == filling.sha256
    except BaseException:
        filling.abandon()
        raise
    if not right:
        filling.abandon()
        return None
    return filling.publish()


def _digest_of(file: int) -> str | None:
    """The digest of an open file; None when the disk does not give its bytes."""
    with suppress(OSError), os.fdopen(os.dup(file), "rb") as opened:
        opened.seek(0)
        return hashlib.file_digest(opened, "sha256").hexdigest()
    return None


def _bytes_of(file: int) -> bytes | None:
    with suppress(OSError), os.fdopen(os.dup(file), "rb") as opened:
        return opened.read()
    return None

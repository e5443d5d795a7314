"""Local files with the bytes of objects in a bucket: in the cache, else private to a process."""

import hashlib
import logging
import re
import shutil
import threading
from collections import Counter
from contextlib import suppress
from pathlib import Path

from schemas.models import FileRef
from streams.settings import Settings
from streams.storage.cache.folder import CacheUnusable
from streams.storage.cache.home_cache import cache_of
from streams.storage.cache.object_cache import ObjectCache, Source
from streams.storage.cache.private_copies import PrivateCopies, sweep

DIGEST = re.compile(r"[0-9a-f]{64}\Z")
"""References come from outside; only a digest can name a copy."""
log = logging.getLogger(__name__)


FORMER = ("objects", "leases")
"""Folders of earlier versions in the cache of a home."""


def local_copies(settings: Settings) -> "LocalCopies":
    """The local copies of a home, in the cache if there is one."""
    home_cache = settings.home / "cache"
    for name in FORMER:
        if (home_cache / name).is_dir():
            shutil.rmtree(home_cache / name, ignore_errors=True)
    folder = cache_of(settings)
    cache = None if folder is None else ObjectCache(folder)
    return LocalCopies(cache, PrivateCopies(home_cache / "private"))


def sweep_copies(settings: Settings) -> None:
    """Remove what ended processes left of local copies, as a worker does when it starts."""
    sweep(settings.home / "cache" / "private")
    folder = cache_of(settings)
    if folder is not None:
        with suppress(CacheUnusable):  # its first use reports it
            folder.sweep()


class LocalCopies:
    """What a store in a bucket keeps on the local disk."""

    def __init__(self, cache: ObjectCache | None, private: PrivateCopies) -> None:
        """Without a cache each copy is private."""
        self.cache = cache
        self._private = private
        self._known: dict[str, Path] = {}
        self._users: Counter[str] = Counter()
        self._lock = threading.Lock()

    def path(self, ref: FileRef, source: Source) -> Path:
        """A file with the object, which stays until it is given back or released.

        Bytes that do not match the reference are fetched twice and then returned as they are, so
        that the step can report what is wrong with them."""
        with self._lock:
            if ref.sha256 in self._known:
                self._users[ref.sha256] += 1
                return self._known[ref.sha256]
        if self.cache is not None and _can_be_cached(ref):
            copy = self.cache.path(ref.sha256, ref.size_bytes, source)
            if copy is not None:
                return copy
        path, found = self._fetch(source)
        if found != ref.sha256:
            path.unlink()
            path, found = self._fetch(source)
        if found != ref.sha256:
            about = {"key": ref.key, "expected": ref.sha256, "found": found}
            log.warning("checksum mismatch in the store", extra=about)
            return path
        with self._lock:
            self._users[ref.sha256] += 1
            known = self._known.setdefault(ref.sha256, path)
        if known != path:
            path.unlink()  # another thread was faster
        return known

    def read(self, ref: FileRef) -> bytes | None:
        """The bytes of a copy in the cache; None when there is none."""
        if self.cache is None or not _can_be_cached(ref):
            return None
        return self.cache.read(ref.sha256)

    def add(self, sha256: str, size: int, source: Source) -> None:
        """Make a copy of bytes that this process has stored, for the next step that reads them."""
        if self.cache is not None:
            self.cache.add(sha256, size, source)

    def release(self) -> None:
        """Give all files back."""
        with self._lock:
            self._known.clear()
            self._users.clear()
            self._private.clear()
        if self.cache is not None:
            self.cache.release()

    def give_back(self, sha256: str, path: Path) -> None:
        """End one use of the file that `path` gave for this digest."""
        if self.cache is not None and path == self.cache.folder.copy(sha256):
            self.cache.give_back(sha256)
            return
        with self._lock:
            if self._known.get(sha256) == path:
                self._users[sha256] -= 1
                if self._users[sha256] > 0:
                    return
                del self._known[sha256]
            path.unlink(missing_ok=True)

    def _fetch(self, source: Source) -> tuple[Path, str]:
        """A private copy of an object, and the digest of its bytes."""
        with self._lock:
            path = self._private.new()
        digest = hashlib.sha256()
        try:
            with path.open("xb") as out:
                for part in source():
                    digest.update(part)
                    out.write(part)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return path, digest.hexdigest()


def _can_be_cached(ref: FileRef) -> bool:
    """Whether a copy may have this name: a copy is of the bytes, and the key must mean them too."""
    return bool(DIGEST.match(ref.sha256)) and ref.key.endswith(f"/{ref.sha256}")

"""The cache of a store in a bucket: what its act does and what is seen of it."""

import hashlib
from pathlib import Path

from streams.storage.cache.folder import CacheFolder, CacheUnusable, Filling
from streams.storage.cache.object_cache import ObjectCache
from tests.faults.crash_points.traced import tell

LIMIT = 40_960
OBJECTS = [hashlib.shake_256(b"object %d" % number).digest(12_000) for number in range(4)]
LAST = OBJECTS[-1]


def _folder(home: Path) -> CacheFolder:
    return CacheFolder(home / "cache", LIMIT)


def _digest(value: bytes) -> str:
    return hashlib.sha256(value).hexdigest()


def read_objects(home: Path) -> None:
    """Four objects, of which three have space; then space is made, and the last one is read."""
    folder = _folder(home)
    cache = ObjectCache(folder)
    for value in OBJECTS:
        _read(cache, value)
    try:
        making = folder.begin("f" * 64, LIMIT - 8192)
        if isinstance(making, Filling):
            making.abandon()
    except CacheUnusable:
        pass
    if _read(cache, LAST):
        tell(_digest(LAST))


def _read(cache: ObjectCache, value: bytes) -> bool:
    """Whether there was a copy; it has the right bytes."""
    path = cache.path(_digest(value), len(value), lambda: [value[:5000], value[5000:]])
    try:
        if path is not None and path.read_bytes() != value:
            raise AssertionError("other bytes were read")
    except OSError:
        return False  # the disk did not give the bytes to the step
    finally:
        cache.release()
    cache.add(_digest(value), len(value), lambda: [value])
    return path is not None


def copies(home: Path) -> dict[str, str]:
    """The last object, when its copy is there; and each promise of the cache that is broken."""
    folder = _folder(home)
    files = [path for path in (home / "cache").rglob("*") if path.is_file()]
    sizes = {path: path.stat().st_size for path in files if path.name != "ledger"}
    found = {}
    if sum(sizes.values()) > LIMIT:
        found["limit"] = f"{sum(sizes.values())} bytes"
    if sum(sizes.values()) > folder.figures().used_bytes > 0:
        found["ledger"] = f"{sum(sizes.values())} bytes, {folder.figures().used_bytes} counted"
    for path in sizes:
        if path.parent.name == path.name[:2] and _digest(path.read_bytes()) != path.name:
            found[path.name] = "other bytes"
    if folder.copy(_digest(LAST)).exists():
        found[_digest(LAST)] = _digest(folder.copy(_digest(LAST)).read_bytes())
    return found


def sweep(home: Path) -> None:
    """As a worker does when it starts."""
    _folder(home).sweep()


def left_over(home: Path) -> list[str]:
    """Unfinished files, and figures that differ from the files."""
    left = [str(path.relative_to(home)) for path in (home / "cache" / "partial").glob("*")]
    used = sum(-(-path.stat().st_size // 4096) for path in (home / "cache").glob("sha256/*/*"))
    counted = _folder(home).figures().used_bytes // 4096
    return left if used == counted else [*left, f"{counted} blocks counted, {used} there"]

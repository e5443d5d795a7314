"""Reads the tar of a package; refuses it unless it has only regular files below one folder."""

import hashlib
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

from processors.error_catalogue import fix_of
from processors.package import bag

CHUNK = 1 << 20
LONGEST_NAME_BYTES = 255


class PackageRefused(Exception):
    """A package cannot be delivered to the repository."""

    def __init__(self, code: str, found: str) -> None:
        super().__init__(f"{code}: {found}")
        self.code, self.found, self.fix = code, found, fix_of(code)


def differs(found: str) -> PackageRefused:
    """The refusal of a package that differs from the published one."""
    return PackageRefused("package.differs", found)


def unpack(
    tar: Path, top: str, target: Path, progress: Callable[[int], None] = lambda _: None
) -> dict[str, str]:
    """Unpack a tar whose files are all below one folder; returns digests by path from there.

    Only regular files with plain names are written, and no link is followed. Raises
    PackageRefused at the first other member."""
    return _members(tar, top, lambda path, source: _write(source, target / path), progress)


def read_only(
    tar: Path, top: str, progress: Callable[[int], None] = lambda _: None
) -> tuple[dict[str, str], dict[str, bytes]]:
    """Digests by path and the tag files, without unpacking. Raises PackageRefused."""
    tags: dict[str, bytes] = {}

    def take(path: str, source: IO[bytes]) -> str:
        if path not in bag.TAG_FILES:
            return _digest(source)
        tags[path] = source.read()
        return hashlib.sha256(tags[path]).hexdigest()

    return _members(tar, top, take, progress), tags


def in_folder(folder: Path) -> dict[str, str]:
    """Digests by path of the files below a folder; links are not followed. Raises OSError."""
    found: dict[str, str] = {}
    for base, folders, names in os.walk(folder):
        for name in [*names, *(one for one in folders if Path(base, one).is_symlink())]:
            path = Path(base, name)
            with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as source:
                found[path.relative_to(folder).as_posix()] = _digest(source)
    return found


def _members(
    tar: Path, top: str, take: Callable[[str, IO[bytes]], str], progress: Callable[[int], None]
) -> dict[str, str]:
    found: dict[str, str] = {}
    seen: set[str] = set()
    budget = tar.stat().st_size
    try:
        with tarfile.open(tar, "r:") as archive:
            for entry in archive:
                path = _safe(entry, top, seen)
                budget -= entry.size
                source = archive.extractfile(entry)
                if source is None or budget < 0:
                    raise _unsafe(entry, "its size exceeds the tar")
                found[path] = take(path, source)
                progress(entry.size)
    except (tarfile.TarError, EOFError) as failed:
        raise differs(f"the tar cannot be read: {failed}") from failed
    return found


def _safe(entry: tarfile.TarInfo, top: str, seen: set[str]) -> str:
    """A member's path below the top folder. Raises PackageRefused."""
    # Not left to tarfile's filters: in Python 3.11.7, links can lead them out of the folder.
    if entry.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or entry.sparse is not None:
        raise _unsafe(entry, "it is not a regular file")
    first, *parts = entry.name.split("/")
    if first != top or not parts or not all(_plain(part) for part in parts):
        raise _unsafe(entry, f"its path is not below {top}/")
    path = "/".join(parts)
    if path.casefold() in seen:
        raise _unsafe(entry, "its name occurs twice, ignoring case")
    seen.add(path.casefold())
    return path


def _plain(part: str) -> bool:
    if part in ("", ".", "..") or "\\" in part or not part.isprintable():
        return False
    return len(part.encode("utf-8", "surrogatepass")) <= LONGEST_NAME_BYTES


def _unsafe(entry: tarfile.TarInfo, why: str) -> PackageRefused:
    return PackageRefused("package.unsafe-name", f"member {entry.name!r}: {why}")


def _write(source: IO[bytes], path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, 0o644), "wb") as out:
        digest = _digest(source, out.write)
        out.flush()
        # The repository accepts the package after this, so it must be on disk.
        os.fsync(out.fileno())
    return digest


def _digest(source: IO[bytes], also: Callable[[bytes], object] = lambda _: None) -> str:
    digest = hashlib.sha256()
    while chunk := source.read(CHUNK):
        digest.update(chunk)
        also(chunk)
    return digest.hexdigest()

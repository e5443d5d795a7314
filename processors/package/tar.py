"""The package's tar: the same bytes for the same files, streamed from where they are."""

import hashlib
import io
import tarfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, cast

from processors.package import bag


class FixityMismatch(ValueError):
    """A file does not have the digest or length that its fact says."""

    def __init__(self, path: str, expected: str, found: str) -> None:
        super().__init__(f"{path}: {found} found, {expected} expected")
        self.path, self.expected, self.found = path, expected, found


@dataclass(frozen=True)
class Member:
    """A file to be written, and what it must turn out to be."""

    path: str
    sha256: str
    size_bytes: int
    open: Callable[[], BinaryIO]


def member_of(path: str, content: bytes) -> Member:
    """A member from bytes."""
    digest = hashlib.sha256(content).hexdigest()
    return Member(path, digest, len(content), lambda: io.BytesIO(content))


class _Watched(io.RawIOBase):
    """Reads through to a file and keeps the digest of what went by."""

    def __init__(self, source: BinaryIO) -> None:
        super().__init__()
        self._source = source
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        chunk = self._source.read(size)
        self.digest.update(chunk)
        return chunk


def write(target: Path, folder: str, members: Iterable[Member], *, mtime: int) -> None:
    """Write an uncompressed pax tar with everything below one folder, in the order given.

    Owner 0, no names, mode 0644, one time: nothing of the machine.
    Raises FixityMismatch and OSError."""
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as archive:
        for member in members:
            entry = tarfile.TarInfo(f"{folder}/{member.path}")
            entry.size, entry.mtime, entry.mode = member.size_bytes, mtime, 0o644
            with member.open() as source:
                _add(archive, entry, source, member)


def _add(
    archive: tarfile.TarFile, entry: tarfile.TarInfo, source: BinaryIO, member: Member
) -> None:
    length = source.seek(0, io.SEEK_END)
    source.seek(0)
    if length != member.size_bytes:
        raise FixityMismatch(member.path, f"{member.size_bytes} bytes", f"{length} bytes")
    watched = _Watched(source)
    archive.addfile(entry, cast(IO[bytes], watched))
    found = watched.digest.hexdigest()
    if found != member.sha256:
        raise FixityMismatch(member.path, member.sha256, found)


def faults(path: Path, folder: str) -> list[str]:
    """What is wrong with a package's tar, read from end to end; empty when nothing is."""
    found: dict[str, str] = {}
    tags: dict[str, bytes] = {}
    told: list[str] = []
    with tarfile.open(path, "r:") as archive:
        for entry in archive:
            name = entry.name.removeprefix(folder + "/")
            content = archive.extractfile(entry) if entry.isreg() else None
            if content is None or name == entry.name or name in found:
                told.append(f"{entry.name} does not belong into {folder}/ or is there twice")
                continue
            if name in bag.TAG_FILES:
                tags[name] = content.read()
                found[name] = hashlib.sha256(tags[name]).hexdigest()
            else:
                found[name] = hashlib.file_digest(content, "sha256").hexdigest()  # type: ignore[arg-type]
    return told + bag.faults(found, tags)

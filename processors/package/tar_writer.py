"""The package's tar: the same bytes for the same files, hashed while it is written."""

import hashlib
import io
import tarfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO

CHUNK = 1 << 20


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


class _Hashed:
    """A file that is written and hashed at once."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()
        self.length = 0

    def write(self, content: bytes) -> None:
        self.digest.update(content)
        self._file.write(content)
        self.length += len(content)

    def fill(self, block: int) -> None:
        """Zeros up to the next full block."""
        self.write(bytes(-self.length % block))


def write(target: Path, folder: str, members: Iterable[Member], *, mtime: int) -> str:
    """Write an uncompressed pax tar with everything below one folder, in the order given, and
    return its SHA-256. Every member is read once.

    Owner 0, no names, mode 0644, one time: nothing of the machine.
    Raises FixityMismatch and OSError."""
    with target.open("wb") as file:
        out = _Hashed(file)
        for member in members:
            entry = tarfile.TarInfo(f"{folder}/{member.path}")
            entry.size, entry.mtime, entry.mode = member.size_bytes, mtime, 0o644
            # Not by TarFile.addfile: it keeps every entry in memory, and a volume has 200,000.
            out.write(entry.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict"))
            with member.open() as source:
                _copy(source, out, member)
            out.fill(tarfile.BLOCKSIZE)
        out.write(bytes(2 * tarfile.BLOCKSIZE))
        out.fill(tarfile.RECORDSIZE)
    return out.digest.hexdigest()


def _copy(source: BinaryIO, out: _Hashed, member: Member) -> None:
    digest, length = hashlib.sha256(), 0
    while chunk := source.read(CHUNK):
        digest.update(chunk)
        out.write(chunk)
        length += len(chunk)
    if length != member.size_bytes:
        raise FixityMismatch(member.path, f"{member.size_bytes} bytes", f"{length} bytes")
    if digest.hexdigest() != member.sha256:
        raise FixityMismatch(member.path, member.sha256, digest.hexdigest())


def faults(path: Path, folder: str, sizes: Mapping[str, int]) -> list[str]:
    """What a tar's headers say otherwise than names and sizes expected; only headers are read."""
    left, told = dict(sizes), []
    with tarfile.open(path, "r:") as archive:
        while entry := archive.next():
            archive.members.clear()  # type: ignore[attr-defined]
            name = entry.name.removeprefix(folder + "/")
            if not entry.isreg() or name == entry.name or left.pop(name, None) != entry.size:
                told.append(f"{entry.name} of {entry.size} bytes was not expected")
    return told + [f"{name} is missing" for name in left]

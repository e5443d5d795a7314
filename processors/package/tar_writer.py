"""Writes the tar of a package reproducibly, and hashes it while writing."""

import hashlib
import io
import tarfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO

CHUNK = 1 << 20


class FixityMismatch(ValueError):
    """A file does not have the digest or size that its fact states."""

    def __init__(self, path: str, expected: str, found: str) -> None:
        super().__init__(f"{path}: {found} found, {expected} expected")
        self.path, self.expected, self.found = path, expected, found


@dataclass(frozen=True)
class Member:
    """A file to write, with its expected digest and size."""

    path: str
    sha256: str
    size_bytes: int
    open: Callable[[], BinaryIO]


def member_of(path: str, content: bytes) -> Member:
    """A member from bytes."""
    digest = hashlib.sha256(content).hexdigest()
    return Member(path, digest, len(content), lambda: io.BytesIO(content))


class _Hashed:
    """An output file that is hashed while it is written."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()
        self.length = 0

    def write(self, content: bytes) -> None:
        self.digest.update(content)
        self._file.write(content)
        self.length += len(content)

    def fill(self, block: int) -> None:
        """Write zeros up to the end of the block."""
        self.write(bytes(-self.length % block))


def write(target: Path, folder: str, members: Iterable[Member], *, mtime: int) -> str:
    """Write an uncompressed pax tar with all members in one folder, and return its SHA-256.

    Members are read once, in the order given. Owner, mode and time are fixed, so that the bytes do
    not depend on the machine. Raises FixityMismatch and OSError."""
    with target.open("wb") as file:
        out = _Hashed(file)
        for member in members:
            entry = tarfile.TarInfo(f"{folder}/{member.path}")
            entry.size, entry.mtime, entry.mode = member.size_bytes, mtime, 0o644
            # TarFile.addfile keeps every entry in memory, and a volume may have 200,000.
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


def differences(path: Path, folder: str, sizes: Mapping[str, int]) -> list[str]:
    """Differences between the headers of a tar and the expected names and sizes."""
    left, found = dict(sizes), []
    with tarfile.open(path, "r:") as archive:
        while entry := archive.next():
            archive.members.clear()  # type: ignore[attr-defined]
            name = entry.name.removeprefix(folder + "/")
            if not entry.isreg() or name == entry.name or left.pop(name, None) != entry.size:
                found.append(f"{entry.name} of {entry.size} bytes was not expected")
    return found + [f"{name} is missing" for name in left]

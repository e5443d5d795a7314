"""Checksums that came with a delivery beside the manifest's own, each written `algorithm:hex`."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

ALGORITHMS = ("md5", "sha1", "sha256", "sha512")
CHUNK = 1 << 20


@dataclass(frozen=True)
class Checksum:
    """One checksum as it was delivered, and what the file's bytes give."""

    algorithm: str
    stated: str
    found: str | None
    """None for an algorithm that is not known here."""

    @property
    def agrees(self) -> bool:
        """Whether the file is the one that was meant; unknown counts as not."""
        return self.found == self.stated


@dataclass(frozen=True)
class Measured:
    """What one reading of a file gives."""

    sha256: str
    vendor: tuple[Checksum, ...]


def measure(path: Path, stated: tuple[str, ...] = ()) -> Measured:
    """The file's SHA-256 and all vendor checksums, in one reading. Raises OSError."""
    pairs = [each.strip().lower().partition(":")[::2] for each in stated]
    wanted = {"sha256", *(name for name, _ in pairs)} & set(ALGORITHMS)
    # Neither MD5 nor SHA-1 protects anything here: they are compared, and that is all.
    sums = {name: hashlib.new(name, usedforsecurity=False) for name in sorted(wanted)}
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            for each in sums.values():
                each.update(chunk)
    found = {name: each.hexdigest() for name, each in sums.items()}
    vendor = tuple(Checksum(name, value, found.get(name)) for name, value in pairs)
    return Measured(found["sha256"], vendor)

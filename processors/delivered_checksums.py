"""Vendor checksums, which a delivery states in addition to SHA-256, written as `algorithm:hex`."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

ALGORITHMS = ("md5", "sha1", "sha256", "sha512")
CHUNK = 1 << 20


@dataclass(frozen=True)
class Checksum:
    """A checksum as delivered, and as computed from the file."""

    algorithm: str
    stated: str
    found: str | None
    """None if the algorithm is unknown."""

    @property
    def agrees(self) -> bool:
        """Whether the file has this checksum; False if the algorithm is unknown."""
        return self.found == self.stated


@dataclass(frozen=True)
class Digests:
    """The checksums of a file."""

    sha256: str
    vendor: tuple[Checksum, ...]


def compute_digests(path: Path, stated: tuple[str, ...] = ()) -> Digests:
    """The SHA-256 and all vendor checksums of a file, which is read once. Raises OSError."""
    pairs = [each.strip().lower().partition(":")[::2] for each in stated]
    wanted = {"sha256", *(name for name, _ in pairs)} & set(ALGORITHMS)
    # MD5 and SHA-1 are compared with what was delivered; nothing relies on their security.
    sums = {name: hashlib.new(name, usedforsecurity=False) for name in sorted(wanted)}
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            for each in sums.values():
                each.update(chunk)
    found = {name: each.hexdigest() for name, each in sums.items()}
    vendor = tuple(Checksum(name, value, found.get(name)) for name, value in pairs)
    return Digests(found["sha256"], vendor)

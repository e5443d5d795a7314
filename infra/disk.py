"""The free space of the disks of a home: bytes, and inodes, one for each file and folder."""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MEGABYTE = 1_000_000
UNLIMITED = 1 << 62
"""Inodes of a file system that makes them when they are needed, such as btrfs."""
SERVERS = ("kafka", "postgres")


@dataclass(frozen=True)
class Space:
    """An amount of disk space."""

    size_bytes: int
    inodes: int

    def __add__(self, other: "Space") -> "Space":
        return Space(self.size_bytes + other.size_bytes, self.inodes + other.inodes)

    def covers(self, needed: "Space") -> bool:
        """Whether this much is sufficient."""
        return self.size_bytes >= needed.size_bytes and self.inodes >= needed.inodes

    def __str__(self) -> str:
        inodes = "" if self.inodes >= UNLIMITED else f" and {self.inodes:,} inodes"
        return f"{self.size_bytes / MEGABYTE:,.1f} MB{inodes}"


NOTHING = Space(0, 0)
Measure = Callable[[Path], Space]


@dataclass(frozen=True)
class Shortage:
    """A disk with less free space than needed."""

    disk: Path
    """Where it is mounted."""
    free: Space
    needed: Space

    def __str__(self) -> str:
        return f"{self.disk} has {self.free} free, {self.needed} needed"


def free_space(path: Path) -> Space:
    """What processes without privileges can use of the disk of a path, which may not exist yet."""
    found = os.statvfs(existing(path))
    # Some file systems count no inodes and give 0 for all of them.
    inodes = found.f_favail if found.f_files else UNLIMITED
    return Space(found.f_bavail * found.f_frsize, inodes)


def existing(path: Path) -> Path:
    """A path, or its nearest parent that exists."""
    return next(one for one in (path, *path.absolute().parents) if one.exists())


def mount_point(path: Path) -> Path:
    """Where the disk of a path is mounted."""
    found = existing(path).resolve()
    while not found.is_mount():
        found = found.parent
    return found


def disks_of(home: Path) -> dict[Path, bool]:
    """One folder on each disk of a home, and whether the store writes there.

    A folder of the home may be a disk of its own, for example that of a broker."""
    if not home.is_dir():
        return {existing(home): True}
    own, found = home.stat().st_dev, {home: True}
    for folder in sorted(home.iterdir()):
        with suppress(FileNotFoundError):
            if folder.is_dir() and folder.stat().st_dev != own:
                found[folder] = not folder.name.startswith(SERVERS)
    return found

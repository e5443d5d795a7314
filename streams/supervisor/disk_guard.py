"""Which servers must not run because their disk is full, and the ballast that helps to stop them.

A broker that starts on a full disk cannot recover its logs and empties them. So servers are stopped
while there is still space for it, and start again when there is more than that."""

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from infra.disk import Measure, Shortage, Space, existing, free_space, mount_point
from streams.settings import Settings

HOME = "home"
REPORT_EVERY_SECONDS = 2.0
BALLAST_FILES = 512
"""Each of them is also an inode: a broker that stops writes a small file for each partition."""


class DiskGuard:
    """Watches the disks of the servers of a home."""

    def __init__(
        self,
        places: Mapping[str, Path],
        floor: Space,
        again: Space,
        ballast_bytes: int,
        measure: Measure = free_space,
    ) -> None:
        """`places` are the folders of the servers by their names, and HOME. A disk that fell below
        the floor is used again with `again`."""
        self._places = places
        self._floor = floor
        self._measure = measure
        self._again = again
        self._ballast = {
            device: Ballast(folder / "ballast", ballast_bytes)
            for device, folder in _first_on_each_disk(places).items()
        }
        self.shortages: dict[str, Shortage] = {}
        """The shortage of each place that has one, with figures that are some seconds old."""
        self._reported_at = float("-inf")

    def check(self) -> None:
        """Measure each disk; remove the ballast of one that fell below the floor."""
        is_due = time.monotonic() - self._reported_at > REPORT_EVERY_SECONDS
        if is_due:
            self._reported_at = time.monotonic()
        for name, folder in self._places.items():
            free, ballast = self._measure(folder), self._ballast_of(folder)
            # Without its ballast, a disk was full before: more than the floor must be free.
            needed = self._floor if self._is_well(name, ballast) else self._again
            if free.covers(needed):
                self.shortages.pop(name, None)
                if free.covers(self._again) and not self.shortages:
                    ballast.create()
            elif is_due or name not in self.shortages:
                ballast.remove()
                self.shortages[name] = Shortage(mount_point(folder), free, self._again)

    def _is_well(self, name: str, ballast: "Ballast") -> bool:
        return name not in self.shortages and ballast.exists

    def _ballast_of(self, folder: Path) -> "Ballast":
        return self._ballast.get(existing(folder).stat().st_dev) or next(
            iter(self._ballast.values())
        )


class Ballast:
    """Files that only take space."""

    def __init__(self, folder: Path, size_bytes: int) -> None:
        """The ballast in a folder, which may be from an earlier process."""
        self._folder, self._size = folder, size_bytes
        self.exists = size_bytes == 0 or folder.is_dir()

    def create(self) -> None:
        """Take the space, if there is any to take; a part of it counts as none."""
        if self.exists:
            return
        try:
            self._folder.mkdir()
            for number in range(BALLAST_FILES):
                with (self._folder / f"{number:03}").open("wb") as file:
                    os.posix_fallocate(file.fileno(), 0, max(1, self._size // BALLAST_FILES))
            self.exists = True
        except OSError:
            self._delete()

    def remove(self) -> None:
        """Give the space back."""
        if self._size and self.exists:
            self.exists = False
            self._delete()

    def _delete(self) -> None:
        with suppress(OSError):
            for path in self._folder.iterdir():
                path.unlink()
            self._folder.rmdir()


def needed_at_first(settings: Settings) -> Space:
    """The free space without which a new home is not created."""
    ballast = Space(settings.ballast_bytes, BALLAST_FILES if settings.ballast_bytes else 0)
    return settings.floor + settings.floor + ballast


def guard_of(settings: Settings, servers: list[str]) -> DiskGuard:
    """The guard of the home of these settings, whose servers have folders of their names."""
    places = {HOME: settings.home} | {name: settings.home / name for name in servers}
    return DiskGuard(places, settings.floor, needed_at_first(settings), settings.ballast_bytes)


def _first_on_each_disk(places: Mapping[str, Path]) -> dict[int, Path]:
    found: dict[int, Path] = {}
    for folder in places.values():
        found.setdefault(existing(folder).stat().st_dev, folder)
    return found

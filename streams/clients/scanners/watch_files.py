"""Looks at a folder that other software writes to, and says which files are still."""

import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from processors.imaging.format_identification import image_extensions

UNFINISHED = (".tmp", ".part", ".partial", ".filepart", ".crdownload", ".temp", "~")
"""Endings of names under which programs write a file before they rename it."""
SKIPPED = ("thumbs.db", "desktop.ini")
State = tuple[int, int, int]
"""Inode, size and time of the last change of a file."""


def state_of(status: os.stat_result) -> State:
    """What changes when a file is written or replaced."""
    return status.st_ino, status.st_size, status.st_mtime_ns


@dataclass
class WatchFiles:
    """The files of a watched folder, and since when each has not changed."""

    folder: Path
    settle_seconds: float
    now: Callable[[], float] = time.monotonic
    _since: dict[str, tuple[State, float]] = field(default_factory=dict)

    def look(self) -> dict[str, State]:
        """Every file that is still, by its path below the folder. Raises OSError."""
        at = self.now()
        present = dict(self._walk(self.folder, PurePosixPath()))
        self._since = {
            name: self._since[name]
            if name in self._since and self._since[name][0] == state
            else (state, at)
            for name, state in present.items()
        }
        return {
            name: state
            for name, (state, since) in self._since.items()
            if at - since >= self.settle_seconds
        }

    @property
    def names(self) -> set[str]:
        """All files of the last look, whether they are still or not."""
        return set(self._since)

    @property
    def last_change(self) -> float:
        """When a file was last seen to change; minus infinity if there is none."""
        return max((since for _, since in self._since.values()), default=float("-inf"))

    def touch(self, name: str) -> None:
        """Wait again until a file is still."""
        if name in self._since:
            self._since[name] = (self._since[name][0], self.now())

    def _walk(self, folder: Path, above: PurePosixPath) -> Iterator[tuple[str, State]]:
        for entry in os.scandir(folder):
            if _is_skipped(entry.name):
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue  # Renamed or removed since the folder was read.
            name = above / entry.name
            if stat.S_ISDIR(status.st_mode):
                try:
                    yield from self._walk(Path(entry.path), name)
                except FileNotFoundError:
                    continue
            elif stat.S_ISREG(status.st_mode):
                yield str(name), state_of(status)


def _is_skipped(name: str) -> bool:
    folded = name.casefold()
    if name.startswith(".") or folded in SKIPPED or folded.endswith(UNFINISHED):
        return True
    try:
        name.encode()
    except UnicodeEncodeError:
        return True
    return False


def is_image(name: str) -> bool:
    """Whether a file is an image by its extension."""
    return PurePosixPath(name).suffix.lower().lstrip(".") in image_extensions()


def item_of(name: str) -> str | None:
    """The item of a file: its folder below the watched one, or None for a file directly in it."""
    parent = str(PurePosixPath(name).parent)
    return None if parent == "." else parent

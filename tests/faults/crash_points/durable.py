"""What a power cut would leave of files whose calls were traced: only what was flushed is certain.

A file's bytes are certain after an fsync of the file, a name after an fsync of its folder, and a
folder's own name only after one of the folder above it, whatever some file systems give beyond."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from tests.faults.crash_points.traced import TELLING, TOLD, Call

OPENING = ("openat", "open", "creat")


@dataclass
class Inode:
    """A file's bytes."""

    written: bool = False
    """Since the last fsync."""


class Disk:
    """Files as far as their calls were seen; what was there before is taken as certain."""

    def __init__(self, home: str, named: bool = True) -> None:
        """Judges promises about paths below a home, of their names only when `named`."""
        self._home, self._named = PurePosixPath(home), named
        self._files: dict[str, Inode] = {}
        self._unsure: set[str] = set()
        """Names that a power cut may take."""

    def replay(self, calls: Iterable[Call]) -> list[str]:
        """Follow these calls; gives what was promised too early."""
        faults: list[str] = []
        for call in calls:
            if call.name in TELLING:
                for path in call.paths:
                    if path.startswith(TOLD):
                        faults += self.unsure_of(path.removeprefix(TOLD))
            elif call.result is not None and call.result >= 0 and not call.injected:
                self._follow(call)
        return faults

    def unsure_of(self, promise: str) -> list[str]:
        """Why a promised path below the home may be gone or empty after a power cut."""
        path = self._home / promise
        why = []
        file = self._files.get(str(path))
        if file is not None and file.written:
            why.append(f"{promise} was promised before its bytes were flushed")
        for name in (path, *path.parents):
            if name == self._home:
                break
            if self._named and str(name) in self._unsure:
                told = name.relative_to(self._home)
                why.append(f"{promise} was promised before the name {told} was flushed")
        return why

    def _follow(self, call: Call) -> None:
        name, paths = call.name, call.paths
        if name in OPENING:
            if "O_CREAT" in call.arguments or name == "creat":
                self._create(call.path or paths[0])
        elif name in ("mkdir", "mkdirat"):
            self._unsure.add(paths[0])
        elif name in ("write", "pwrite64", "ftruncate"):
            self._files.setdefault(call.file, Inode()).written = True
        elif name in ("fsync", "fdatasync"):
            self._flush(call.file)
        elif name.startswith("link"):
            self._files[paths[1]] = self._files.get(paths[0], Inode())
            self._unsure.add(paths[1])
        elif name.startswith("rename"):
            self._files[paths[1]] = self._files.pop(paths[0], Inode())
            self._unsure.discard(paths[0])
            self._unsure.add(paths[1])
        elif name.startswith("unlink"):
            self._files.pop(paths[0], None)
            self._unsure.discard(paths[0])

    def _create(self, path: str) -> None:
        if path not in self._files:
            self._files[path] = Inode()
            self._unsure.add(path)

    def _flush(self, path: str) -> None:
        if path in self._files:
            self._files[path].written = False
        inside = {name for name in self._unsure if str(PurePosixPath(name).parent) == path}
        self._unsure -= inside

"""A small disk in a file, and copies of it as they would be after a power cut.

A copy holds what had reached the disk, and nothing of what was only in memory. It counts only when
nothing was written to the disk meanwhile: a mixture of two moments is no state that a disk has."""

import errno
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from processors.tools import Area
from streams.execution.receipts import Receipts
from streams.storage.local import PARTIAL, LocalStorage
from tests.faults.power_cut.audit_log import LEAVES, SIGNED, log_faults

DISK_BYTES = 64 << 20
FOLDER = Path("/dev/shm")
"""In memory, so that a copy takes a moment."""
UNMOUNT_SECONDS = 30.0
TWO_DAYS_SECONDS = 2 * 24 * 3600


@dataclass(frozen=True)
class Disk:
    """A mounted disk."""

    file: Path
    home: Path
    device: str

    def copy(self, target: Path, seconds: float) -> bool:
        """Copy the disk as it is at one moment; False when it was never at rest long enough."""
        deadline = time.monotonic() + seconds
        while True:
            before = self._writes()
            copy_sparse(self.file, target)
            if before is not None and before == self._writes():
                return True
            if time.monotonic() > deadline:
                return False

    def _writes(self) -> str | None:
        """The writes and flushes that were done; None while one is under way."""
        told = Path(f"/sys/block/{self.device}/stat").read_text().split()
        in_flight = int(told[8])
        return None if in_flight else " ".join([*told[4:7], *told[15:16]])


def copy_sparse(source: Path, target: Path) -> None:
    """Copy what a file holds, and leave out its holes."""
    with source.open("rb") as read, target.open("wb") as out:
        size, at = os.fstat(read.fileno()).st_size, 0
        out.truncate(size)
        while at < size:
            try:
                start = os.lseek(read.fileno(), at, os.SEEK_DATA)
            except OSError as end:
                if end.errno != errno.ENXIO:
                    raise
                return  # only a hole is left
            at = os.lseek(read.fileno(), start, os.SEEK_HOLE)
            done = os.lseek(out.fileno(), start, os.SEEK_SET)
            while done < at:
                done += os.sendfile(out.fileno(), read.fileno(), done, at - done)


@contextmanager
def new_disk(folder: Path) -> Iterator[Disk]:
    """An empty ext4 disk, mounted."""
    file, mounted = folder / "disk", folder / "mounted"
    make_disk(file, DISK_BYTES)
    with mounted_file(file, mounted) as device:
        home = mounted / "home"
        home.mkdir()
        # The disk of a line that was made long ago.
        _run("sync", "-f", str(mounted))
        yield Disk(file, home, device)


def make_disk(file: Path, size_bytes: int) -> None:
    """An empty ext4 disk in a sparse file."""
    with file.open("wb") as image:
        image.truncate(size_bytes)
    _run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", str(file))


@contextmanager
def mounted_file(file: Path, mounted: Path) -> Iterator[str]:
    """The name of the loop device, while the file is mounted."""
    mounted.mkdir(exist_ok=True)
    _run("mount", "-o", "loop", str(file), str(mounted))
    try:
        source = _run("findmnt", "-n", "-o", "SOURCE", str(mounted))
        yield Path(source.strip()).name
    finally:
        _unmount(mounted)


def _unmount(mounted: Path) -> None:
    """Unmount a disk; the threads of a killed process may hold its files for a moment."""
    deadline = time.monotonic() + UNMOUNT_SECONDS
    while True:
        try:
            _run("umount", str(mounted))
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def after_the_cut(copy: Path, promised: dict[str, str], mounted: Path) -> list[str]:
    """Start on a copy: what is wrong with it. The copy is used up."""
    with mounted_file(copy, mounted):
        home = mounted / "home"
        objects = {key: promised[key] for key in promised.keys() - {LEAVES, SIGNED}}
        return faults(home, objects) + log_faults(home, promised)


def faults(home: Path, promised: dict[str, str]) -> list[str]:
    """Promised objects that are not whole, others that are there in part, debris that stays."""
    storage = LocalStorage(home)
    found = {}
    for area in Area:
        for path in (home / area.value).rglob("*"):
            if path.is_file() and PARTIAL not in path.parts:
                found[str(path.relative_to(home))] = sha256(path.read_bytes()).hexdigest()
    wrong = [f"{key} is gone" for key in promised if key not in found]
    wrong += [
        f"{key} is not whole"
        for key, digest in found.items()
        if digest != promised.get(key, digest) or not _is_whole(storage, key, digest)
    ]
    storage.sweep(now=time.time() + TWO_DAYS_SECONDS)
    wrong += [f"{path.name} is left over" for path in home.glob(f"*/{PARTIAL}/*")]
    return wrong


def _is_whole(storage: LocalStorage, key: str, digest: str) -> bool:
    name = key.rpartition("/")[2]
    if "/sha256/" in key:
        return name == digest
    with suppress(Exception):
        return Receipts(storage).find("batch-1", name, 1) is not None
    return False


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout

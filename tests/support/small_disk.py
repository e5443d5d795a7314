"""A small ext4 disk in a file, which a test fills and empties. Only root can mount one."""

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SMALLEST_BYTES = 4096


class SmallDisk:
    """A mounted disk."""

    def __init__(self, mounted: Path) -> None:
        """The disk of this mount point."""
        self.mounted = mounted
        self._filler = mounted / "filler"

    @property
    def free_bytes(self) -> int:
        """What is free now."""
        found = os.statvfs(self.mounted)
        return found.f_bavail * found.f_frsize

    def fill_bytes(self, left_bytes: int = 0) -> None:
        """Take all bytes but these; without any left, to the last block."""
        with self._filler.open("ab") as file:
            size = os.fstat(file.fileno()).st_size
            os.posix_fallocate(file.fileno(), size, max(1, self.free_bytes - left_bytes - 65536))
            with suppress(OSError):
                while self.free_bytes > left_bytes:
                    os.write(file.fileno(), bytes(SMALLEST_BYTES))

    def fill_inodes(self) -> None:
        """Take all inodes."""
        self._filler.mkdir()
        with suppress(OSError):
            for number in range(1 << 30):
                (self._filler / str(number)).touch()

    def empty(self) -> None:
        """Give everything back."""
        if self._filler.is_dir():
            for path in self._filler.iterdir():
                path.unlink()
            self._filler.rmdir()
        self._filler.unlink(missing_ok=True)

    @contextmanager
    def growing_log(self, log: Path) -> Iterator[None]:
        """A process of somebody else that writes a log without end; the log is removed afterwards."""
        over = threading.Event()

        def grow() -> None:
            with log.open("ab", buffering=0) as file:
                with suppress(OSError):
                    os.posix_fallocate(file.fileno(), 0, self.free_bytes - (100 << 20))
                    os.lseek(file.fileno(), 0, os.SEEK_END)
                while not over.is_set():
                    try:
                        file.write(bytes(1 << 18))
                    except OSError:
                        over.wait(0.01)

        writer = threading.Thread(target=grow)
        writer.start()
        try:
            yield
        finally:
            over.set()
            writer.join()
            log.unlink()


@contextmanager
def small_disk(folder: Path, size_bytes: int, inodes: int) -> Iterator[SmallDisk]:
    """An empty ext4 disk of this size in a folder, mounted."""
    image, mounted = folder / "disk.img", folder / "disk"
    mounted.mkdir()
    with image.open("wb") as file:
        file.truncate(size_bytes)
    _run("mkfs.ext4", "-q", "-F", "-m", "0", "-N", str(inodes), str(image))
    _run("mount", "-o", "loop", str(image), str(mounted))
    try:
        yield SmallDisk(mounted)
    finally:
        # Lazily: a test that failed may have left a process with an open file.
        _run("umount", "--lazy", str(mounted))
        image.unlink()


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"

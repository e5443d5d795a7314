"""What `copystand doctor --tune` measures: cores, memory, a page, and each disk of the home."""

import os
import resource
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from infra.disk import disks_of
from streams.machine import MEGABYTE, cores, memory_bytes

SYNCS = 24
SYNC_SECONDS = 3.0
WRITE_SECONDS = 2.0
LARGEST_WRITE_MB = 64
CHUNK_MB = 1
PAGE_RUNS = 2
PAGE_WIDTH, PAGE_HEIGHT = 1240, 1754
WORDS = "The reader turned the leaf and found a second hand in the margin of the old book. "


@dataclass(frozen=True)
class DiskSpeed:
    """How fast a disk makes writes durable."""

    sync_ms: float
    """A small write with fdatasync: the quarter of the fastest ones is below it."""
    mb_per_second: float
    """A large write with its fsync."""


@dataclass(frozen=True)
class Measurements:
    """One machine."""

    cores: int
    """Those that affinity and quota permit."""
    memory_mb: int
    """That of the machine, or the limit of its control group."""
    page_seconds: float
    """Processor time for the images and the text of a page of 2 megapixels, on one core."""
    sync_ms: float
    """Of the slowest disk of the home."""
    mb_per_second: float
    """Of the slowest disk of the home on which the store writes."""


def measure(home: Path, read_page: Callable[[Path], None] | None = None) -> Measurements:
    """Measure this machine; takes some seconds. Raises OSError."""
    disks = {folder: stores for folder, stores in disks_of(home).items()}
    speeds = {folder: measure_disk(folder) for folder in disks}
    return Measurements(
        cores=cores(),
        memory_mb=memory_bytes() // MEGABYTE,
        page_seconds=measure_page(read_page or _read_page),
        sync_ms=max(speed.sync_ms for speed in speeds.values()),
        mb_per_second=min(speeds[folder].mb_per_second for folder in disks if disks[folder]),
    )


def measure_disk(folder: Path) -> DiskSpeed:
    """How fast the disk of a folder is, measured with a file that is removed again."""
    file = folder / f".tune-{os.getpid()}"
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        return DiskSpeed(_sync_ms(descriptor), _mb_per_second(descriptor))
    finally:
        os.close(descriptor)
        with suppress(FileNotFoundError):
            file.unlink()


def _sync_ms(descriptor: int) -> float:
    """Not the mean: other programs that write meanwhile must not change the result."""
    seconds: list[float] = []
    while len(seconds) < SYNCS and sum(seconds) < SYNC_SECONDS:
        began = time.monotonic()
        os.pwrite(descriptor, os.urandom(4096), 4096 * len(seconds))
        os.fdatasync(descriptor)
        seconds.append(time.monotonic() - began)
    return sorted(seconds)[len(seconds) // 4] * 1000


def _mb_per_second(descriptor: int) -> float:
    """The fastest of writes of growing size, until the time is used up."""
    chunk = os.urandom(CHUNK_MB * MEGABYTE)
    best, size, deadline = 0.0, 4, time.monotonic() + WRITE_SECONDS
    while size <= LARGEST_WRITE_MB and time.monotonic() < deadline:
        began = time.monotonic()
        for number in range(size // CHUNK_MB):
            os.pwrite(descriptor, chunk, number * len(chunk))
        os.fsync(descriptor)
        best = max(best, size / (time.monotonic() - began))
        size *= 2
    return best


def measure_page(read_page: Callable[[Path], None]) -> float:
    """Processor time of one page. Processor time, since other programs may use the cores too."""
    with TemporaryDirectory(prefix="copystand-tune-") as folder:
        page = Path(folder) / "page.tif"
        _write_page(page)
        return min(_processor_seconds(lambda: read_page(page)) for _ in range(PAGE_RUNS))


def _processor_seconds(work: Callable[[], None]) -> float:
    before = _used_seconds()
    work()
    return _used_seconds() - before


def _used_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _write_page(path: Path) -> None:
    import pyvips

    text = pyvips.Image.text(WORDS * 24, width=PAGE_WIDTH - 200, dpi=150, font="Serif 10")
    page = (255 - text).cast("uchar")
    page = page.embed(100, 100, PAGE_WIDTH, PAGE_HEIGHT, extend="background", background=255)
    page.tiffsave(str(path), compression="lzw", xres=150 / 25.4, yres=150 / 25.4)


def _read_page(page: Path) -> None:
    """The work of two steps, in small: access images, and the text by Tesseract."""
    import pyvips

    image = pyvips.Image.new_from_file(str(page), access="sequential")
    image.copy_memory().gaussblur(2).resize(0.5).jpegsave(str(page.with_suffix(".jpg")))
    subprocess.run(
        ["tesseract", str(page), str(page.with_suffix("")), "-l", "eng"],
        env={**os.environ, "OMP_THREAD_LIMIT": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )

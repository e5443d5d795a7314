"""A control group with limits, of version 1 or 2, in which a test starts programs. Only root can make one."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.disk import existing

ROOT = Path("/sys/fs/cgroup")
PERIOD_US = 100_000
PATIENCE_SECONDS = 20.0
WEIGHT = 10
"""Of a group, which counts as one process otherwise: the limit is to be its quota, not other programs."""


@dataclass(frozen=True)
class Limits:
    """What the programs of a group have together."""

    cores: float
    memory_bytes: int
    disk: Path | None = None
    """A path on the disk whose writes are limited; reads are not."""
    bytes_per_second: int = 0
    writes_per_second: int = 0


class ControlGroup:
    """A group in one hierarchy of version 2, or in one of version 1 for each controller."""

    def __init__(self, folders: dict[str, Path], version: int) -> None:
        """The folders of the controllers; with version 2 they are one."""
        self._folders, self.version = folders, version

    def command(self, *words: str | Path) -> list[str]:
        """A command that starts a program in the group."""
        files = " ".join(f"{folder}/cgroup.procs" for folder in set(self._folders.values()))
        enter = f'for group in {files}; do echo $$ > $group || exit 99; done; exec "$@"'
        return ["sh", "-c", enter, "sh", *map(str, words)]

    def kills(self) -> int:
        """How many processes the kernel has killed for lack of memory."""
        name = "memory.events" if self.version == 2 else "memory.oom_control"
        lines = (self._folders["memory"] / name).read_text().splitlines()
        return int(dict(line.split() for line in lines)["oom_kill"])

    def peak_mb(self) -> int:
        """The most memory that the group had, with the cache of files."""
        name = "memory.peak" if self.version == 2 else "memory.max_usage_in_bytes"
        return int((self._folders["memory"] / name).read_text()) // 1_000_000

    def remove(self) -> None:
        """Remove the group when its processes have ended."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        for folder in set(self._folders.values()):
            while (folder / "cgroup.procs").read_text() and time.monotonic() < deadline:
                time.sleep(0.1)
            folder.rmdir()


@contextmanager
def control_group(limits: Limits) -> Iterator[ControlGroup]:
    """A new group; skips the test where none can be made."""
    if os.geteuid() != 0 or not os.access(ROOT, os.W_OK):
        pytest.skip("only root can make a control group, and where they are mounted for writing")
    name = f"copystand-test-{os.getpid()}-{time.monotonic_ns()}"
    group = _version_1(name, limits) if (ROOT / "memory").is_dir() else _version_2(name, limits)
    try:
        yield group
    finally:
        group.remove()


def _version_1(name: str, limits: Limits) -> ControlGroup:
    folders = {one: ROOT / one / name for one in ("memory", "cpu", "blkio")}
    for folder in folders.values():
        folder.mkdir()
    (folders["memory"] / "memory.limit_in_bytes").write_text(str(limits.memory_bytes))
    (folders["cpu"] / "cpu.cfs_period_us").write_text(str(PERIOD_US))
    (folders["cpu"] / "cpu.shares").write_text(str(1024 * WEIGHT))
    (folders["cpu"] / "cpu.cfs_quota_us").write_text(str(int(limits.cores * PERIOD_US)))
    if limits.disk is not None:
        device = _device_of(limits.disk)
        for kind, number in (("bps", limits.bytes_per_second), ("iops", limits.writes_per_second)):
            file = folders["blkio"] / f"blkio.throttle.write_{kind}_device"
            file.write_text(f"{device} {number}")
    return ControlGroup(folders, 1)


def _version_2(name: str, limits: Limits) -> ControlGroup:
    folder = ROOT / name
    (ROOT / "cgroup.subtree_control").write_text("+cpu +memory +io")
    folder.mkdir()
    (folder / "memory.max").write_text(str(limits.memory_bytes))
    (folder / "cpu.weight").write_text(str(100 * WEIGHT))
    (folder / "cpu.max").write_text(f"{int(limits.cores * PERIOD_US)} {PERIOD_US}")
    if limits.disk is not None:
        rates = f"wbps={limits.bytes_per_second} wiops={limits.writes_per_second}"
        (folder / "io.max").write_text(f"{_device_of(limits.disk)} {rates}")
    return ControlGroup(dict.fromkeys(("memory", "cpu", "blkio"), folder), 2)


def _device_of(path: Path) -> str:
    """The whole disk of a path: limits are of disks, not of partitions."""
    number = existing(path).stat().st_dev
    device = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}")
    whole = device.resolve().parent if (device / "partition").exists() else device
    return (whole / "dev").read_text().strip()

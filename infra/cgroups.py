"""The limits of processor time and memory of this process's control groups, of version 1 or 2.

See https://docs.kernel.org/admin-guide/cgroup-v2.html and cgroups(7). A container, a service of
systemd or an administrator sets them; the number of processors and the size of the memory that the
kernel reports do not show them."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SELF = Path("/proc/self")
NO_LIMIT_BYTES = 1 << 60
"""Version 1 reports the largest number of pages when there is no limit."""


@dataclass(frozen=True)
class Hierarchy:
    """A mounted hierarchy of control groups, and the group of this process in it."""

    version: int
    mounted: Path
    group: Path

    def levels(self) -> Iterator[Path]:
        """The group and all groups above it: each of them limits the process."""
        level = self.group
        while True:
            yield level
            if level == self.mounted:
                return
            level = level.parent


def memory_limit(process: Path = SELF) -> int | None:
    """The lowest memory limit in bytes; None without one."""
    hierarchy = _hierarchy("memory", process)
    if hierarchy is None:
        return None
    name = "memory.max" if hierarchy.version == 2 else "memory.limit_in_bytes"
    limits = [int(text) for level in hierarchy.levels() if (text := _read(level / name)).isdigit()]
    return min((limit for limit in limits if limit < NO_LIMIT_BYTES), default=None)


def processor_limit(process: Path = SELF) -> float | None:
    """The lowest limit of processor time, as a number of processors; None without one."""
    hierarchy = _hierarchy("cpu", process)
    if hierarchy is None:
        return None
    quotas = [_quota(hierarchy.version, level) for level in hierarchy.levels()]
    return min((quota for quota in quotas if quota is not None), default=None)


def _quota(version: int, level: Path) -> float | None:
    if version == 2:
        quota, _, period = _read(level / "cpu.max").partition(" ")
    else:
        quota, period = _read(level / "cpu.cfs_quota_us"), _read(level / "cpu.cfs_period_us")
    if not (quota.isdigit() and period.isdigit() and int(period)):
        return None
    return int(quota) / int(period)


def _hierarchy(controller: str, process: Path) -> Hierarchy | None:
    """Where a controller limits this process. Version 1 precedes: a controller that is mounted
    there has no effect in version 2."""
    found = {}
    for version, root, mounted in _mounts(controller, process):
        path = _group_path(version, controller, process)
        if path is not None:
            inside = os.path.relpath(path, root)
            # In a container the path may be that of the host, which is not mounted here.
            group = mounted if inside.startswith("..") else mounted / inside
            found[version] = Hierarchy(version, mounted, group if group.is_dir() else mounted)
    return found.get(1) or found.get(2)


def _mounts(controller: str, process: Path) -> Iterator[tuple[int, str, Path]]:
    """Version, root and mount point of each hierarchy that may have the controller (proc(5))."""
    for line in _read(process / "mountinfo").splitlines():
        before, _, after = line.partition(" - ")
        fields, options = before.split(), after.split()
        if len(fields) < 5 or len(options) < 3:
            continue
        kind, has_controller = options[0], controller in options[2].split(",")
        if kind == "cgroup2" or (kind == "cgroup" and has_controller):
            version = 2 if kind == "cgroup2" else 1
            yield version, _unescaped(fields[3]), Path(_unescaped(fields[4]))


def _group_path(version: int, controller: str, process: Path) -> str | None:
    for line in _read(process / "cgroup").splitlines():
        number, controllers, path = line.split(":", 2)
        is_ours = controller in controllers.split(",") if version == 1 else number == "0"
        if is_ours:
            return path
    return None


def _unescaped(path: str) -> str:
    """A path of mountinfo, in which spaces are octal."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), path)


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""

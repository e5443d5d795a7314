"""One reserve of free disk space for all that write to a home: work waits for space and does not
fail, and a delivery that does not fit is refused before its first byte is copied."""

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from infra.disk import NOTHING, Shortage, Space, disks_of, existing, free_space, mount_point
from processors.error_catalogue import fix_of
from processors.outcome import StorageError
from streams.settings import Settings

log = logging.getLogger(__name__)

CHECK_EVERY_SECONDS = 2.0
REPORT_EVERY_SECONDS = 60.0
BLOCK_BYTES = 4096
Find = Callable[[Space], Shortage | None]
"""The first disk that lacks this much beside the reserve."""


class NoSpace(StorageError):
    """There is no space for what is to be written; nothing of it was written."""

    code = "disk.no-space"

    def __init__(self, what: str, shortage: Shortage, reserve: Space) -> None:
        """`what` names the thing that needs the space."""
        needed = f"{shortage.needed} needed: {what} and a reserve of {reserve}"
        super().__init__(
            f"{self.code}: {shortage.disk} has {shortage.free} free, {needed}",
        )
        self.fix = fix_of(self.code, disk=shortage.disk)


class DiskReserve:
    """Free space of the disks of a home, of which a reserve stays unused."""

    def __init__(
        self,
        find: Find,
        report: Callable[[str], None] = lambda _: None,
        pause: Callable[[float], None] = time.sleep,
        make_way: Callable[[int], None] = lambda _: None,
    ) -> None:
        """`report` receives why work waits, and an empty text when it waits no longer. `make_way`
        removes what nobody misses, to free this many bytes."""
        self._find = find
        self._report = report
        self._pause = pause
        self._make_way = make_way

    def shortage(self, need_bytes: int = 0, need_inodes: int = 0) -> Shortage | None:
        """The disk on which this much cannot be written without using the reserve."""
        needed = Space(need_bytes, need_inodes)
        if self._find(needed) is None:
            return None
        self._make_way(need_bytes)
        return self._find(needed)

    def has(self, need_bytes: int) -> bool:
        """Whether this many bytes can be written without using the reserve."""
        return self.shortage(need_bytes) is None

    def wait(self, need_bytes: int, still_wanted: Callable[[], bool]) -> None:
        """Wait until there is space, or until the space is no longer wanted."""
        reported_at = float("-inf")
        while (shortage := self.shortage(need_bytes)) is not None and still_wanted():
            if time.monotonic() - reported_at > REPORT_EVERY_SECONDS:
                reported_at = time.monotonic()
                log.warning("waiting for disk space", extra={"shortage": str(shortage)})
                self._report(f"waits for free space: {shortage}")
            self._pause(CHECK_EVERY_SECONDS)
        if reported_at > float("-inf"):
            self._report("")


def reserve_of(settings: Settings, report: Callable[[str], None] = lambda _: None) -> DiskReserve:
    """The reserve of the home of these settings, on each of its disks."""

    def make_way_in_cache(need_bytes: int) -> None:
        # Imported here: a station on Windows has no such cache, and cannot load it.
        from streams.storage.cache.home_cache import make_way

        make_way(settings, need_bytes)

    return DiskReserve(
        lambda needed: find_shortage(settings.home, needed, settings.reserve),
        report,
        make_way=make_way_in_cache,
    )


def find_shortage(home: Path, needed: Space, reserve: Space) -> Shortage | None:
    """The first disk of a home that lacks space. What is needed is needed where the store writes;
    on the disk of a server only the reserve is."""
    for folder, holds_store in disks_of(home).items():
        free = free_space(folder)
        wanted = reserve + (needed if holds_store else NOTHING)
        if not free.covers(wanted):
            return Shortage(mount_point(folder), free, wanted)
    return None


def require_space(settings: Settings, what: str, sizes: Sequence[int]) -> None:
    """Raise NoSpace unless files of these sizes fit into the store beside the reserve."""
    # A bucket has no limit; then the files do not come to a disk of this home.
    needed = _on_disk(sizes) if settings.s3 is None else NOTHING
    shortage = find_shortage(settings.home, needed, settings.reserve)
    if shortage is not None:
        raise NoSpace(f"{what} with {needed}", shortage, settings.reserve)


def require_space_outside(settings: Settings, folder: Path, what: str, size_bytes: int) -> None:
    """Raise NoSpace unless this many bytes fit into a folder that need not be in the home.

    On a disk of the home, its reserve stays unused there as well."""
    disks = {one.stat().st_dev for one in disks_of(settings.home)}
    is_ours = existing(folder).stat().st_dev in disks
    reserve = settings.reserve if is_ours else NOTHING
    free, needed = free_space(folder), _on_disk([size_bytes]) + reserve
    if not free.covers(needed):
        raise NoSpace(what, Shortage(mount_point(folder), free, needed), reserve)


def _on_disk(sizes: Sequence[int]) -> Space:
    """What files of these sizes take: whole blocks, and for each perhaps a folder."""
    return Space(sum(sizes) + BLOCK_BYTES * len(sizes), 2 * len(sizes))

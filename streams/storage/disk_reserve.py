"""Keeps a reserve of free disk space: work waits for space and does not fail."""

import logging
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

CHECK_EVERY_SECONDS = 2.0
REPORT_EVERY_SECONDS = 60.0


class DiskReserve:
    """Free space of a disk, of which a reserve stays unused."""

    def __init__(
        self,
        free_bytes: Callable[[], int | None],
        reserve_bytes: int,
        report: Callable[[str], None] = lambda _: None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """`free_bytes` returns None where space is unlimited; `report` receives why work waits, and
        an empty text when it waits no longer."""
        self._free_bytes = free_bytes
        self._reserve = reserve_bytes
        self._report = report
        self._pause = pause

    def has(self, need_bytes: int) -> bool:
        """Whether this many bytes can be written without using the reserve."""
        free = self._free_bytes()
        return free is None or free - need_bytes >= self._reserve

    def wait(self, need_bytes: int, still_wanted: Callable[[], bool]) -> None:
        """Wait until there is space, or until the space is no longer wanted."""
        reported_at = float("-inf")
        while not self.has(need_bytes) and still_wanted():
            if time.monotonic() - reported_at > REPORT_EVERY_SECONDS:
                reported_at = time.monotonic()
                free = self._free_bytes()
                log.warning(
                    "waiting for disk space",
                    extra={"free": free, "needed": need_bytes, "reserve": self._reserve},
                )
                self._report(
                    f"waits for free space: {free} bytes free, {need_bytes} needed beside a "
                    f"reserve of {self._reserve}"
                )
            self._pause(CHECK_EVERY_SECONDS)
        if reported_at > float("-inf"):
            self._report("")

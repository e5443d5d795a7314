"""Keeps a reserve of free space in the store: work waits for space, it does not fail."""

import logging
import time
from collections.abc import Callable

log = logging.getLogger(__name__)


LOOK_AGAIN_SECONDS = 2.0


TELL_EVERY_SECONDS = 60.0


class DiskReserve:
    """Free space of the store, of which a reserve is never touched."""

    def __init__(
        self,
        free_bytes: Callable[[], int | None],
        reserve_bytes: int,
        note: Callable[[str], None] = lambda _: None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """`free_bytes` gives None where space does not end; `note` tells people why work waits."""
        self._free_bytes = free_bytes
        self._reserve = reserve_bytes
        self._note = note
        self._pause = pause

    def has(self, need_bytes: int) -> bool:
        """Whether so many bytes can be written without touching the reserve."""
        free = self._free_bytes()
        return free is None or free - need_bytes >= self._reserve

    def wait(self, need_bytes: int, go_on: Callable[[], bool]) -> None:
        """Wait until there is room, or until nobody wants it any more: work waits, it never fails
        for want of space."""
        told_at = float("-inf")
        while not self.has(need_bytes) and go_on():
            if time.monotonic() - told_at > TELL_EVERY_SECONDS:
                told_at = time.monotonic()
                free = self._free_bytes()
                log.warning("disk full", extra={"free": free, "needed": need_bytes})
                self._note(
                    f"waits for free space: {free} bytes free, {need_bytes} needed beside a "
                    f"reserve of {self._reserve}"
                )
            self._pause(LOOK_AGAIN_SECONDS)
        if told_at > float("-inf"):
            self._note("")

"""What a worker takes on at once: decoded images that fit in memory, files that fit on the disk."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from processors.imaging import magic
from processors.imaging.header import DamagedHeader, read_header
from processors.outcome import StorageError
from processors.page_files import file_for
from processors.tools import Storage
from schemas.models import Fact, PageAcquired, PageAdmitted

log = logging.getLogger(__name__)

LOOK_AGAIN_SECONDS = 2.0
TELL_EVERY_SECONDS = 60.0


def decoded_bytes(fact: Fact, storage: Storage) -> int:
    """Bytes of the image that a step on this fact may decode, from headers; 0 where it has none.

    A file whose header cannot be read counts nothing: it is refused before it is decoded."""
    if isinstance(fact, PageAcquired):
        bits = fact.width_px * fact.height_px * fact.samples_per_pixel * fact.bits_per_sample
        return bits // 8
    if not isinstance(fact, PageAdmitted):
        return 0
    try:
        path = storage.path(file_for("capture", fact.files))
        format_ = magic.identify_file(path)
        header = read_header(path, format_.family) if format_ else None
    except (DamagedHeader, KeyError, LookupError, OSError, StorageError):
        return 0
    if header is None:
        return 0
    pixels = header.width_px * header.height_px
    return pixels * header.samples_per_pixel * header.bits_per_sample // 8


def written_bytes(fact: Fact) -> int:
    """Roughly what a step on this fact writes: its files once more, and what is made of them."""
    return 2 * sum(file.size_bytes for file in fact.files)


class Budget:
    """Bytes that may be in use at once. Work waits for its share; one that is larger than all of
    it goes alone."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._used = 0
        self._changed = threading.Condition()

    @contextmanager
    def share(self, need_bytes: int) -> Iterator[None]:
        """Wait until there is room for so many bytes, and hold them."""
        with self._changed:
            self._changed.wait_for(lambda: self._used == 0 or self._fits(need_bytes))
            self._used += need_bytes
        try:
            yield
        finally:
            with self._changed:
                self._used -= need_bytes
                self._changed.notify_all()

    def _fits(self, need_bytes: int) -> bool:
        return need_bytes == 0 or self._used + need_bytes <= self._limit


class Room:
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

"""Reads an object of the store at a limited rate, and compares its bytes with its digest."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from processors.outcome import ObjectUnusable, StorageError
from processors.tools import Area
from streams.storage.object_store import ObjectStore

MISSING, DAMAGED, UNREADABLE = "object.missing", "object.damaged", "object.unreadable"
SELF_DIGEST_BYTES = 65
"""A receipt ends with its own SHA-256 in hex and a line feed."""


@dataclass
class Throttle:
    """Limits the bytes that are read in a second; 0 means no limit."""

    bytes_per_second: float = 0.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _free_at: float = field(default=0.0, init=False)

    def took(self, size: int) -> None:
        """Wait as long as it takes to read so many bytes at the limit. Idle time is not saved."""
        if not self.bytes_per_second:
            return
        now = self.clock()
        self._free_at = max(self._free_at, now) + size / self.bytes_per_second
        # Short waits are collected: each would take longer than asked for.
        if self._free_at - now > 0.02:
            self.sleep(self._free_at - now)


@dataclass(frozen=True)
class Reading:
    """What an object is now."""

    sha256: str | None
    """The digest of its bytes; None if they could not be read."""
    size_bytes: int
    code: str | None = None
    """Why it is not as recorded; None if it is intact."""
    found: str = ""


def read_object(
    store: ObjectStore, key: str, sha256: str | None, throttle: Throttle | None = None
) -> Reading:
    """Read an object and compare it with its recorded digest, if there is one."""
    digest, size, receipt = hashlib.sha256(), 0, bytearray()
    try:
        for part in store.stream(key):
            digest.update(part)
            size += len(part)
            if _is_receipt(key):
                receipt += part
            if throttle:
                throttle.took(len(part))
    except ObjectUnusable:
        return Reading(None, 0, MISSING, "the store does not have it")
    except StorageError as failed:
        return Reading(None, size, UNREADABLE, f"it cannot be read: {failed}")
    found = digest.hexdigest()
    if sha256 is not None and found != sha256:
        return Reading(found, size, DAMAGED, f"it has the SHA-256 {found}")
    if _is_receipt(key) and not _ends_with_own_digest(bytes(receipt)):
        return Reading(found, size, DAMAGED, "its content does not match the SHA-256 at its end")
    return Reading(found, size)


def _is_receipt(key: str) -> bool:
    return key.startswith(f"{Area.RECEIPTS}/") and not key.startswith(f"{Area.RECORDS}/")


def _ends_with_own_digest(content: bytes) -> bool:
    body, own = content[:-SELF_DIGEST_BYTES], content[-SELF_DIGEST_BYTES:-1]
    return hashlib.sha256(body).hexdigest().encode() == own

"""The traffic between this machine and a bucket: the class of each object, and its parts."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from processors.tools import Area
from streams.storage.source_bytes import PART_BYTES, unchanged_parts
from streams.traffic.link_buckets import TrafficClass
from streams.traffic.shared_state import Direction
from streams.traffic.traffic import Traffic

LEAST_SENT_BYTES = 5 << 20
"""S3 accepts no smaller part of an upload, except the last one."""
LEAST_RECEIVED_BYTES = 256 << 10
SENT = {
    Area.STAGING: TrafficClass.MASTERS,
    Area.MASTERS: TrafficClass.MASTERS,
    Area.DERIVATIVES: TrafficClass.ACCESS,
    Area.PACKAGES: TrafficClass.PACKAGES,
}
# A stored master is read again to make derivatives of it.
RECEIVED = {**SENT, Area.MASTERS: TrafficClass.ACCESS}


@dataclass(frozen=True)
class Transfers:
    """Lets the bytes of objects pass. Receipts and records are small and never wait."""

    traffic: Traffic | None = None
    of_process: TrafficClass | None = None
    """The class of all that this process transfers; None if it depends on the object."""

    def sent_part_bytes(self) -> int:
        """The size of one part of an upload; what is not longer is sent in one request."""
        if self.traffic is None:
            return PART_BYTES
        return self.traffic.part_bytes(LEAST_SENT_BYTES, PART_BYTES)

    def received_part_bytes(self) -> int:
        """The size of one part that is asked for."""
        if self.traffic is None:
            return PART_BYTES
        return self.traffic.part_bytes(LEAST_RECEIVED_BYTES, PART_BYTES)

    def send(self, key: str, size: int) -> None:
        """Wait until bytes of an object may be sent."""
        which = self._class_of(key, SENT)
        if self.traffic is not None and which is not None:
            self.traffic.wait(which, Direction.OUT, size)

    def receive(self, key: str, size: int, *, just_written: bool = False) -> None:
        """Wait until bytes of an object may be received, perhaps to compare what was written."""
        which = self._class_of(key, SENT if just_written else RECEIVED)
        if self.traffic is not None and which is not None:
            self.traffic.wait(which, Direction.IN, size)

    def sent_parts(
        self, key: str, source: Path | bytes, digest: str, part_bytes: int
    ) -> Iterator[bytes]:
        """The source in parts, each when it may be sent; see `unchanged_parts`."""
        for part in unchanged_parts(source, digest, part_bytes):
            self.send(key, len(part))
            yield part

    def _class_of(self, key: str, classes: dict[Area, TrafficClass]) -> TrafficClass | None:
        area = key.partition("/")[0]
        found = classes.get(Area(area)) if area in list(Area) else None
        return (self.of_process or found) if found else None

"""Where a spool sends files: the store of the line, or its uploads."""

from collections.abc import Callable
from typing import Protocol

from schemas.models import FileRef
from streams.clients.station.folder import Delivery, ManifestFile

KeepGoing = Callable[[int], bool]
"""Called with the bytes that were sent; whether to send more."""


class Stopped(Exception):
    """A person cancelled the delivery, or the process is to end."""


class NotTaken(Exception):
    """The other side refuses this delivery and will refuse it again."""

    def __init__(self, found: str, fix: str) -> None:
        super().__init__(found)
        self.found, self.fix = found, fix


class FilesMissing(Exception):
    """The other side lacks files that it once confirmed."""


class Destination(Protocol):
    """Takes the files of a delivery, then its manifest.

    Every method raises MustWait while the other side does not take anything."""

    @property
    def name(self) -> str:
        """Tells it from other destinations."""
        ...

    def prepare(self, delivery: Delivery) -> None:
        """Check before the first file that the delivery can be taken."""
        ...

    def send(self, file: ManifestFile, keep_going: KeepGoing) -> str | None:
        """Store a file; it is durable there on return. How it changed since it was read, or None.

        Raises Stopped, NotTaken; OSError when the file cannot be read. Several threads call it."""
        ...

    def finish(self, delivery: Delivery) -> FileRef:
        """Store the manifest, after all files. Raises FilesMissing."""
        ...

"""What a step gets to work with: a store, a scratch folder, and nothing else of the world."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from schemas.models import FileRef


class Area(StrEnum):
    """The parts of the store; each is the first part of its keys."""

    STAGING = "staging"
    MASTERS = "masters"
    DERIVATIVES = "derivatives"
    PACKAGES = "packages"
    RECEIPTS = "receipts"
    RECORDS = "receipts/records"
    """What the line wrote down for itself: page lists, resolved profiles, item records."""


class Storage(Protocol):
    """The store as steps see it; content-addressed, create-if-absent, durable on return.

    Every method raises StorageError when the store does not answer or does not hold the object."""

    def path(self, ref: FileRef) -> Path:
        """A local file with these bytes, for reading only. Its digest is not checked."""
        ...

    def read(self, ref: FileRef) -> bytes:
        """The bytes, checked against the reference's digest."""
        ...

    def keep(
        self, source: Path | bytes, *, area: Area, use: str, media_type: str, move: bool = False
    ) -> FileRef:
        """Store under `<area>/sha256/<2 hex>/<sha256>`; verified and fsynced on return.

        With `move` the source is the caller's no more: it may be taken instead of copied."""
        ...

    def get(self, key: str) -> bytes | None:
        """The bytes under a key, or None."""
        ...

    def put_new(self, key: str, value: bytes) -> bool:
        """Store bytes under a key of the caller's; False, and nothing done, when it is taken."""
        ...

    def size(self, key: str) -> int | None:
        """Length in bytes of what a key holds, or None."""
        ...

    def holds(self, key: str, size_bytes: int) -> bool:
        """Whether a key holds so many bytes, and durably: as good as having kept them."""
        ...


def _no_progress(_: str) -> None:
    return None


@dataclass(frozen=True)
class Tools:
    """Built once in each pool child."""

    storage: Storage
    scratch: Path
    """A private folder, emptied between tasks."""
    progress: Callable[[str], None] = field(default=_no_progress)
    """Long steps tell that they are alive."""
    profiles: Path | None = None
    """The institution's own profiles and rule files; None: only those shipped."""
    standards: Path | None = None
    """The XSD files of the standards; None: where infra put them is not known here."""

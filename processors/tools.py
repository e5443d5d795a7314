"""The tools that a step gets: the store, a scratch folder and the standards."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from schemas.models import FileRef


class Area(StrEnum):
    """Areas of the store; each is a prefix of keys."""

    STAGING = "staging"
    MASTERS = "masters"
    DERIVATIVES = "derivatives"
    PACKAGES = "packages"
    RECEIPTS = "receipts"
    RECORDS = "receipts/records"
    """Internal documents: page lists, resolved profiles, item records."""


def staging_key(sha256: str) -> str:
    """The key under which a station stores a file."""
    return f"{Area.STAGING}/sha256/{sha256[:2]}/{sha256}"


class Storage(Protocol):
    """The content-addressed store, as steps use it.

    Every method raises StorageError if the store does not answer or does not have the object."""

    def path(self, ref: FileRef) -> Path:
        """A read-only local file with the object, until the task ends; its digest is not
        checked."""
        ...

    def borrowed(self, ref: FileRef) -> AbstractContextManager[Path]:
        """The file of `path` for the time of a `with`, where no task ends."""
        ...

    def read(self, ref: FileRef) -> bytes:
        """The bytes of an object, with verified digest."""
        ...

    def keep(
        self, source: Path | bytes, *, area: Area, use: str, media_type: str, move: bool = False
    ) -> FileRef:
        """Store under `<area>/sha256/<2 hex>/<sha256>`; verified and fsynced on return.

        With `move` the source may be moved instead of copied."""
        ...

    def get(self, key: str) -> bytes | None:
        """The bytes of a key, or None."""
        ...

    def put_new(self, key: str, value: bytes) -> bool:
        """Store bytes under a new key; False, without a change, if the key exists."""
        ...

    def size(self, key: str) -> int | None:
        """Size in bytes of the object of a key, or None."""
        ...

    def holds(self, key: str, size_bytes: int) -> bool:
        """Whether an object of this size is stored durably."""
        ...


def _no_progress(_: str) -> None:
    return None


@dataclass(frozen=True)
class Tools:
    """The tools of a step; built once per child of the worker."""

    storage: Storage
    scratch: Path
    """A private folder, emptied between tasks."""
    progress: Callable[[str], None] = field(default=_no_progress)
    """Long steps call it regularly to report progress."""
    profiles: Path | None = None
    """Folder of the institution's own profiles and rule files; None if there is none."""
    standards: Path | None = None
    """Folder of the XSD files; None if they are not installed."""

"""The store as those use it who check and repair its objects; steps see only `Storage`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from processors.tools import Storage
from schemas.models import FileRef


class ObjectStore(Storage, Protocol):
    """A store whose objects can be read past every cache, and repaired."""

    def release(self) -> None:
        """Give back all local copies that `path` gave to this process."""
        ...

    def stream(self, key: str) -> Iterator[bytes]:
        """The bytes that the store itself holds under a key, in parts; no local copy is used.

        Raises ObjectUnusable when there is no object, StorageError when it cannot be read."""
        ...

    def replace(self, ref: FileRef, source: Path) -> None:
        """Put the bytes of a file in the place of an object that is missing or damaged, in one
        step. Raises StorageError, without a change, when they do not have the digest of `ref`."""
        ...

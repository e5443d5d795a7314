"""Where else the bytes of an object are: other areas of the store, packages, repositories."""

import hashlib
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from processors.outcome import StorageError
from processors.tools import Area
from schemas.models import FileRef
from schemas.times import written
from streams.fixity.inventory import QUERY, Connection
from streams.fixity.reading import Throttle, read_object
from streams.storage.keys import content_key
from streams.storage.object_store import ObjectStore

CHUNK = 1 << 20
AREAS = (Area.MASTERS, Area.STAGING, Area.DERIVATIVES, Area.PACKAGES, Area.RECORDS)
"""Where an object with the same digest may be, in the order in which they are asked."""
IN_PACKAGES = (Area.MASTERS, Area.DERIVATIVES, Area.PACKAGES)
"""Areas whose objects a repository has when it accepted the package."""


@dataclass(frozen=True)
class Wanted:
    """The object whose bytes are looked for."""

    key: str
    sha256: str
    size_bytes: int
    media_type: str

    @property
    def ref(self) -> FileRef:
        """The same as a reference."""
        return FileRef(
            use="",
            key=self.key,
            sha256=self.sha256,
            size_bytes=self.size_bytes,
            media_type=self.media_type,
        )


@dataclass(frozen=True)
class Copy:
    """Intact bytes of an object in another place."""

    place: str
    """The key of another object, or the package and the path in it."""
    key: str
    """The object that has the bytes."""
    member: str | None = None
    """The member of the tar, if the object is a package."""


class CopyFinder:
    """Finds copies of an object, and reads them."""

    def __init__(self, connection: Connection, store: ObjectStore, throttle: Throttle) -> None:
        """Nothing is read yet."""
        self._connection, self._store, self._throttle = connection, store, throttle

    def copies(self, wanted: Wanted) -> Iterator[Copy]:
        """Copies in the store; each was read and has the digest."""
        for area in AREAS:
            key = content_key(area, wanted.sha256)
            if key != wanted.key and self._is_intact(key, wanted.sha256):
                yield Copy(key, key)
        for row in self._connection.execute(QUERY("packages_with"), {"key": wanted.key}).fetchall():
            if row["key"] == wanted.key:
                continue
            member = self._member(row, wanted)
            if member is not None:
                yield Copy(f"package {row['package_id']}, {member}", row["key"], member)

    def repositories(self, key: str) -> list[str]:
        """Repositories that accepted a package with the object, in words."""
        if not key.startswith(tuple(f"{area}/" for area in IN_PACKAGES)):
            return []
        rows = self._connection.execute(QUERY("repositories_with"), {"key": key}).fetchall()
        return [
            f"{row['repository']} (accepted {row['package_id']} at {written(row['occurred_at'])})"
            for row in rows
            if row["accepted"]
        ]

    def fetch(self, copy: Copy, target: Path) -> None:
        """Write the bytes of a copy to a new file. Raises StorageError."""
        with target.open("xb") as out:
            if copy.member is None:
                for part in self._store.stream(copy.key):
                    out.write(part)
                return
            with self._opened(copy.key) as archive:
                source = archive.extractfile(copy.member)
                if source is None:
                    raise StorageError(f"{copy.place} is not a file")
                while chunk := source.read(CHUNK):
                    out.write(chunk)

    def _is_intact(self, key: str, sha256: str) -> bool:
        try:
            if self._store.size(key) is None:
                return False
        except StorageError:
            return False
        return read_object(self._store, key, sha256, self._throttle).code is None

    def _member(self, package: dict[str, Any], wanted: Wanted) -> str | None:
        """The member of a package's tar that has the bytes. Another part of it may be damaged."""
        try:
            with self._opened(package["key"]) as archive:
                for entry in archive:
                    if entry.isreg() and entry.size == wanted.size_bytes:
                        source = archive.extractfile(entry)
                        if source is not None and self._digest(source) == wanted.sha256:
                            return entry.name
        except (StorageError, tarfile.TarError, EOFError, OSError):
            return None
        return None

    def _opened(self, key: str) -> tarfile.TarFile:
        size = self._store.size(key)
        if size is None:
            raise StorageError(f"the store does not hold {key}")
        sha256 = key.rpartition("/")[2]
        ref = FileRef(use="", key=key, sha256=sha256, size_bytes=size, media_type="")
        return tarfile.open(self._store.path(ref), "r:")

    def _digest(self, source: IO[bytes]) -> str:
        digest = hashlib.sha256()
        while chunk := source.read(CHUNK):
            digest.update(chunk)
            self._throttle.took(len(chunk))
        return digest.hexdigest()

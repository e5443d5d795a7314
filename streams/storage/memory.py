"""The store in memory, for unit tests: it writes to disk only for steps that need a path."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from processors.outcome import ObjectUnusable, StorageError
from processors.tools import Area
from schemas.models import FileRef
from streams.storage.keys import checked, content_key


class MemoryStorage:
    """Objects are in a dictionary; a folder has copies for steps that need a path."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.objects: dict[str, bytes] = {}
        self._lock = Lock()

    def path(self, ref: FileRef) -> Path:
        path = self._folder / checked(ref.key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self._value(ref.key))
        return path

    @contextmanager
    def borrowed(self, ref: FileRef) -> Iterator[Path]:
        yield self.path(ref)

    def release(self) -> None:
        """Nothing: tests remove its folder."""

    def read(self, ref: FileRef) -> bytes:
        value = self._value(ref.key)
        found = hashlib.sha256(value).hexdigest()
        if found != ref.sha256:
            raise ObjectUnusable(f"{ref.key} holds {found}, not {ref.sha256}")
        return value

    def get(self, key: str) -> bytes | None:
        return self.objects.get(checked(key))

    def size(self, key: str) -> int | None:
        value = self.objects.get(checked(key))
        return None if value is None else len(value)

    def holds(self, key: str, size_bytes: int) -> bool:
        return self.size(key) == size_bytes

    def keep(
        self, source: Path | bytes, *, area: Area, use: str, media_type: str, move: bool = False
    ) -> FileRef:
        try:
            value = source if isinstance(source, bytes) else source.read_bytes()
        except OSError as error:
            raise StorageError(f"{area}: {error}") from error
        digest = hashlib.sha256(value).hexdigest()
        key = content_key(area, digest)
        self.objects.setdefault(key, value)
        return FileRef(
            use=use, key=key, sha256=digest, size_bytes=len(value), media_type=media_type
        )

    def put_new(self, key: str, value: bytes) -> bool:
        with self._lock:
            if checked(key) in self.objects:
                return False
            self.objects[key] = value
            return True

    def stream(self, key: str) -> Iterator[bytes]:
        yield self._value(checked(key))

    def replace(self, ref: FileRef, source: Path) -> None:
        value = source.read_bytes()
        digest = hashlib.sha256(value).hexdigest()
        if digest != ref.sha256:
            raise StorageError(f"{source} has the SHA-256 {digest}, not {ref.sha256}")
        self.objects[checked(ref.key)] = value

    def _value(self, key: str) -> bytes:
        if checked(key) not in self.objects:
            raise ObjectUnusable(f"the store does not hold {key}")
        return self.objects[key]

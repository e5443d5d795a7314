"""The store on local disk: create-if-absent, verified and fsynced before anything is promised."""

import errno
import hashlib
import os
import time
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from infra.files import fsync_folder
from processors.outcome import StorageError
from processors.tools import Area
from schemas.models import FileRef
from streams.storage.keys import checked, content_key

CHUNK = 1 << 20
PARTIAL = ".partial"
DEBRIS_AGE_SECONDS = 24 * 3600
FOLDERS_REMEMBERED = 4096


class LocalStorage:
    """Objects are files below a home; keys are their relative paths."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._certain: set[Path] = set()
        """Folders that this process has made durable, with all above them."""

    def path(self, ref: FileRef) -> Path:
        path = self._home / checked(ref.key)
        if not path.is_file():
            raise StorageError(f"the store does not hold {ref.key}")
        return path

    def read(self, ref: FileRef) -> bytes:
        try:
            value = self.path(ref).read_bytes()
        except OSError as wrong:
            raise StorageError(f"{ref.key}: {wrong}") from wrong
        found = hashlib.sha256(value).hexdigest()
        if found != ref.sha256:
            raise StorageError(f"{ref.key} holds {found}, not {ref.sha256}")
        return value

    def get(self, key: str) -> bytes | None:
        path = self._home / checked(key)
        try:
            value = path.read_bytes()
            self._make_certain(path)
            return value
        except FileNotFoundError:
            return None
        except OSError as wrong:
            raise StorageError(f"{key}: {wrong}") from wrong

    def size(self, key: str) -> int | None:
        try:
            return (self._home / checked(key)).stat().st_size
        except FileNotFoundError:
            return None
        except OSError as wrong:
            raise StorageError(f"{key}: {wrong}") from wrong

    def holds(self, key: str, size_bytes: int) -> bool:
        if self.size(key) != size_bytes:
            return False
        try:
            self._make_certain(self._home / key)
        except OSError as wrong:
            raise StorageError(f"{key}: {wrong}") from wrong
        return True

    def keep(
        self, source: Path | bytes, *, area: Area, use: str, media_type: str, move: bool = False
    ) -> FileRef:
        try:
            partial, digest, size = self._write_partial(source, area, move)
        except OSError as wrong:
            raise StorageError(f"{area}: {wrong}") from wrong
        key = content_key(area, digest)
        self._publish(partial, key)
        return FileRef(use=use, key=key, sha256=digest, size_bytes=size, media_type=media_type)

    def put_new(self, key: str, value: bytes) -> bool:
        area = Area(checked(key).split("/")[0])
        try:
            partial, _, _ = self._write_partial(value, area)
        except OSError as wrong:
            raise StorageError(f"{key}: {wrong}") from wrong
        return self._publish(partial, key)

    def sweep(self, now: float | None = None) -> int:
        """Remove what writers that died left half written; how many files that was."""
        swept = 0
        for folder in {area.value.split("/")[0] for area in Area}:
            for path in (self._home / folder / PARTIAL).glob("*"):
                # A writer that lives may be done with its file meanwhile.
                with suppress(FileNotFoundError):
                    if path.stat().st_mtime < (now or time.time()) - DEBRIS_AGE_SECONDS:
                        path.unlink()
                        swept += 1
        return swept

    def _write_partial(
        self, source: Path | bytes, area: Area, move: bool = False
    ) -> tuple[Path, str, int]:
        """A durable, verified file with the source's bytes, not yet under its name."""
        folder = self._home / area.value.split("/")[0] / PARTIAL
        folder.mkdir(parents=True, exist_ok=True)
        partial = folder / f"{os.getpid()}-{uuid4().hex}"
        try:
            if isinstance(source, bytes):
                digest, size = hashlib.sha256(source).hexdigest(), len(source)
                with partial.open("xb") as out:
                    out.write(source)
                    out.flush()
                    os.fsync(out.fileno())
            elif move and _moved(source, partial):
                return partial, _digest(partial), partial.stat().st_size
            else:
                digest, size = _copy(source, partial)
            if _digest(partial) != digest:
                raise StorageError(f"{partial} reads back other bytes than were written")
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        return partial, digest, size

    def _publish(self, partial: Path, key: str) -> bool:
        """Give a file its name unless the name is taken; False when it was."""
        final = self._home / key
        try:
            new = self._link(partial, final)
            self._make_certain(final)
        except OSError as wrong:
            raise StorageError(f"{key}: {wrong}") from wrong
        finally:
            with suppress(OSError):
                partial.unlink()
        return new

    def _link(self, partial: Path, final: Path) -> bool:
        """Give a file its name; False when the name was taken."""
        self._make_folders(final.parent)
        try:
            os.link(partial, final)
        except FileExistsError:
            return False
        return True

    def _make_certain(self, path: Path) -> None:
        """Make a name durable. Also one that was found: who gave it may have died before this."""
        self._make_folders(path.parent)
        fsync_folder(path.parent)

    def _make_folders(self, folder: Path) -> None:
        """Make a folder durable, and those above it; also those that others have made."""
        if folder == self._home or (folder in self._certain and folder.is_dir()):
            return
        self._make_folders(folder.parent)
        folder.mkdir(exist_ok=True)
        fsync_folder(folder.parent)
        if len(self._certain) >= FOLDERS_REMEMBERED:
            self._certain.clear()
        self._certain.add(folder)


def _moved(source: Path, target: Path) -> bool:
    """Take a file over, its bytes made durable; False where it lies on another file system."""
    try:
        source.rename(target)
    except OSError as elsewhere:
        if elsewhere.errno != errno.EXDEV:
            raise
        return False
    with target.open("rb") as file:
        os.fsync(file.fileno())
    return True


def _copy(source: Path, target: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with source.open("rb") as read, target.open("xb") as out:
        while chunk := read.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
            out.write(chunk)
        out.flush()
        os.fsync(out.fileno())
    return digest.hexdigest(), size


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

"""The store on local disk: create-if-absent, with files verified and fsynced before use."""

import errno
import hashlib
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from uuid import uuid4

from infra.files import fsync_folder
from infra.processes import is_alive
from processors.outcome import ObjectUnusable, StorageError
from processors.tools import Area
from schemas.models import FileRef
from streams.storage.keys import checked, content_key

CHUNK = 1 << 20
PARTIAL = ".partial"
DEBRIS_AGE_SECONDS = 24 * 3600
FOLDERS_REMEMBERED = 4096


class LocalStorage:
    """Objects are files in a home; their keys are relative paths."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._durable: set[Path] = set()
        """Folders that this process has made durable, with all their parents."""

    def path(self, ref: FileRef) -> Path:
        path = self._home / checked(ref.key)
        try:
            # Not by exists(): it answers False as well while the disk gives errors.
            if stat.S_ISREG(path.stat().st_mode):
                return path
        except (FileNotFoundError, NotADirectoryError):
            self._check_mounted()
        except OSError as error:
            raise StorageError(f"{ref.key}: {error}") from error
        raise ObjectUnusable(f"the store does not hold {ref.key}")

    @contextmanager
    def borrowed(self, ref: FileRef) -> Iterator[Path]:
        yield self.path(ref)

    def release(self) -> None:
        """Nothing: its files are not copies."""

    def _check_mounted(self) -> None:
        """Without any of its folders the store is away, and no object is missing. Raises
        StorageError."""
        if not any((self._home / area).is_dir() for area in Area):
            raise StorageError(f"{self._home} has no folder of a store")

    def read(self, ref: FileRef) -> bytes:
        try:
            value = self.path(ref).read_bytes()
        except OSError as error:
            raise StorageError(f"{ref.key}: {error}") from error
        found = hashlib.sha256(value).hexdigest()
        if found != ref.sha256:
            raise ObjectUnusable(f"{ref.key} holds {found}, not {ref.sha256}")
        return value

    def get(self, key: str) -> bytes | None:
        path = self._home / checked(key)
        try:
            value = path.read_bytes()
            self._make_durable(path)
            return value
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StorageError(f"{key}: {error}") from error

    def size(self, key: str) -> int | None:
        try:
            return (self._home / checked(key)).stat().st_size
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StorageError(f"{key}: {error}") from error

    def holds(self, key: str, size_bytes: int) -> bool:
        if self.size(key) != size_bytes:
            return False
        try:
            self._make_durable(self._home / key)
        except OSError as error:
            raise StorageError(f"{key}: {error}") from error
        return True

    def keep(
        self, source: Path | bytes, *, area: Area, use: str, media_type: str, move: bool = False
    ) -> FileRef:
        try:
            partial, digest, size = self._write_partial(source, area, move)
        except OSError as error:
            raise StorageError(f"{area}: {error}") from error
        key = content_key(area, digest)
        self._publish(partial, key)
        return FileRef(use=use, key=key, sha256=digest, size_bytes=size, media_type=media_type)

    def put_new(self, key: str, value: bytes) -> bool:
        area = Area(checked(key).split("/")[0])
        try:
            partial, _, _ = self._write_partial(value, area)
        except OSError as error:
            raise StorageError(f"{key}: {error}") from error
        return self._publish(partial, key)

    def stream(self, key: str) -> Iterator[bytes]:
        path = self.path(FileRef(use="", key=key, sha256="", size_bytes=0, media_type=""))
        try:
            with path.open("rb", buffering=0) as file:
                # A cached page would hide that the disk gives other bytes. Afterwards the cache
                # keeps what the line uses.
                _drop_from_cache(file.fileno())
                while chunk := file.read(CHUNK):
                    yield chunk
                _drop_from_cache(file.fileno())
        except FileNotFoundError:
            raise ObjectUnusable(f"the store does not hold {key}") from None
        except OSError as error:
            raise StorageError(f"{key}: {error}") from error

    def replace(self, ref: FileRef, source: Path) -> None:
        final = self._home / checked(ref.key)
        try:
            partial, digest, _ = self._write_partial(source, Area(ref.key.split("/")[0]))
        except OSError as error:
            raise StorageError(f"{ref.key}: {error}") from error
        try:
            if digest != ref.sha256:
                raise StorageError(f"{source} has the SHA-256 {digest}, not {ref.sha256}")
            self._make_folders(final.parent)
            partial.replace(final)
            self._make_durable(final)
        except OSError as error:
            raise StorageError(f"{ref.key}: {error}") from error
        finally:
            partial.unlink(missing_ok=True)

    def sweep(self, now: float | None = None) -> int:
        """Remove unfinished files of writers that died; returns their number.

        A writer on another machine counts as dead after a day without a change to its file."""
        swept, oldest = 0, (now or time.time()) - DEBRIS_AGE_SECONDS
        for folder in {area.value.split("/")[0] for area in Area}:
            for path in (self._home / folder / PARTIAL).glob("*"):
                # A running writer may finish its file at this moment.
                with suppress(FileNotFoundError):
                    if _writer_is_dead(path.name) or path.stat().st_mtime < oldest:
                        path.unlink()
                        swept += 1
        return swept

    def _write_partial(
        self, source: Path | bytes, area: Area, move: bool = False
    ) -> tuple[Path, str, int]:
        """A durable, verified file with the source's bytes, under a temporary name."""
        folder = self._home / area.value.split("/")[0] / PARTIAL
        folder.mkdir(parents=True, exist_ok=True)
        partial = folder / f"{os.getpid()}-{_namespace()}-{uuid4().hex}"
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
                raise StorageError(f"{partial} reads back different bytes than were written")
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        return partial, digest, size

    def _publish(self, partial: Path, key: str) -> bool:
        """Give a file its name unless the name exists; False when it does."""
        final = self._home / key
        try:
            new = self._link(partial, final)
            self._make_durable(final)
        except OSError as error:
            raise StorageError(f"{key}: {error}") from error
        finally:
            with suppress(OSError):
                partial.unlink()
        return new

    def _link(self, partial: Path, final: Path) -> bool:
        """Give a file its name; False when the name exists."""
        self._make_folders(final.parent)
        try:
            os.link(partial, final)
        except FileExistsError:
            return False
        return True

    def _make_durable(self, path: Path) -> None:
        """Make a name durable, also an existing one: its writer may have died before the fsync."""
        self._make_folders(path.parent)
        fsync_folder(path.parent)

    def _make_folders(self, folder: Path) -> None:
        """Create a folder and its parents and make them durable, also those that exist already."""
        if folder == self._home or (folder in self._durable and folder.is_dir()):
            return
        self._make_folders(folder.parent)
        folder.mkdir(exist_ok=True)
        fsync_folder(folder.parent)
        if len(self._durable) >= FOLDERS_REMEMBERED:
            self._durable.clear()
        self._durable.add(folder)


@cache
def _namespace() -> str:
    """Where the pid of this process is valid: this start of this machine, or of a container."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot.replace('-', '')}.{os.stat('/proc/self/ns/pid').st_ino}"


def _drop_from_cache(file: int) -> None:
    # Not every file system knows it, and nothing depends on it.
    with suppress(OSError):
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)


def _writer_is_dead(name: str) -> bool:
    """Whether the process that began an unfinished file ran here and has ended."""
    pid, _, rest = name.partition("-")
    return rest.startswith(f"{_namespace()}-") and not is_alive(int(pid))


def _moved(source: Path, target: Path) -> bool:
    """Rename a file and make its bytes durable; False when it is on another file system."""
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
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

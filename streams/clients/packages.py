"""What a repository does: find packages, fetch one, verify it whole, unpack it safely."""

import hashlib
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from processors.outcome import StorageError
from processors.package import bag
from processors.tools import Area, Storage
from schemas.models import FileRef
from schemas.times import written

COLUMNS = (
    "package_id", "batch_id", "item_id", "revision", "key", "sha256", "size_bytes",
    "content_digest", "published_at", "state",
)  # fmt: skip
CHUNK = 1 << 20
LONGEST_NAME_BYTES = 255
CONNECT_SECONDS = 5


class PackageRefused(Exception):
    """A package cannot be handed over."""

    def __init__(self, code: str, found: str, fix: str) -> None:
        super().__init__(f"{code}: {found}")
        self.code, self.found, self.fix = code, found, fix


@dataclass(frozen=True)
class Filter:
    """Which packages a listing shows; None means any."""

    batch_id: str | None = None
    item_id: str | None = None
    state: str | None = None
    since: datetime | None = None
    limit: int | None = None


class Packages:
    """Read-only view of the published packages."""

    def __init__(self, connection: psycopg.Connection[dict[str, Any]]) -> None:
        self._connection = connection

    def list(self, wanted: Filter) -> "list[dict[str, Any]]":
        """Packages in the order in which they were published."""
        query = sql.SQL(
            "SELECT {columns} FROM line.packages"
            " WHERE (%(batch_id)s::text IS NULL OR batch_id = %(batch_id)s)"
            " AND (%(item_id)s::text IS NULL OR item_id = %(item_id)s)"
            " AND (%(state)s::text IS NULL OR state = %(state)s)"
            " AND (%(since)s::timestamptz IS NULL OR published_at >= %(since)s)"
            " ORDER BY published_at, package_id LIMIT %(limit)s"
        ).format(columns=sql.SQL(", ").join(map(sql.Identifier, COLUMNS)))
        return [_shown(row) for row in self._connection.execute(query, vars(wanted))]

    def show(self, package_id: str) -> dict[str, Any]:
        """One package. Raises PackageRefused."""
        query = sql.SQL("SELECT {columns} FROM line.packages WHERE package_id = %s").format(
            columns=sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
        )
        row = self._connection.execute(query, (package_id,)).fetchone()
        if row is None:
            raise PackageRefused(
                "package.unknown",
                found=f"no package {package_id} was published",
                fix="See what there is with: copystand packages list",
            )
        return _shown(row)


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"published_at": written(row["published_at"])}


@contextmanager
def asking(dsn: str) -> Iterator[Packages]:
    """A connection to the line's tables. Raises psycopg.Error."""
    with psycopg.connect(
        dsn, autocommit=True, row_factory=dict_row, connect_timeout=CONNECT_SECONDS
    ) as connection:
        yield Packages(connection)


def fetch(
    package: dict[str, Any],
    storage: Storage,
    folder: Path,
    progress: Callable[[int], None] = lambda _: None,
) -> Path:
    """Verify a package and unpack its bag as folder/<package_id>, all of it or nothing.

    Progress is told bytes: each byte of the tar is read twice. Raises PackageRefused, OSError."""
    package_id = package["package_id"]
    final = folder / package_id
    if final.exists() or final.is_symlink():
        raise PackageRefused(
            "package.already-there",
            found=f"{final} exists",
            fix="Fetch into another folder, or remove that one first.",
        )
    tar = _verified_tar(package, storage, progress)
    folder.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(dir=folder, prefix=f".{package_id[:100]}."))
    try:
        found = unpack(tar, package_id, partial, progress)
        _check_bag(package, partial, found)
        partial.chmod(0o755)
        partial.rename(final)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return final


def _verified_tar(
    package: dict[str, Any], storage: Storage, progress: Callable[[int], None]
) -> Path:
    """The tar in the store, read once from end to end."""
    ref = FileRef(
        use="package",
        key=package["key"],
        sha256=package["sha256"],
        size_bytes=package["size_bytes"],
        media_type="application/x-tar",
    )
    try:
        path = storage.path(ref)
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
                progress(len(chunk))
    except (StorageError, OSError) as wrong:
        raise PackageRefused(
            "package.not-in-store", str(wrong), f"Bring back {Area.PACKAGES}/ from a copy."
        ) from wrong
    if digest.hexdigest() != package["sha256"]:
        raise _differs(f"the tar has the SHA-256 {digest.hexdigest()}, not {package['sha256']}")
    return path


def _check_bag(package: dict[str, Any], root: Path, found: dict[str, str]) -> None:
    tags = {name: (root / name).read_bytes() for name in bag.TAG_FILES if name in found}
    wrong = bag.faults(found, tags)
    digest = bag.content_digest(found)
    if not wrong and digest != package["content_digest"]:
        wrong = [f"its content digest is {digest}, not {package['content_digest']}"]
    if wrong:
        raise _differs(f"{len(wrong)} faults: {'; '.join(wrong[:3])}")


def _differs(found: str) -> PackageRefused:
    return PackageRefused(
        "package.differs", found, "Bring the package back from a copy, or have its item made again."
    )


def unpack(
    tar: Path, top: str, target: Path, progress: Callable[[int], None] = lambda _: None
) -> dict[str, str]:
    """Unpack a tar whose files all lie below one folder; digests by path from there.

    Only regular files with plain names are taken; nothing else is followed or made. Raises
    PackageRefused at the first member that is anything else."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    budget = tar.stat().st_size
    try:
        with tarfile.open(tar, "r:") as archive:
            for entry in archive:
                path = _safe(entry, top, taken)
                budget -= entry.size
                source = archive.extractfile(entry)
                if source is None or budget < 0:
                    raise _unsafe(entry, "it says more than the tar holds")
                found[path] = _write(source, target / path)
                progress(entry.size)
    except (tarfile.TarError, EOFError) as wrong:
        raise _differs(f"the tar cannot be read: {wrong}") from wrong
    return found


def _safe(entry: tarfile.TarInfo, top: str, taken: set[str]) -> str:
    """A member's path below the top folder. Raises PackageRefused."""
    # Not left to tarfile's filters: those of Python 3.11.7 can be led out of the folder by links.
    if entry.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or entry.sparse is not None:
        raise _unsafe(entry, "it is no plain file")
    first, *parts = entry.name.split("/")
    if first != top or not parts or not all(_plain(part) for part in parts):
        raise _unsafe(entry, f"it is no plain path below {top}/")
    path = "/".join(parts)
    if path.casefold() in taken:
        raise _unsafe(entry, "it is there twice, case left aside")
    taken.add(path.casefold())
    return path


def _plain(part: str) -> bool:
    if part in ("", ".", "..") or "\\" in part or not part.isprintable():
        return False
    return len(part.encode("utf-8", "surrogatepass")) <= LONGEST_NAME_BYTES


def _unsafe(entry: tarfile.TarInfo, why: str) -> PackageRefused:
    return PackageRefused(
        "package.unsafe-name",
        found=f"member {entry.name!r}: {why}",
        fix="Nothing was unpacked. Treat the store as tampered with, and look at who writes to it.",
    )


def _write(source: Any, path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    digest = hashlib.sha256()
    with os.fdopen(os.open(path, flags, 0o644), "wb") as out:
        while chunk := source.read(CHUNK):
            digest.update(chunk)
            out.write(chunk)
    return digest.hexdigest()

"""What a repository does: find packages, fetch one, verify it whole, unpack it safely."""

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from processors.package import bag
from processors.rules.codes import counted
from processors.tools import Storage
from schemas.models import FileRef
from schemas.times import written
from streams.clients.repository import unpacking
from streams.clients.repository.unpacking import PackageRefused, differs

COLUMNS = (
    "package_id", "batch_id", "item_id", "revision", "key", "sha256", "size_bytes",
    "content_digest", "published_at", "state",
)  # fmt: skip
CONNECT_SECONDS = 5
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")
LIST: LiteralString = """
SELECT {columns} FROM line.packages k
WHERE (%(batch)s::text IS NULL OR batch_id = %(batch)s)
    AND (%(item)s::text IS NULL OR lower(item_id) = lower(%(item)s))
    AND (%(state)s::text IS NULL OR state = %(state)s)
    AND (%(code)s::text IS NULL OR EXISTS (
        SELECT FROM line.quarantine q
        WHERE q.item_id = k.item_id AND q.code = %(code)s))
    AND (%(since)s::timestamptz IS NULL OR published_at >= %(since)s)
    AND (%(unanswered_for)s::interval IS NULL
        OR state = 'published' AND published_at <= now() - %(unanswered_for)s)
ORDER BY published_at, package_id LIMIT %(limit)s
"""
UNANSWERED: LiteralString = """
SELECT count(*) AS count, min(published_at) AS oldest FROM line.packages
WHERE state = 'published' AND published_at <= now() - %(unanswered_for)s
"""
Row = dict[str, Any]
Rows = list[Row]
Progress = Callable[[int], None]


@dataclass(frozen=True)
class Filter:
    """Which packages a listing shows; None means any."""

    batch: str | None = None
    item: str | None = None
    state: str | None = None
    code: str | None = None
    """Of a quarantine record of its item, such as package.refused."""
    since: datetime | None = None
    limit: int | None = None
    unanswered_for: timedelta | None = None
    """Published at least so long ago, and no repository has answered."""


class Packages:
    """Read-only view of the published packages."""

    def __init__(self, connection: psycopg.Connection[Row]) -> None:
        self._connection = connection

    def list(self, wanted: Filter) -> Rows:
        """Packages in the order in which they were published."""
        query = sql.SQL(LIST).format(columns=sql.SQL(", ").join(map(sql.Identifier, COLUMNS)))
        return [_shown(row) for row in self._connection.execute(query, vars(wanted))]

    def unanswered(self, age: timedelta) -> Row:
        """How many packages nobody has answered in that time, and when the oldest was published."""
        row = self._connection.execute(UNANSWERED, {"unanswered_for": age}).fetchone()
        assert row is not None
        return row | {"oldest": written(row["oldest"]) if row["oldest"] else None}

    def answers(self, package_id: str) -> Rows:
        """What repositories answered, the latest first."""
        rows = self._connection.execute(
            "SELECT event_id, repository, accepted, reason, occurred_at FROM line.receipts"
            " WHERE package_id = %s ORDER BY occurred_at DESC, event_id",
            (package_id,),
        )
        return [row | {"occurred_at": written(row["occurred_at"])} for row in rows]

    def show(self, package_id: str) -> Row:
        """One package. Raises PackageRefused."""
        query = sql.SQL("SELECT {columns} FROM line.packages WHERE package_id = %s").format(
            columns=sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
        )
        row = self._connection.execute(query, (package_id,)).fetchone()
        if row is None:
            raise PackageRefused("package.unknown", f"no package {package_id} was published")
        return _shown(row)


def _shown(row: Row) -> Row:
    return row | {"published_at": written(row["published_at"])}


@contextmanager
def package_queries(dsn: str) -> Iterator[Packages]:
    """A connection to the line's tables. Raises psycopg.Error."""
    with psycopg.connect(
        dsn, autocommit=True, row_factory=dict_row, connect_timeout=CONNECT_SECONDS
    ) as connection:
        yield Packages(connection)


def fetch(
    package: Row, storage: Storage, folder: Path, progress: Progress = lambda _: None
) -> Path:
    """Verify a package and unpack its bag as folder/<package_id>, durable, all of it or nothing.

    Progress is told bytes: each byte of the tar is read twice. Raises PackageRefused, OSError;
    StorageError when the store gives no answer."""
    package_id = package["package_id"]
    final = folder / folder_name(package)
    if final.exists() or final.is_symlink():
        raise PackageRefused("package.already-there", f"{final} exists")
    tar = _verified_tar(package, storage, progress)
    folder.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(dir=folder, prefix=f".{package_id[:100]}."))
    try:
        found = unpacking.unpack(tar, package_id, partial, progress)
        _check_bag(package, found, _tags(partial, found))
        partial.chmod(0o755)
        for place, _, _ in os.walk(partial):
            _make_durable(Path(place))
        partial.rename(final)
        _make_durable(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return final


def verify(package: Row, storage: Storage, progress: Progress = lambda _: None) -> None:
    """Verify a package without unpacking it. Raises PackageRefused, StorageError."""
    tar = _verified_tar(package, storage, progress)
    _check_bag(package, *unpacking.read_only(tar, folder_name(package), progress))


def verify_fetched(package: Row, folder: Path) -> None:
    """Verify a bag that was unpacked before. Raises PackageRefused, OSError."""
    found = unpacking.in_folder(folder)
    _check_bag(package, found, _tags(folder, found))


def folder_name(package: Row) -> str:
    """The package's id, which becomes the name of a folder. Raises PackageRefused."""
    if NAME.match(package["package_id"]):
        return str(package["package_id"])
    raise PackageRefused("package.unsafe-name", f"package_id {package['package_id']!r}")


def _verified_tar(package: Row, storage: Storage, progress: Progress) -> Path:
    """The tar in the store, read once from end to end. Raises PackageRefused, StorageError."""
    named = {name: package[name] for name in ("key", "sha256", "size_bytes")}
    ref = FileRef(use="package", media_type="application/x-tar", **named)
    # A store that gives no answer here raises: that is no word about the package.
    if storage.size(ref.key) is None:
        raise PackageRefused("package.not-in-store", f"the store does not hold {ref.key}")
    path, digest = storage.path(ref), hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(unpacking.CHUNK):
                digest.update(chunk)
                progress(len(chunk))
    except OSError as wrong:
        raise PackageRefused("package.not-in-store", str(wrong)) from wrong
    if digest.hexdigest() != ref.sha256:
        raise differs(f"the tar has the SHA-256 {digest.hexdigest()}, not {ref.sha256}")
    return path


def _tags(root: Path, found: dict[str, str]) -> dict[str, bytes]:
    return {name: (root / name).read_bytes() for name in bag.TAG_FILES if name in found}


def _check_bag(package: Row, found: dict[str, str], tags: dict[str, bytes]) -> None:
    wrong = bag.faults(found, tags)
    digest = bag.content_digest(found)
    if not wrong and digest != package["content_digest"]:
        wrong = [f"its content digest is {digest}, not {package['content_digest']}"]
    if wrong:
        raise differs(f"{counted(len(wrong), 'difference')}: {'; '.join(wrong[:3])}")


def _make_durable(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

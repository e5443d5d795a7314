"""Fetches a package: verifies all of it, and unpacks it safely."""

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from infra.files import fsync_folder
from infra.permissions import umask_of_user
from processors.outcome import ObjectUnusable
from processors.package import bag
from processors.tools import Area, Storage
from processors.wording import counted
from schemas.models import FileRef
from streams.clients.repository import unpacking
from streams.clients.repository.unpacking import PackageRefused, differs
from streams.storage.keys import content_key

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")
Row = dict[str, Any]
Progress = Callable[[int], None]


def fetch(
    package: Row, storage: Storage, folder: Path, progress: Progress = lambda _: None
) -> Path:
    """Verify a package and unpack its bag to folder/<package_id>, durably and all or nothing.

    Progress gets numbers of bytes; each byte of the tar is read twice. Raises PackageRefused,
    OSError; StorageError when the store does not respond."""
    final = folder / folder_name(package)
    if final.exists() or final.is_symlink():
        raise PackageRefused("package.already-there", f"{final} already exists")
    tar = _verified_tar(package, storage, progress)
    with umask_of_user() as umask:
        _unpack(package, tar, folder, 0o777 & ~umask, progress)
    return final


def _unpack(package: Row, tar: Path, folder: Path, mode: int, progress: Progress) -> None:
    """Unpack a verified tar to folder/<package_id>, a folder of this mode."""
    package_id = package["package_id"]
    folder.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(dir=folder, prefix=f".{package_id[:100]}."))
    try:
        found = unpacking.unpack(tar, package_id, partial, progress)
        _check_bag(package, found, _tags(partial, found))
        partial.chmod(mode)
        for path, _, _ in os.walk(partial):
            fsync_folder(Path(path))
        partial.rename(folder / folder_name(package))
        fsync_folder(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def verify(package: Row, storage: Storage, progress: Progress = lambda _: None) -> None:
    """Verify a package without unpacking it. Raises PackageRefused, StorageError."""
    tar = _verified_tar(package, storage, progress)
    _check_bag(package, *unpacking.read_only(tar, folder_name(package), progress))


def verify_fetched(package: Row, folder: Path) -> None:
    """Verify an unpacked bag. Raises PackageRefused, OSError."""
    found = unpacking.in_folder(folder)
    _check_bag(package, found, _tags(folder, found))


def folder_name(package: Row) -> str:
    """The folder name of a package, which is its id. Raises PackageRefused for an unsafe one."""
    if NAME.match(package["package_id"]):
        return str(package["package_id"])
    raise PackageRefused("package.unsafe-name", f"package_id {package['package_id']!r}")


def _verified_tar(package: Row, storage: Storage, progress: Progress) -> Path:
    """The tar in the store, read once from end to end. Raises PackageRefused, StorageError."""
    named = {name: package[name] for name in ("key", "sha256", "size_bytes")}
    ref = FileRef(use="package", media_type="application/x-tar", **named)
    if ref.key != content_key(Area.PACKAGES, ref.sha256):
        raise PackageRefused("package.key-malformed", f"key {ref.key[:200]!r}")
    # A store that does not respond raises here: that says nothing about the package.
    try:
        path, digest = storage.path(ref), hashlib.sha256()
    except ObjectUnusable as missing:
        raise PackageRefused("package.not-in-store", str(missing)) from missing
    try:
        with path.open("rb") as file:
            while chunk := file.read(unpacking.CHUNK):
                digest.update(chunk)
                progress(len(chunk))
    except OSError as failed:
        raise PackageRefused("package.not-in-store", str(failed)) from failed
    if digest.hexdigest() != ref.sha256:
        raise differs(f"the SHA-256 of the tar is {digest.hexdigest()}, not {ref.sha256}")
    return path


def _tags(root: Path, found: dict[str, str]) -> dict[str, bytes]:
    return {name: (root / name).read_bytes() for name in bag.TAG_FILES if name in found}


def _check_bag(package: Row, found: dict[str, str], tags: dict[str, bytes]) -> None:
    faults = bag.differences(found, tags)
    digest = bag.content_digest(found)
    if not faults and digest != package["content_digest"]:
        faults = [f"its content digest is {digest}, not {package['content_digest']}"]
    if faults:
        raise differs(f"{counted(len(faults), 'difference')}: {'; '.join(faults[:3])}")

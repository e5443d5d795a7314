"""Checks of a manifest against the store: every file there, with its size, records readable."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from processors.page_list import staging_key
from processors.records import LARGEST_BYTES, NotXml, checked_root
from processors.rules.codes import finding
from processors.rules.forms import DIGEST
from processors.rules.view import Place, View
from processors.tools import Storage
from schemas.models import Diagnostic, FileRef

TELL_EVERY = 1000


def files_present(
    view: View, storage: Storage, progress: Callable[[str], None]
) -> Iterator[Diagnostic]:
    """Every file listed is in staging with the size stated, and records are what they say.

    A file whose digest or size cannot be read from the manifest has been told as such."""
    for at, (item, pages) in enumerate(view.pages):
        for number, page in enumerate(pages):
            if number % TELL_EVERY == 0:
                progress(f"item {at + 1} of {len(view.pages)}, page {number + 1}")
            file = _listed(page.inner("file"))
            if file:
                yield from _stored("batch.page-missing", file, storage)
        for record in item.entries("metadata"):
            file = _listed(record.inner("file"))
            if file:
                faults = list(_stored("batch.record-missing", file, storage))
                yield from faults or _readable(file, record.text("schema"), storage)


@dataclass(frozen=True)
class Listed:
    """A file as the manifest lists it, and where."""

    where: str
    path: str
    sha256: str
    size_bytes: int


def _listed(file: Place | None) -> Listed | None:
    if file is None:
        return None
    digest, size = file.text("sha256"), file.number("size_bytes")
    if digest is None or size is None or not DIGEST.match(digest):
        return None
    return Listed(file.where, file.text("path") or digest, digest, size)


def _stored(code: str, file: Listed, storage: Storage) -> Iterator[Diagnostic]:
    if file.size_bytes == 0:
        yield finding("file.empty", file.where, file.path)
        return
    size = storage.size(staging_key(file.sha256))
    if size is None:
        yield finding(code, file.where, f"{file.path} ({file.sha256}) did not arrive")
    elif size != file.size_bytes:
        found = f"{file.path}: size_bytes says {file.size_bytes}, {size} arrived"
        yield finding("file.size-mismatch", f"{file.where}.size_bytes", found)


def _readable(file: Listed, schema: str | None, storage: Storage) -> Iterator[Diagnostic]:
    where = file.where
    if file.size_bytes > LARGEST_BYTES:
        yield finding("record.too-large", where, f"{file.path}: {file.size_bytes} bytes")
        return
    stored = FileRef(
        use="record",
        key=staging_key(file.sha256),
        sha256=file.sha256,
        size_bytes=file.size_bytes,
        media_type="application/xml",
    )
    try:
        root = checked_root(storage.read(stored))
    except NotXml as wrong:
        yield finding("record.not-well-formed", where, f"{file.path}: {wrong}")
        return
    if schema is not None and root.schema != schema:
        yield finding("record.schema-mismatch", where, f"{file.path} is {root.taken_for}")

"""Checks of a manifest against the store: every file there, with its size, records readable."""

from collections.abc import Callable, Iterator

from processors.manifest import File, Manifest
from processors.page_list import staging_key
from processors.records import LARGEST_BYTES, NotXml, checked_root
from processors.rules.codes import finding
from processors.tools import Storage
from schemas.models import Diagnostic, FileRef

TELL_EVERY = 1000


def files_present(
    manifest: Manifest, storage: Storage, progress: Callable[[str], None]
) -> Iterator[Diagnostic]:
    """Every file listed is in staging with the size stated, and records are what they say."""
    for at, item in enumerate(manifest.items):
        for number, page in enumerate(item.pages):
            if number % TELL_EVERY == 0:
                progress(f"item {at + 1} of {len(manifest.items)}, page {number + 1}")
            if page.file:
                where = f"items[{at}].pages[{number}].file"
                yield from _stored("batch.page-missing", where, page.file, storage)
        for number, record in enumerate(item.metadata):
            where = f"items[{at}].metadata[{number}].file"
            faults = list(_stored("batch.record-missing", where, record.file, storage))
            yield from faults or _readable(where, record.file, record.schema_, storage)


def _stored(code: str, where: str, file: File, storage: Storage) -> Iterator[Diagnostic]:
    if file.size_bytes == 0:
        yield finding("file.empty", where, file.path)
        return
    size = storage.size(staging_key(file.sha256))
    if size is None:
        yield finding(code, where, f"{file.path} ({file.sha256}) did not arrive")
    elif size != file.size_bytes:
        found = f"{file.path}: size_bytes says {file.size_bytes}, {size} arrived"
        yield finding("file.size-mismatch", f"{where}.size_bytes", found)


def _readable(where: str, file: File, schema: str, storage: Storage) -> Iterator[Diagnostic]:
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
    if root.schema != schema:
        yield finding("record.schema-mismatch", where, f"{file.path} is {root.taken_for}")

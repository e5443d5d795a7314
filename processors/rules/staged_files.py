"""Checks the delivered files: all present, complete, records and texts readable."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from processors.records import LARGEST_BYTES, NotXml, has_words
from processors.rules.codes import finding
from processors.rules.manifest_view import ManifestPath, View
from processors.rules.record_checks import Context, judged, record_findings
from processors.rules.value_formats import DIGEST
from schemas.models import Diagnostic

PAGES_BETWEEN_SIGNS = 1000


class Arrived(Protocol):
    """Where delivered files can be looked at: in staging, or still in the sender's folder."""

    def size(self, sha256: str) -> int | None:
        """Length in bytes, or None when the file did not arrive."""
        ...

    def read(self, sha256: str, size_bytes: int) -> bytes:
        """The bytes of a file that arrived."""
        ...


def files_arrived(
    view: View, arrived: Arrived, standards: Path | None, progress: Callable[[str], None]
) -> Iterator[Diagnostic]:
    """Every file listed has arrived with the size stated; records and texts are what they say.

    A file whose digest or size cannot be read from the manifest has been told as such.
    Raises FileNotFoundError when the standards' folder lacks a schema."""
    for at, (item, pages) in enumerate(view.pages):
        for number, page in enumerate(pages):
            if number % PAGES_BETWEEN_SIGNS == 0:
                progress(f"item {at + 1} of {len(view.items)}, page {number + 1}")
            if file := _listed(page.inner("file")):
                yield from _stored("batch.page-missing", file, arrived)
            if text := _listed(page.inner("text")):
                faults = list(_stored("batch.text-missing", text, arrived))
                yield from faults or _text(text, arrived)
        context = judged(view, item, pages, standards)
        for record in item.entries("metadata"):
            if file := _listed(record.inner("file")):
                faults = list(_stored("batch.record-missing", file, arrived))
                yield from faults or _record(record, file, arrived, context)


@dataclass(frozen=True, slots=True)
class Listed:
    """A file as the manifest lists it, and where."""

    where: str
    path: str
    sha256: str
    size_bytes: int


def _listed(file: ManifestPath | None) -> Listed | None:
    if file is None:
        return None
    digest, size = file.text("sha256"), file.number("size_bytes")
    if digest is None or size is None or size < 0 or not DIGEST.match(digest):
        return None
    return Listed(file.where, file.text("path") or digest, digest, size)


def _stored(code: str, file: Listed, arrived: Arrived) -> Iterator[Diagnostic]:
    if file.size_bytes == 0:
        yield finding("file.empty", file.where, file.path)
        return
    size = arrived.size(file.sha256)
    if size is None:
        yield finding(code, file.where, f"{file.path} ({file.sha256}) is not in staging")
    elif size != file.size_bytes:
        found = f"{file.path}: size_bytes is {file.size_bytes}, the file has {size} bytes"
        yield finding("file.size-mismatch", f"{file.where}.size_bytes", found)


def _record(
    record: ManifestPath, file: Listed, arrived: Arrived, context: Context
) -> Iterator[Diagnostic]:
    if file.size_bytes > LARGEST_BYTES:
        yield finding("record.too-large", file.where, f"{file.path}: {file.size_bytes} bytes")
        return
    content = arrived.read(file.sha256, file.size_bytes)
    yield from record_findings(record, file.where, file.path, content, context)


def _text(text: Listed, arrived: Arrived) -> Iterator[Diagnostic]:
    if text.size_bytes > LARGEST_BYTES:
        yield finding("record.too-large", text.where, f"{text.path}: {text.size_bytes} bytes")
        return
    try:
        if not has_words(arrived.read(text.sha256, text.size_bytes)):
            yield finding("page.text-empty", text.where, f"{text.path} contains no words")
    except NotXml as wrong:
        yield finding("page.text-not-alto", text.where, f"{text.path}: {wrong}")

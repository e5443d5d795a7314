"""Checks the delivered files: presence, size, records and texts."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from processors.records import MAX_BYTES, NotXml, contains_words
from processors.rules.codes import finding
from processors.rules.manifest_view import ManifestPath, View
from processors.rules.record_checks import Context, context_of, record_findings
from processors.rules.value_formats import DIGEST
from schemas.models import Diagnostic

PAGE_MISSING = "batch.page-missing"
PAGES_PER_PROGRESS_REPORT = 1000


class DeliveredFiles(Protocol):
    """Access to delivered files, in staging or in the folder of a station."""

    def size(self, sha256: str) -> int | None:
        """Size in bytes, or None if the file is not there."""
        ...

    def read(self, sha256: str, size_bytes: int) -> bytes:
        """The bytes of a delivered file."""
        ...


def delivered_file_findings(
    view: View, delivered: DeliveredFiles, standards: Path | None, progress: Callable[[str], None]
) -> Iterator[Diagnostic]:
    """Every listed file exists with the stated size, and records and texts are valid.

    Files whose digest or size is invalid are skipped; another check reports them. Raises
    FileNotFoundError if a schema is missing from `standards`."""
    for at, (item, pages) in enumerate(view.pages):
        for number, page in enumerate(pages):
            if number % PAGES_PER_PROGRESS_REPORT == 0:
                progress(f"item {at + 1} of {len(view.items)}, page {number + 1}")
            if file := _listed(page.inner("file")):
                # An empty page has a place in its item; acquire_page quarantines it.
                yield from _stored(PAGE_MISSING, file, delivered)
            if text := _listed(page.inner("text")):
                errors = list(_stored("batch.text-missing", text, delivered))
                yield from errors or _text(text, delivered)
        context = context_of(view, item, pages, standards)
        for record in item.entries("metadata"):
            if file := _listed(record.inner("file")):
                errors = list(_stored("batch.record-missing", file, delivered))
                yield from errors or _record(record, file, delivered, context)


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file in the manifest, with its location."""

    where: str
    path: str
    sha256: str
    size_bytes: int


def _listed(file: ManifestPath | None) -> ListedFile | None:
    if file is None:
        return None
    digest, size = file.text("sha256"), file.number("size_bytes")
    if digest is None or size is None or size < 0 or not DIGEST.match(digest):
        return None
    return ListedFile(file.where, file.text("path") or digest, digest, size)


def _stored(code: str, file: ListedFile, delivered: DeliveredFiles) -> Iterator[Diagnostic]:
    if file.size_bytes == 0 and code != PAGE_MISSING:
        yield finding("file.empty", file.where, file.path)
        return
    size = delivered.size(file.sha256)
    if size is None:
        yield finding(code, file.where, f"{file.path} ({file.sha256}) is not in staging")
    elif size != file.size_bytes:
        found = f"{file.path}: size_bytes is {file.size_bytes}, the file has {size} bytes"
        yield finding("file.size-mismatch", f"{file.where}.size_bytes", found)


def _record(
    record: ManifestPath, file: ListedFile, delivered: DeliveredFiles, context: Context
) -> Iterator[Diagnostic]:
    if file.size_bytes > MAX_BYTES:
        yield finding("record.too-large", file.where, f"{file.path}: {file.size_bytes} bytes")
        return
    content = delivered.read(file.sha256, file.size_bytes)
    yield from record_findings(record, file.where, file.path, content, context)


def _text(text: ListedFile, delivered: DeliveredFiles) -> Iterator[Diagnostic]:
    if text.size_bytes > MAX_BYTES:
        yield finding("record.too-large", text.where, f"{text.path}: {text.size_bytes} bytes")
        return
    try:
        if not contains_words(delivered.read(text.sha256, text.size_bytes)):
            yield finding("page.text-empty", text.where, f"{text.path} contains no words")
    except NotXml as wrong:
        yield finding("page.text-not-alto", text.where, f"{text.path}: {wrong}")

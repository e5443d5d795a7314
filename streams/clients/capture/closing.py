"""Closes a captured batch: every page is read again, then its manifest is made."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.files import write_atomic
from streams.clients.capture.capture_folder import CHECKSUMS, MANIFEST, CaptureFolder
from streams.clients.capture.capture_problem import CaptureProblem
from streams.clients.capture.other_targets import link_targets
from streams.clients.station.capture_record import SUFFIX, CaptureRecord, digest_of
from streams.clients.station.folder import Delivery, SubmissionOptions, read_folder
from streams.clients.station.scan import natural

PAGES_CSV = "pages.csv"
IMAGE_SUFFIXES = (".tif", ".tiff", ".jpg", ".jpeg", ".png")


@dataclass(frozen=True)
class ClosedBatch:
    """A folder that `station submit` takes, and its manifest."""

    batch_id: str
    folder: Path
    manifest: Path
    delivery: Delivery
    targets: tuple[str, ...] = ()
    """Targets of other batches that count for its pages, as BATCH/ITEM:REF."""

    def document(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {
            "batch_id": self.batch_id,
            "state": "closed",
            "folder": str(self.folder),
            "manifest": str(self.manifest),
            "manifest_sha256": self.delivery.manifest["checksums"]["manifest_sha256"],
            "items": len(self.delivery.manifest["items"]),
            "pages": self.delivery.page_count,
            "bytes": self.delivery.size_bytes,
            "targets": list(self.targets),
            "diagnostics": [one.model_dump() for one in self.delivery.diagnostics],
        }


def close_batch(folder: CaptureFolder, operator: str | None = None) -> ClosedBatch:
    """Close a batch that is opened; closing it again gives the same.

    Raises CaptureProblem if a page is missing or is not what was captured."""
    digests: dict[Path, str] = {}
    for item in folder.items():
        records = folder.pages(item)
        digests |= _verified(folder.files / item, records)
        _write_table(folder.files / item, records)
    if not digests:
        raise CaptureProblem("capture.no-pages", f"batch {folder.batch_id} has no page")
    targets = tuple(f"{one.batch_id}/{one.page_id}" for one in link_targets(folder))
    write_atomic(folder.files / CHECKSUMS, "".join(_checksum_lines(folder.files, digests)))
    options = SubmissionOptions(folder.batch_id, profile=folder.profile or "", operator=operator)
    delivery = read_folder(folder.files, options)
    manifest = folder.folder / MANIFEST
    write_atomic(manifest, json.dumps(delivery.manifest, indent=2, ensure_ascii=False) + "\n")
    return ClosedBatch(folder.batch_id, folder.files, manifest, delivery, targets)


def _verified(folder: Path, records: list[CaptureRecord]) -> dict[Path, str]:
    """The digest of each page of an item, which is that of its capture."""
    digests = {}
    for record in (one for one in records if one.has_file):
        page = folder / record.file
        found = digests[page] = digest_of(page)
        if found != record.sha256:
            text = f"{folder.name}/{record.file} has SHA-256 {found}, captured with {record.sha256}"
            raise CaptureProblem("capture.page-damaged", text)
    for path in folder.iterdir():
        if path.suffix.lower() in IMAGE_SUFFIXES and path not in digests:
            text = f"{folder.name}/{path.name} has no capture record"
            raise CaptureProblem("capture.page-damaged", text)
    for path in folder.glob(f"*{SUFFIX}"):
        record_of = CaptureRecord.read(path)
        if record_of is None or not record_of.has_file:
            continue
        if not path.with_name(record_of.file).exists():
            found = f"{folder.name}/{record_of.file} is missing"
            raise CaptureProblem("capture.page-damaged", found)
    return digests


def _checksum_lines(files: Path, digests: dict[Path, str]) -> Iterator[str]:
    """One line for each file of the delivery; pages are not read again."""
    for path in sorted(files.rglob("*")):
        if path.is_file() and path != files / CHECKSUMS:
            digest = digests.get(path) or digest_of(path)
            yield f"{digest}  {path.relative_to(files).as_posix()}\n"


def _write_table(folder: Path, records: list[CaptureRecord]) -> None:
    """The order, kinds and labels of the pages, if any differs from what is usual."""
    by_name = sorted(records, key=lambda one: natural(one.ref)) == records
    if by_name and all(one.kind == "page" and not one.labels for one in records):
        (folder / PAGES_CSV).unlink(missing_ok=True)
        return
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("file", "sequence", "kind", "labels"))
    for sequence, one in enumerate(records, 1):
        file = one.file if one.has_file else ""
        table.writerow((file, sequence, one.kind, ";".join(one.labels)))
    write_atomic(folder / PAGES_CSV, text.getvalue())

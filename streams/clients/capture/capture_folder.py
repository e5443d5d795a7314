"""The folder of a batch that is being captured: a page is in it completely or not at all.

batch.json              profile of the batch
files/ITEM/0001.tif     what `station submit` takes
files/ITEM/0001.capture.json
previews/ITEM/0001.png
superseded/ITEM/0001.1.tif  captures that are no page any more, with their records
work/                   what is not a page yet; emptied at each start"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from infra.file_lock import Locked, lock_file
from infra.files import fsync_file, fsync_folder, read_json, write_atomic, write_json
from streams.clients.capture import superseded
from streams.clients.capture.capture_problem import CaptureProblem
from streams.clients.capture.page_places import in_order
from streams.clients.station.capture_record import (
    MISSING,
    SKIPPED,
    SUFFIX,
    CaptureRecord,
    digest_of,
    record_path,
)

FILES, PREVIEWS, WORK = "files", "previews", "work"
BATCH, MANIFEST, LOCK = "batch.json", "manifest.json", ".lock"
CHECKSUMS = "captures.sha256"
PENDING = ".pending"
"""End of the name of a record whose page does not have its name yet."""
LEVELS_OF_HOME = 3
"""Folders above that of a batch, up to the home."""


class CaptureFolder:
    """One batch on a station."""

    def __init__(self, folder: Path, batch_id: str) -> None:
        self.folder, self.batch_id = folder, batch_id
        self.files, self.previews = folder / FILES, folder / PREVIEWS
        self.work = folder / WORK

    @property
    def profile(self) -> str | None:
        """The name of its profile, or None before its first scan."""
        name = read_json(self.folder / BATCH).get("profile")
        return name if isinstance(name, str) else None

    @contextmanager
    def opened(self, profile: str | None) -> Iterator[None]:
        """Keeps other processes out; removes what an interrupted scan left behind.

        Raises CaptureProblem."""
        if profile is None and self.profile is None:
            raise CaptureProblem("capture.no-pages", f"{self.folder} does not exist")
        self.folder.mkdir(parents=True, exist_ok=True)
        with _locked(self.folder / LOCK, self.batch_id):
            self._agree_on(profile)
            shutil.rmtree(self.work, ignore_errors=True)
            self.work.mkdir()
            self.files.mkdir(exist_ok=True)
            # A page is durable only if the names of all folders above it are.
            for folder in (self.folder, *self.folder.parents[:LEVELS_OF_HOME]):
                fsync_folder(folder)
            self._recover()
            try:
                yield
            finally:
                shutil.rmtree(self.work, ignore_errors=True)

    def _agree_on(self, profile: str | None) -> None:
        if profile is None:
            return
        if self.profile is None or not any(self.files.rglob(f"*{SUFFIX}")):
            write_json(self.folder / BATCH, {"batch_id": self.batch_id, "profile": profile})
        if self.profile != profile:
            found = f"batch {self.batch_id} has profile {self.profile}, not {profile}"
            raise CaptureProblem("capture.profile-differs", found, profile=self.profile)

    def _recover(self) -> None:
        """Finish or undo what a process was doing when it was killed."""
        for pending in sorted(self.files.rglob(f".*{PENDING}")):
            record = CaptureRecord.read(pending)
            if record is not None and _has_happened(pending.parent, record):
                os.replace(pending, pending.with_name(record.ref + SUFFIX))
        superseded.recover(self.folder, self.files)
        for draft in (*self.folder.glob(".*.*"), *self.files.rglob(".*")):
            draft.unlink()
        for item in self.items():
            for moved in (one.moved_from for one in self.pages(item) if one.moved_from):
                old = self.files / moved
                if not old.exists():
                    record_path(old).unlink(missing_ok=True)
            # The name of the last page may not be on disk yet.
            fsync_folder(self.files / item)

    def records(self, item: str) -> list[CaptureRecord]:
        """All records of an item in order, also of pages that were removed."""
        read = map(CaptureRecord.read, (self.files / item).glob(f"*{SUFFIX}"))
        return in_order([one for one in read if one is not None])

    def pages(self, item: str) -> list[CaptureRecord]:
        """The records of the pages of an item, in order. Skipped pages have no file."""
        folder = self.files / item
        return [
            one
            for one in self.records(item)
            if one.state == SKIPPED or (one.has_file and (folder / one.file).exists())
        ]

    def page(self, item: str, ref: str) -> CaptureRecord | None:
        """The record of a page, or None if the item has no page with this ref."""
        return next((one for one in self.pages(item) if one.ref == ref), None)

    def items(self) -> list[str]:
        """The folders of its items, in order."""
        return sorted(one.name for one in self.files.iterdir() if one.is_dir())

    def next_ref(self, item: str) -> str:
        """The ref of the next new page of an item."""
        names = (path.name.removesuffix(SUFFIX) for path in (self.files / item).glob(f"*{SUFFIX}"))
        refs = [int(name) for name in names if name.isdecimal()]
        return f"{max(refs, default=0) + 1:04d}"

    def keep(self, item: str, scanned: Path, record: CaptureRecord) -> Path:
        """Make a scanned file a page. Its record is on disk under another name before the file gets
        its name, so that the next start can finish it; else the page is not there."""
        page = self.files / item / record.file
        fsync_file(scanned)
        self._move(scanned, page, record)
        return page

    def _move(self, source: Path, page: Path, record: CaptureRecord) -> None:
        record = self._with_superseded(page, record)
        pending = page.with_name(f".{page.stem}{PENDING}")
        write_atomic(pending, record.content())
        os.replace(source, page)
        self._finish(pending, record_path(page))

    def _with_superseded(self, page: Path, record: CaptureRecord) -> CaptureRecord:
        """The record, which names all captures that the page had before; the present one is kept
        first."""
        before = CaptureRecord.read(page.with_name(record.ref + SUFFIX))
        names = [*(before.superseded if before else ()), *record.superseded]
        if page.is_file():
            names.append(superseded.keep(self.folder, self.files, page))
        return replace(record, superseded=list(dict.fromkeys(names)))

    def _finish(self, pending: Path, record: Path) -> None:
        fsync_folder(record.parent)
        os.replace(pending, record)
        fsync_folder(record.parent)
        self._not_closed()

    def _not_closed(self) -> None:
        """The manifest of an earlier close does not describe the batch any more."""
        (self.folder / MANIFEST).unlink(missing_ok=True)

    def vacate(self, item: str, record: CaptureRecord, state: str, reason: str) -> CaptureRecord:
        """Make a page one without a file, which is skipped or removed; its capture is kept.

        Returns its new record."""
        page = self.files / item / record.file
        kind = MISSING if state == SKIPPED else record.kind
        changed = replace(record, state=state, reason=reason, kind=kind)
        if record.has_file:
            changed = self._with_superseded(page, changed)
        pending = page.with_name(f".{record.ref}{PENDING}")
        write_atomic(pending, changed.content())
        if record.has_file:
            page.unlink()
        self._finish(pending, pending.with_name(record.ref + SUFFIX))
        return changed

    def skip(self, item: str, record: CaptureRecord) -> None:
        """Add a page that cannot be captured: a record without a file."""
        write_atomic(self.files / item / (record.ref + SUFFIX), record.content())
        self._not_closed()

    def keep_separator(self, item: str, scanned: Path, record: CaptureRecord) -> CaptureRecord:
        """Keep a separator sheet beside the pages, as a record without a page. Returns it."""
        fsync_file(scanned)
        kept = superseded.keep_aside(self.folder, item, scanned, record)
        write_atomic(self.files / item / (record.ref + SUFFIX), kept.content())
        self._not_closed()
        return kept

    def rename(self, item: str, record: CaptureRecord, new_item: str, file: str) -> CaptureRecord:
        """Give a page another name, as its source did. Returns its new record."""
        old, new = self.files / item / record.file, self.files / new_item / file
        place = old.relative_to(self.files).as_posix()
        renamed = replace(record, ref=Path(file).stem, file=file, moved_from=place)
        self._move(old, new, renamed)
        record_path(old).unlink()
        fsync_folder(old.parent)
        return renamed

    def find(self, item: str, file: str) -> CaptureRecord | None:
        """The record of a page by the name of its file, or None."""
        page = self.files / item / file
        return CaptureRecord.read(record_path(page)) if page.exists() else None

    def describe(self, item: str, record: CaptureRecord) -> None:
        """Change what the record of a page says about it, such as its kind and labels."""
        write_atomic(self.files / item / (record.ref + SUFFIX), record.content())
        self._not_closed()


def _has_happened(folder: Path, record: CaptureRecord) -> bool:
    """Whether the file of a page is as a record says that was not finished."""
    page = folder / record.file
    if not record.has_file:
        return not page.is_file()
    return page.is_file() and digest_of(page) == record.sha256


@contextmanager
def _locked(path: Path, batch_id: str) -> Iterator[None]:
    """Keeps a second process out of a batch."""
    with path.open("w") as file:
        try:
            lock_file(file.fileno())
        except Locked as taken:
            found = f"batch {batch_id} is open in another process"
            raise CaptureProblem("capture.batch-in-use", found) from taken
        yield

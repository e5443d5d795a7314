"""The folder of a batch that is being captured: a page is in it completely or not at all.

batch.json              profile of the batch
files/ITEM/0001.tif     what `station submit` takes
files/ITEM/0001.capture.json
previews/ITEM/0001.png
work/                   what is not a page yet; emptied at each start"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from infra.file_lock import Locked, lock_file
from infra.files import fsync_file, fsync_folder, read_json, write_atomic, write_json
from streams.clients.capture.capture_problem import CaptureProblem
from streams.clients.station.capture_record import (
    SUFFIX,
    CaptureRecord,
    digest_of,
    record_path,
)
from streams.clients.station.scan import natural

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
            page = pending.with_name(record.file) if record else pending
            if record is not None and page.exists() and digest_of(page) == record.sha256:
                os.replace(pending, record_path(page))
        for draft in (*self.folder.glob(".*.*"), *self.files.rglob(".*")):
            draft.unlink()
        for item in self.items():
            for moved in (one.moved_from for one in self.pages(item) if one.moved_from):
                old = self.files / moved
                if not old.exists():
                    record_path(old).unlink(missing_ok=True)
            # The name of the last page may not be on disk yet.
            fsync_folder(self.files / item)

    def pages(self, item: str) -> list[CaptureRecord]:
        """The records of the pages of an item, in order."""
        folder = self.files / item
        paths = sorted(folder.glob(f"*{SUFFIX}"), key=lambda path: natural(path.name))
        read = (CaptureRecord.read(path) for path in paths)
        return [one for one in read if one is not None and (folder / one.file).exists()]

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
        pending = page.with_name(f".{page.stem}{PENDING}")
        write_atomic(pending, record.content())
        os.replace(source, page)
        fsync_folder(page.parent)
        os.replace(pending, record_path(page))
        fsync_folder(page.parent)
        # The manifest of an earlier close does not list this page.
        (self.folder / MANIFEST).unlink(missing_ok=True)

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

    def describe(self, item: str, record: CaptureRecord, kind: str, labels: list[str]) -> None:
        """Change the kind and the labels of a page."""
        path = record_path(self.files / item / record.file)
        write_atomic(path, replace(record, kind=kind, labels=labels).content())


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

"""A page that a station keeps: what its act does and what is seen of it."""

import hashlib
from pathlib import Path

from streams.clients.capture.capture_folder import CaptureFolder
from streams.clients.capture.item_folders import item_folder
from streams.clients.station.capture_record import CaptureRecord, digest_of
from tests.faults.crash_points.traced import tell

PAGE = hashlib.shake_256(b"a scanned page").digest(300_000)
PROFILE = "as-delivered"


def _folder(home: Path) -> CaptureFolder:
    return CaptureFolder(home / "captures" / "b-1", "b-1")


def keep_page(home: Path) -> None:
    """A scanned file becomes a page, unless it is one already."""
    folder = _folder(home)
    with folder.opened(PROFILE):
        item = item_folder(folder, None)
        if not folder.pages(item):
            scanned = folder.work / "load-0001.tif"
            scanned.write_bytes(PAGE)
            folder.keep(item, scanned, _record(digest_of(scanned)))
        for record in folder.pages(item):
            tell(str((folder.files / item / record.file).relative_to(home)))


def _record(digest: str) -> CaptureRecord:
    return CaptureRecord(
        ref="0001",
        file="0001.tif",
        sha256=digest,
        size_bytes=len(PAGE),
        captured_at="2026-05-04T09:30:00.000000Z",
        driver="sane",
        device={"name": "test:0"},
        profile=PROFILE,
        asked={},
        confirmed={},
        found={},
    )


def pages(home: Path) -> dict[str, str]:
    """The pages of the batch, with the digests of their files."""
    folder = _folder(home)
    items = folder.items() if folder.files.exists() else []
    found = [
        (folder.files / item / record.file, record)
        for item in items
        for record in folder.pages(item)
    ]
    return {
        str(path.relative_to(home)): digest_of(path)
        for path, record in found
        if digest_of(path) == record.sha256
    }


def reopen(home: Path) -> None:
    """As the next command does."""
    folder = _folder(home)
    with folder.opened(PROFILE):
        pass


def left_over(home: Path) -> list[str]:
    """Drafts and files that are not a page."""
    folder = _folder(home)
    drafts = [path for path in folder.folder.rglob(".*") if path.name != ".lock"]
    images = [
        path
        for path in folder.folder.rglob("*.tif")
        if str(path.relative_to(home)) not in pages(home)
    ]
    return [str(path.relative_to(home)) for path in (*drafts, *images)]

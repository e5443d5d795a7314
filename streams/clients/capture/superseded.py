"""Keeps captures that are no page any more: each beside the folder that is delivered, with its
record."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

from infra.files import fsync_file, fsync_folder, write_atomic
from streams.clients.station.capture_record import (
    SEPARATOR,
    SUFFIX,
    CaptureRecord,
    digest_of,
    record_path,
)

SUPERSEDED = "superseded"


def keep(batch: Path, files: Path, page: Path) -> str:
    """Keep the capture that a page has now. Returns its name below the folder of the batch.

    The page itself stays, so that an interruption loses nothing; see `recover`."""
    folder = batch / SUPERSEDED / page.parent.relative_to(files)
    for new in (batch / SUPERSEDED, folder):
        new.mkdir(exist_ok=True)
        fsync_folder(new.parent)
    number = 1
    while (kept := folder / f"{page.stem}.{number}{page.suffix}").exists():
        number += 1
    try:
        os.link(page, kept)
    except OSError:
        # A file system without links.
        shutil.copyfile(page, kept)
        fsync_file(kept)
    record = record_path(page)
    if record.exists():
        write_atomic(record_path(kept), record.read_bytes())
    fsync_folder(folder)
    return kept.relative_to(batch).as_posix()


def keep_aside(batch: Path, item: str, scanned: Path, record: CaptureRecord) -> CaptureRecord:
    """Keep a scanned file that is not a page, with its record, which is returned.

    The record of the item follows; `recover` writes it after an interruption."""
    folder = batch / SUPERSEDED / item
    for new in (batch / SUPERSEDED, folder):
        new.mkdir(exist_ok=True)
        fsync_folder(new.parent)
    kept = folder / f"{record.ref}.1{Path(record.file).suffix}"
    record = replace(record, superseded=[kept.relative_to(batch).as_posix()])
    write_atomic(record_path(kept), record.content())
    os.replace(scanned, kept)
    fsync_folder(folder)
    return record


def _finish_separators(top: Path, files: Path) -> None:
    """Give each separator sheet its record beside the pages, or remove a record without a sheet."""
    for path in top.rglob(f"*{SUFFIX}"):
        record = CaptureRecord.read(path)
        if record is None or record.state != SEPARATOR:
            continue
        beside = files / path.parent.relative_to(top) / (record.ref + SUFFIX)
        if not (top.parent / record.superseded[0]).exists():
            path.unlink()
        elif not beside.exists():
            write_atomic(beside, record.content())


def recover(batch: Path, files: Path) -> None:
    """Finish what was interrupted. What was kept of a page that was not changed then is a second
    copy of the page, and is removed."""
    top = batch / SUPERSEDED
    if not top.is_dir():
        return
    for draft in top.rglob(".*"):
        draft.unlink()
    _finish_separators(top, files)
    named = {
        name
        for path in files.rglob(f"*{SUFFIX}")
        if (record := CaptureRecord.read(path)) is not None
        for name in record.superseded
    }
    for kept in sorted(top.rglob("*")):
        if kept.is_dir() or _is_record(kept) or kept.relative_to(batch).as_posix() in named:
            continue
        page = files / kept.parent.relative_to(top) / (kept.stem.rpartition(".")[0] + kept.suffix)
        if page.is_file() and digest_of(page) == digest_of(kept):
            record_path(kept).unlink(missing_ok=True)
            kept.unlink()
            fsync_folder(kept.parent)


def _is_record(path: Path) -> bool:
    return path.name.endswith(SUFFIX)

"""Unfinished uploads: three files for each in one folder, and nothing outside of it."""

import fcntl
import json
import os
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from infra.files import fsync_file, fsync_folder, read_json, read_line, write_atomic

ID = re.compile(r"[0-9a-f]{32}\Z")
INFO, DATA, OFFSET, MOVED, COPY = ".json", ".data", ".offset", ".moved", ".copy"
"""What it is; its bytes; how many of them are acknowledged; another name of its bytes, which the
store takes away; an unfinished copy of its bytes."""
NAMES = ".names"
"""The digests in a manifest that is being read."""
OFFSET_DIGITS = 20
Clock = Callable[[], float]


@dataclass
class OpenUpload:
    """An unfinished upload."""

    id: str
    sender: str
    sha256: str
    size_bytes: int
    metadata: str
    offset: int
    """The bytes that are on disk and acknowledged."""
    touched_at: float
    is_written: bool = False
    """Whether a request writes to it now."""


class OpenUploads:
    """The unfinished uploads of one folder. One process at a time may use it."""

    def __init__(self, folder: Path, clock: Clock = time.time) -> None:
        """Those that an earlier process left. Damaged ones are removed.

        Raises BlockingIOError while another process has the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self._clock = folder, clock
        self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise
        self._open: dict[str, OpenUpload] = {}
        self._load()

    def create(self, sender: str, sha256: str, size_bytes: int, metadata: str) -> OpenUpload:
        """A new upload without bytes. It is durable."""
        name, now = uuid4().hex, self._clock()
        upload = OpenUpload(name, sender, sha256, size_bytes, metadata, 0, now)
        document = {
            "sender": sender,
            "sha256": sha256,
            "size_bytes": size_bytes,
            "metadata": metadata,
        }
        self.path(upload, DATA).touch()
        write_atomic(self.path(upload, INFO), json.dumps(document))
        self._open[name] = upload
        return upload

    def find(self, upload_id: str, sender: str) -> OpenUpload | None:
        """An upload of a sender."""
        upload = self._open.get(upload_id)
        return upload if upload is not None and upload.sender == sender else None

    def of(self, sender: str) -> int:
        """How many uploads a sender has open."""
        return sum(one.sender == sender for one in list(self._open.values()))

    def __len__(self) -> int:
        return len(self._open)

    def reserved_bytes(self) -> int:
        """What the open uploads will still write."""
        return sum(one.size_bytes - one.offset for one in list(self._open.values()))

    def save_offset(self, upload: OpenUpload, offset: int) -> None:
        """Acknowledge the bytes up to an offset, which are on disk already."""
        with open(
            os.open(self.path(upload, OFFSET), os.O_WRONLY | os.O_CREAT, 0o600), "wb"
        ) as file:
            # One write within a sector: it is there completely or not at all.
            file.write(f"{offset:0{OFFSET_DIGITS}}\n".encode())
            file.flush()
            os.fsync(file.fileno())
        if not upload.offset:
            fsync_folder(self.folder)
        upload.offset, upload.touched_at = offset, self._clock()

    def unshare(self, upload: OpenUpload) -> None:
        """Before its bytes are changed: give an upload a copy of them if the store may have the
        same file, after an attempt to finish that failed half-way."""
        data, copy = self.path(upload, DATA), self.path(upload, COPY)
        if data.stat().st_nlink > 1:
            shutil.copyfile(data, copy)
            fsync_file(copy)
            copy.replace(data)
            fsync_folder(self.folder)

    def path(self, upload: OpenUpload, kind: str) -> Path:
        """One of the files of an upload."""
        return self.folder / f"{upload.id}{kind}"

    def remove(self, upload: OpenUpload) -> None:
        """Forget an upload and remove its files."""
        self._open.pop(upload.id, None)
        # The description last: it says what the others are.
        for kind in (COPY, MOVED, DATA, OFFSET, INFO):
            self.path(upload, kind).unlink(missing_ok=True)

    def expire(self, seconds: float) -> list[OpenUpload]:
        """Remove the uploads to which nothing was added for this long."""
        before = self._clock() - seconds
        every = list(self._open.values())
        old = [one for one in every if one.touched_at < before and not one.is_written]
        for upload in old:
            self.remove(upload)
        return old

    def close(self) -> None:
        """Let another process use the folder."""
        os.close(self._lock)

    def _load(self) -> None:
        for file in self.folder.iterdir():
            if file.suffix == INFO and ID.match(file.stem):
                upload = self._loaded(file)
                if upload is not None:
                    self._open[upload.id] = upload
        for file in self.folder.iterdir():
            # Drafts of small files, and what is left of an upload that was removed.
            is_ours = file.suffix in (INFO, DATA, OFFSET, MOVED, COPY, NAMES) or _is_draft(file)
            is_known = file.suffix in (INFO, DATA, OFFSET) and file.stem in self._open
            if is_ours and not is_known:
                file.unlink(missing_ok=True)

    def _loaded(self, file: Path) -> OpenUpload | None:
        document, data = read_json(file), file.with_suffix(DATA)
        try:
            size = data.stat().st_size
            stated = (document["sender"], document["sha256"], int(document["size_bytes"]))
            upload = OpenUpload(file.stem, *stated, document["metadata"], 0, data.stat().st_mtime)
        except (FileNotFoundError, KeyError, TypeError, ValueError):
            return None
        saved = read_line(file.with_suffix(OFFSET))
        offset = int(saved) if len(saved) == OFFSET_DIGITS and saved.isdigit() else 0
        # A disk that lost acknowledged bytes: what is there counts, and is compared in the end.
        upload.offset = min(offset, size)
        return upload


def _is_draft(file: Path) -> bool:
    return file.name.startswith(".") and INFO in file.name

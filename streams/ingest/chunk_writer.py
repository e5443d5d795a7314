"""Writes the chunk of one request to an upload: what is acknowledged is on disk."""

import os
from typing import Self

from streams.ingest.open_uploads import DATA, OpenUpload, OpenUploads
from streams.ingest.upload_headers import Checksum

SAVE_EVERY_BYTES = 8 << 20


class ChunkWriter:
    """Appends the bytes of a chunk; nothing of it counts before `save`."""

    def __init__(self, uploads: OpenUploads, upload: OpenUpload, checksum: Checksum | None) -> None:
        self._uploads, self._upload, self._checksum = uploads, upload, checksum
        self._hasher = checksum.hasher() if checksum else None
        self.end = upload.offset
        """Where the upload ends with what was written."""
        self._may_cut = True
        uploads.unshare(upload)
        self._file = os.open(uploads.path(upload, DATA), os.O_RDWR | os.O_CREAT, 0o600)
        # What an earlier request left behind the acknowledged bytes.
        os.ftruncate(self._file, upload.offset)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if self._may_cut and self.end > self._upload.offset:
                os.ftruncate(self._file, self._upload.offset)
        finally:
            os.close(self._file)

    def write(self, part: bytes) -> None:
        """Add a part. Without a checksum what was added is saved from time to time. Raises
        OSError."""
        if self._hasher is not None:
            self._hasher.update(part)
        left = memoryview(part)
        while left:
            done = os.pwrite(self._file, left, self.end)
            self.end, left = self.end + done, left[done:]
        if self._checksum is None and self.end - self._upload.offset >= SAVE_EVERY_BYTES:
            self.save()

    def is_right(self) -> bool:
        """Whether the chunk has the checksum that its request states."""
        return self._checksum is None or self._checksum.digest == self._digest()

    def _digest(self) -> bytes:
        return self._hasher.digest() if self._hasher is not None else b""

    def complete(self) -> None:
        """Make the complete file durable, and leave it as it is: the store may take it from now."""
        os.fsync(self._file)
        self._may_cut = False

    def save(self) -> None:
        """Acknowledge what was written, except for the last byte of the upload, which counts when
        the file is in the store."""
        os.fsync(self._file)
        if self._upload.offset < self.end < self._upload.size_bytes:
            self._uploads.save_offset(self._upload, self.end)

"""Puts complete uploads into the store, and makes upload records of manifests."""

import hashlib
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from processors.outcome import StorageError
from processors.tools import Area, Storage, staging_key
from schemas.models import FileRef
from streams.ingest.open_uploads import DATA, MOVED, NAMES, OpenUpload, OpenUploads
from streams.ingest.problems import Problem
from streams.ingest.stored_files import StoredFiles
from streams.signatures import SigningKey
from streams.uploads.upload_record import write_record

BYTES = "application/octet-stream"
MANIFEST_SECONDS = 300
MISSING_IN_ANSWER = 1000


@dataclass(frozen=True)
class Finishing:
    """The ends of uploads: in the store, and in the database of what each sender uploaded."""

    uploads: OpenUploads
    stored: StoredFiles
    storage: Storage
    key: SigningKey
    """Signs the upload records of manifests."""

    def finish(self, upload: OpenUpload) -> None:
        """Put a complete upload into the store. Raises Problem, and removes the upload, when its
        bytes are others than announced; StorageError, OSError."""
        data = self.uploads.path(upload, DATA)
        with data.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != upload.sha256:
            self.uploads.remove(upload)
            text = f"The file has the SHA-256 {found}, announced was {upload.sha256}"
            raise Problem("upload.digest-wrong", text)
        # The store moves this name away. The other one stays until the upload is recorded.
        moved = self.uploads.path(upload, MOVED)
        moved.unlink(missing_ok=True)
        os.link(data, moved)
        ref = self.storage.keep(moved, area=Area.STAGING, use="upload", media_type=BYTES, move=True)
        if ref.sha256 != upload.sha256:
            raise StorageError(f"{data} reads back as {ref.sha256}, not {upload.sha256}")
        stated = (upload.sender, upload.sha256, upload.size_bytes, upload.metadata)
        self.stored.add(upload.id, *stated, now=time.time())
        self.uploads.remove(upload)

    def prove(self, sender: str, sha256: str) -> None:
        """Make the upload record of a manifest that a sender has uploaded with all its files.

        Raises Problem, StorageError."""
        size = self.stored.size(sender, sha256)
        if size is None:
            raise Problem("upload.unknown", f"{sender} has not uploaded {sha256}")
        key = staging_key(sha256)
        manifest = FileRef(
            use="manifest", key=key, sha256=sha256, size_bytes=size, media_type="application/json"
        )
        missing = list(self.stored.missing(sender, self._named_files(manifest)))
        if missing:
            more = {"missing": missing[:MISSING_IN_ANSWER], "missing_count": len(missing)}
            found = f"{sender} has not uploaded {len(missing)} of the files"
            raise Problem("upload.files-missing", found, more=more)
        write_record(self.storage, self.key, manifest, sender)

    def _named_files(self, manifest: FileRef) -> list[str]:
        """The digests of the files that a manifest names. Raises Problem, StorageError."""
        with self.storage.borrowed(manifest) as path:
            return self._names_in(path)

    def _names_in(self, path: Path) -> list[str]:
        answer = self.uploads.folder / f"{uuid4().hex}{NAMES}"
        # In a process of its own: a large document takes memory that is not given back.
        command = [sys.executable, "-m", "streams.ingest.manifest_files", str(path), str(answer)]
        try:
            done = subprocess.run(
                command, stderr=subprocess.DEVNULL, timeout=MANIFEST_SECONDS, check=False
            )
            text = answer.read_text("utf-8") if answer.exists() else ""
        except subprocess.TimeoutExpired:
            found = f"It was not read within {MANIFEST_SECONDS} s"
            raise Problem("upload.manifest-unreadable", found) from None
        finally:
            answer.unlink(missing_ok=True)
        if done.returncode:
            # Without a text it was killed, or ran out of memory.
            found = text or f"The reader ended with {done.returncode}"
            raise Problem("upload.manifest-unreadable", found)
        return text.split()

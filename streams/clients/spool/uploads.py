"""Uploads to the role `ingest` as a destination: resumed where they were cut."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from processors.page_list import canonical_json
from processors.tools import staging_key
from schemas.models import FileRef
from streams.clients.spool.destination import FilesMissing, KeepGoing, NotTaken, Stopped
from streams.clients.spool.spool_database import Spool
from streams.clients.spool.tus_client import Answered, NotReached, TusClient
from streams.clients.spool.waiting import MustWait
from streams.clients.station.folder import Delivery, ManifestFile

CHUNK = 8 << 20
REPEATS = 5
"""How often one file is begun or asked again in a row before the spool waits."""
NOT_PERMITTED = (401, 403)
NEVER_TAKEN = (400, 413, 415)
"""Answers that are the same after a while."""
UNKNOWN, CONFLICT, DIGEST_WRONG, CHUNK_WRONG = (404, 410), 409, 422, 460
REPEATED = (*UNKNOWN, CONFLICT, DIGEST_WRONG, CHUNK_WRONG)


class BegunUploads:
    """The paths of uploads that were begun; those of large files survive this process."""

    def __init__(self, spool: Spool) -> None:
        """`spool` is a connection that only this object uses."""
        self._spool, self._lock = spool, threading.Lock()
        self._of_process: dict[str, str] = {}

    def find(self, sha256: str) -> str | None:
        """The path of an upload that was begun, or None."""
        with self._lock:
            if sha256 in self._of_process:
                return self._of_process[sha256]
            row = self._spool.row("upload", sha256=sha256)
        return str(row["url"]) if row else None

    def begin(self, sha256: str, path: str, size_bytes: int) -> None:
        """Keep the path of an upload."""
        with self._lock:
            self._of_process[sha256] = path
            # Of a smaller file at most one chunk is sent again.
            if size_bytes > CHUNK:
                self._spool.change("begin_upload", sha256=sha256, url=path)

    def end(self, sha256: str, size_bytes: int) -> None:
        """Forget an upload."""
        with self._lock:
            self._of_process.pop(sha256, None)
            if size_bytes > CHUNK:
                self._spool.change("end_upload", sha256=sha256)


class Uploads:
    """Sends files by tus."""

    def __init__(self, client: TusClient, begun: BegunUploads) -> None:
        self._client, self._begun = client, begun

    @property
    def name(self) -> str:
        """Tells it from other destinations."""
        return self._client.address

    def prepare(self, delivery: Delivery) -> None:
        """The server reserves the space of each file when its upload begins."""

    def send(self, file: ManifestFile, keep_going: KeepGoing) -> str | None:
        """Upload a file, unless it is stored. Raises MustWait, Stopped, OSError."""
        content = file.content
        if not isinstance(content, bytes) and not content.path.is_file():
            return "it was deleted"
        with _waiting():
            if self._client.is_stored(file.sha256):
                keep_going(file.size_bytes)
                return None
        change = self._upload(
            content if isinstance(content, bytes) else content.path, file, keep_going
        )
        if change is None and not isinstance(content, bytes) and not content.is_as_scanned():
            return "its size or modification time changed"
        return change

    def finish(self, delivery: Delivery) -> FileRef:
        """Upload the manifest, then let the server write its upload record."""
        content = canonical_json(delivery.manifest)
        digest, size = hashlib.sha256(content).hexdigest(), len(content)
        kind = "application/json"
        manifest = ManifestFile("manifest.json", content, digest, size, "manifest", kind)
        self.send(manifest, lambda _: True)
        with _waiting():
            try:
                self._client.record(digest)
            except Answered as refused:
                if refused.status == CONFLICT:
                    raise FilesMissing(refused.found) from refused
                raise
        key = staging_key(digest)
        return FileRef(use="manifest", key=key, sha256=digest, size_bytes=size, media_type=kind)

    def _upload(
        self, source: Path | bytes, file: ManifestFile, keep_going: KeepGoing
    ) -> str | None:
        """Upload a file from where an earlier attempt was cut; how it changed, or None."""
        for attempt in range(REPEATS):
            with _waiting(), _opened(source) as opened:
                try:
                    return self._attempt(opened, file, keep_going)
                except Answered as refused:
                    if refused.status in (*UNKNOWN, DIGEST_WRONG):
                        self._begun.end(file.sha256, file.size_bytes)
                    if refused.status == DIGEST_WRONG:
                        change = _changed(opened, file)
                        if change is not None:
                            return change
                    if refused.status not in REPEATED or attempt == REPEATS - 1:
                        raise
        raise AssertionError("the last attempt returns or raises")

    def _attempt(self, opened: BinaryIO, file: ManifestFile, keep_going: KeepGoing) -> str | None:
        upload = self._begun.find(file.sha256)
        offset = self._client.offset(upload) if upload is not None else None
        if upload is None or offset is None:
            upload, offset = self._client.create(file.size_bytes, file.sha256), 0
            self._begun.begin(file.sha256, upload, file.size_bytes)
        while offset < file.size_bytes:
            opened.seek(offset)
            chunk = opened.read(min(CHUNK, file.size_bytes - offset))
            if not chunk:
                self._client.end(upload)
                self._begun.end(file.sha256, file.size_bytes)
                return f"it had {file.size_bytes} bytes, then {offset}"
            offset = self._client.append(upload, offset, chunk)
            if not keep_going(len(chunk)):
                raise Stopped
        self._begun.end(file.sha256, file.size_bytes)
        return None


def _opened(source: Path | bytes) -> BinaryIO:
    return BytesIO(source) if isinstance(source, bytes) else source.open("rb")


def _changed(opened: BinaryIO, file: ManifestFile) -> str | None:
    """How the content of a file differs from what was read before; None if it is the same."""
    opened.seek(0)
    digest = hashlib.sha256()
    while chunk := opened.read(CHUNK):
        digest.update(chunk)
    found = digest.hexdigest()
    return None if found == file.sha256 else f"its SHA-256 was {file.sha256}, then {found}"


@contextmanager
def _waiting() -> Iterator[None]:
    """Translates what the server answers into why the spool waits."""
    try:
        yield
    except NotReached as away:
        raise MustWait("spool.line-not-reachable", str(away)) from away
    except Answered as refused:
        found = ": ".join(filter(None, (refused.code, refused.found)))
        if refused.status in NEVER_TAKEN:
            raise NotTaken(found, refused.fix) from refused
        code = "spool.upload-refused"
        if refused.status in NOT_PERMITTED:
            code = "spool.credential-refused"
        raise MustWait(code, found, refused.fix or None, refused.retry_after) from refused

"""A client of tus 1.0, the protocol of resumable uploads (docs/contract.md §9)."""

import base64
import hashlib
import http.client
import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

VERSION = {"Tus-Resumable": "1.0.0"}
CHUNK_TYPE = "application/offset+octet-stream"
NO_CONTENT = 204
BLOCK = 64 << 10
SECONDS = 60.0
"""Longest silence of the other side."""

Pace = Callable[[int], None]


class NotReached(ConnectionError):
    """The connection failed, so it is not known what the other side has done."""


class Answered(Exception):
    """The other side answered that it does not do this."""

    def __init__(self, answer: "Answer") -> None:
        self.status, self.answer = answer.status, answer
        self.code, self.fix = answer.text("code"), answer.text("fix")
        self.found = answer.text("found") or f"the answer is {answer.status} {answer.reason}"
        super().__init__(f"{self.status} {self.code}: {self.found}")

    @property
    def retry_after(self) -> float | None:
        """Seconds after which it wants to be asked again."""
        text = self.answer.headers.get("retry-after", "")
        return float(text) if text.isascii() and text.isdecimal() else None


@dataclass(frozen=True)
class Answer:
    """What the other side answered."""

    status: int
    reason: str
    headers: Mapping[str, str]
    """By name in lower case."""
    body: bytes

    def text(self, name: str) -> str:
        """A text of the JSON object in the body; empty if it has none."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return ""
        value = found.get(name) if isinstance(found, dict) else None
        return value if isinstance(value, str) else ""


class TusClient:
    """One server. Each thread has a connection of its own."""

    def __init__(
        self,
        address: str,
        token: str | None = None,
        ca: Path | None = None,
        uploads: str = "/uploads",
        *,
        pace: Pace = lambda _: None,
    ) -> None:
        """`ca` has the certificates that sign the server's; by default the system's count. `pace`
        returns when this many bytes may be sent."""
        parts = urlsplit(address)
        self.address, self._host, self._port = address, str(parts.hostname), parts.port
        self._base, self._uploads = parts.path.rstrip("/"), uploads
        self._tls = None
        if parts.scheme == "https":
            self._tls = ssl.create_default_context(cafile=str(ca) if ca else None)
        self._permission = {"Authorization": f"Bearer {token}"} if token else {}
        self._of_thread, self._pace = threading.local(), pace

    def is_stored(self, sha256: str) -> bool:
        """Whether a file of this digest was uploaded before."""
        answer = self._ask("HEAD", f"{self._base}/stored/{sha256}", missing_is_fine=True)
        # Another server may answer 200 to a path that it does not know.
        return answer.status == NO_CONTENT

    def create(self, length: int, sha256: str) -> str:
        """Begin an upload; returns its path."""
        stated = base64.b64encode(sha256.encode()).decode()
        headers = {"Upload-Length": str(length), "Upload-Metadata": f"sha256 {stated}"}
        answer = self._ask("POST", f"{self._base}{self._uploads}", headers)
        # A path alone: no server directs the credential to another one.
        location = urlsplit(answer.headers.get("location", ""))
        if not location.path.startswith("/"):
            raise NotReached(f"{self.address} answered without the path of the upload")
        return location.path + (f"?{location.query}" if location.query else "")

    def offset(self, upload: str) -> int | None:
        """How many bytes the server has; None for an upload that it does not know."""
        answer = self._ask("HEAD", upload, missing_is_fine=True)
        return _offset(answer) if answer.status < 300 else None

    def append(self, upload: str, offset: int, chunk: bytes) -> int:
        """Append a chunk; returns the new offset when it is durable there."""
        digest = base64.b64encode(hashlib.sha256(chunk).digest()).decode()
        headers = {
            "Upload-Offset": str(offset),
            "Content-Type": CHUNK_TYPE,
            "Upload-Checksum": f"sha256 {digest}",
        }
        return _offset(self._ask("PATCH", upload, headers, chunk))

    def end(self, upload: str) -> None:
        """Remove an upload that is not finished."""
        self._ask("DELETE", upload, missing_is_fine=True)

    def record(self, manifest_sha256: str) -> None:
        """Let the server write the upload record of a manifest."""
        answer = self._ask("PUT", f"{self._base}/manifests/{manifest_sha256}")
        if answer.status != NO_CONTENT:
            raise Answered(answer)

    def _ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        *,
        missing_is_fine: bool = False,
    ) -> Answer:
        """The answer to a request. Raises NotReached, Answered."""
        sent = {**VERSION, **self._permission, **(headers or {}), "Content-Length": str(len(body))}
        # A server may have closed a connection that was idle; an appended chunk is asked for first.
        may_repeat = self._connection().sock is not None and method != "PATCH"
        try:
            answer = self._answer(method, path, body, sent)
        except NotReached:
            if not may_repeat:
                raise
            answer = self._answer(method, path, body, sent)
        if answer.status >= 300 and not (missing_is_fine and answer.status in (404, 410)):
            raise Answered(answer)
        return answer

    def _answer(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        connection = self._connection()
        try:
            connection.request(method, path, self._paced(body), dict(headers))
            response = connection.getresponse()
            read = response.read()
        except (OSError, http.client.HTTPException) as failed:
            connection.close()
            raise NotReached(f"{self.address}: {str(failed) or type(failed).__name__}") from failed
        names = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, response.reason, names, read)

    def _paced(self, body: bytes) -> bytes | Iterator[bytes]:
        """The body, or blocks of it: each has the time limit of the connection for itself."""
        if len(body) > BLOCK:
            return self._blocks(body)
        self._pace(len(body))
        return body

    def _blocks(self, body: bytes) -> Iterator[bytes]:
        for at in range(0, len(body), BLOCK):
            block = body[at : at + BLOCK]
            self._pace(len(block))
            yield block

    def _connection(self) -> http.client.HTTPConnection:
        """The connection of this thread, which http.client opens again after it was closed."""
        found: http.client.HTTPConnection | None = getattr(self._of_thread, "connection", None)
        if found is None:
            if self._tls is not None:
                found = http.client.HTTPSConnection(
                    self._host, self._port, timeout=SECONDS, context=self._tls
                )
            else:
                found = http.client.HTTPConnection(self._host, self._port, timeout=SECONDS)
            self._of_thread.connection = found
        return found


def _offset(answer: Answer) -> int:
    text = answer.headers.get("upload-offset", "")
    if not (text.isascii() and text.isdecimal()):
        raise NotReached("the answer has no Upload-Offset")
    return int(text)

"""A client of tus 1.0 that can be cut at any byte, for tests of the server."""

import base64
import hashlib
import http.client
import json
import socket
import struct
from dataclasses import dataclass, field
from typing import Any

VERSION = {"Tus-Resumable": "1.0.0"}
CHUNK = {"Content-Type": "application/offset+octet-stream"}
SECONDS = 30


@dataclass
class Answer:
    """An answer of the server."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def document(self) -> dict[str, Any]:
        """The JSON object of an error."""
        return dict(json.loads(self.body))

    @property
    def code(self) -> str:
        """The code of an error."""
        return str(self.document["code"])

    @property
    def offset(self) -> int:
        """Upload-Offset."""
        return int(self.headers["upload-offset"])


def encoded(text: str | bytes) -> str:
    """The base64 of a text."""
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def checksum_of(part: bytes, algorithm: str = "sha256") -> dict[str, str]:
    """The header with the checksum of a chunk."""
    return {"Upload-Checksum": f"{algorithm} {encoded(hashlib.new(algorithm, part).digest())}"}


class TusClient:
    """Sends requests with one token; a connection for each."""

    def __init__(self, port: int, token: str) -> None:
        self.port, self.authorization = port, f"Bearer {token}"
        self._own = {"Authorization": self.authorization}

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """The answer to a request; underscores in names of headers are hyphens."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.send(method, path, body, {**self._own, **VERSION, **named})

    def send(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        """The answer to a request with these headers alone."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, found, answer.read())
        finally:
            connection.close()

    def create(
        self, content: bytes, digest: str | None = None, length: int | None = None
    ) -> Answer:
        """Create an upload of these bytes."""
        stated = digest or hashlib.sha256(content).hexdigest()
        size = len(content) if length is None else length
        metadata = f"filename {encoded('page.tif')},sha256 {encoded(stated)}"
        return self.request("POST", "/uploads", Upload_Length=str(size), Upload_Metadata=metadata)

    def created(self, content: bytes) -> str:
        """The path of a new upload of these bytes."""
        answer = self.create(content)
        assert answer.status == 201, answer
        return answer.headers["location"]

    def head(self, path: str) -> Answer:
        """The state of an upload."""
        return self.request("HEAD", path)

    def patch(self, path: str, offset: int, part: bytes, **headers: str) -> Answer:
        """Append a chunk."""
        return self.request("PATCH", path, part, Upload_Offset=str(offset), **CHUNK, **headers)

    def upload(self, content: bytes) -> str:
        """Upload these bytes in one chunk; the path."""
        path = self.created(content)
        if content:
            assert self.patch(path, 0, content, **checksum_of(content)).status == 204
        return path

    def cut(
        self, path: str, offset: int, part: bytes, sent: int, headers: dict[str, str], reset: bool
    ) -> None:
        """Send a chunk up to a byte, of the body or (below 0) of the headers, and hang up. All of it
        sent means that only the answer is lost."""
        with socket.create_connection(("127.0.0.1", self.port), SECONDS) as connection:
            if reset:
                hard = struct.pack("ii", 1, 0)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, hard)
            head = self._head_of(path, offset, part, headers)
            connection.sendall(head[: len(head) + sent] if sent < 0 else head + part[:sent])

    def begin(self, path: str, offset: int, part: bytes, sent: int) -> socket.socket:
        """A connection on which a chunk was sent up to a byte, and which stays open."""
        connection = socket.create_connection(("127.0.0.1", self.port), SECONDS)
        connection.sendall(self._head_of(path, offset, part, {}) + part[:sent])
        return connection

    def _head_of(self, path: str, offset: int, part: bytes, headers: dict[str, str]) -> bytes:
        lines = {**self._own, **VERSION, **CHUNK, "Upload-Offset": str(offset), **headers}
        lines |= {"Content-Length": str(len(part)), "Host": "127.0.0.1"}
        text = f"PATCH {path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in lines.items())
        return text.encode() + b"\r\n"

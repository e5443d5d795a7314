"""A server of tus 1.0 in a test, which cuts connections and refuses as the test wants.

It is written from the protocol's text and shares nothing with the product."""

import base64
import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

CUT = -1
"""In place of a status: close the connection without an answer."""


@dataclass
class Begun:
    """An upload."""

    length: int
    sha256: str
    content: bytearray = field(default_factory=bytearray)


@dataclass
class TusServer:
    """What the server has, and how it misbehaves."""

    token: str = "secret"
    address: str = ""
    uploads: dict[str, Begun] = field(default_factory=dict)
    stored: dict[str, bytes] = field(default_factory=dict)
    records: list[str] = field(default_factory=list)
    received: int = 0
    """Bytes of chunks that arrived, also those that were not kept."""
    disturb: Callable[[str, str, int], int | None] = lambda _method, _path, _number: None
    """Method, path and number of a request: a status instead of the answer, CUT, or None."""
    take: Callable[[int], int] = lambda size: size
    """How much of a chunk arrives before the connection is cut; all of it, if it is not."""
    requests: int = 0
    locations_on: str = ""
    """Another server, which it names in its answers."""


def _handler(server: TusServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            """Prints nothing."""

        def _answer(self, status: int, **headers: str) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _allowed(self) -> bool:
            server.requests += 1
            wanted = server.disturb(self.command, self.path, server.requests)
            if wanted == CUT:
                self.close_connection = True
                return False
            if wanted is None and self.headers["Authorization"] != f"Bearer {server.token}":
                wanted = 401
            if wanted is None and self.headers["Tus-Resumable"] != "1.0.0":
                wanted = 412
            if wanted is not None:
                self.rfile.read(int(self.headers["Content-Length"] or 0))
                self._answer(wanted)
            return wanted is None

        def do_HEAD(self) -> None:
            if not self._allowed():
                return
            kind, name = self.path.split("/")[1:3]
            if kind == "stored":
                self._answer(204 if name in server.stored else 404)
            elif name not in server.uploads:
                self._answer(404)
            else:
                one = server.uploads[name]
                self._answer(200, Upload_Offset=str(len(one.content)))

        def do_POST(self) -> None:
            if not self._allowed():
                return
            key, value = self.headers["Upload-Metadata"].split(" ")
            assert key == "sha256"
            one = Begun(int(self.headers["Upload-Length"]), base64.b64decode(value).decode())
            name = f"{len(server.uploads):032x}"
            server.uploads[name] = one
            self._finish(one)
            self._answer(201, Location=f"{server.locations_on}/uploads/{name}")

        def do_PATCH(self) -> None:
            if not self._allowed():
                return
            one = server.uploads.get(self.path.split("/")[2])
            size = int(self.headers["Content-Length"])
            taken = server.take(size)
            chunk = self.rfile.read(taken)
            server.received += len(chunk)
            if taken < size:
                self.close_connection = True
                return
            algorithm, digest = self.headers["Upload-Checksum"].split(" ")
            if one is None:
                self._answer(404)
            elif int(self.headers["Upload-Offset"]) != len(one.content):
                self._answer(409)
            elif hashlib.new(algorithm, chunk).digest() != base64.b64decode(digest):
                self._answer(460)
            else:
                one.content += chunk
                right = self._finish(one)
                self._answer(204 if right else 422, Upload_Offset=str(len(one.content)))

        def do_DELETE(self) -> None:
            if self._allowed():
                server.uploads.pop(self.path.split("/")[2], None)
                self._answer(204)

        def do_PUT(self) -> None:
            if self._allowed():
                server.records.append(self.path.split("/")[2])
                self._answer(204)

        def _finish(self, one: Begun) -> bool:
            if len(one.content) < one.length:
                return True
            right = hashlib.sha256(one.content).hexdigest() == one.sha256
            if right:
                server.stored[one.sha256] = bytes(one.content)
            return right

    return Handler


@contextmanager
def running_tus_server() -> Iterator[TusServer]:
    """A server on a free port."""
    server = TusServer()
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(server)) as listening:
        server.address = f"http://127.0.0.1:{listening.server_address[1]}"
        thread = threading.Thread(target=listening.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown()

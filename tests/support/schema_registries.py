"""A schema registry in memory that answers as Confluent's does, on loopback."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class MemoryRegistry:
    """Its state, and where it is reached."""

    keeps_ids: bool = True
    login: str = ""
    """What it asks for, as in the header: `Basic …`."""
    address: str = ""
    texts: dict[int, str] = field(default_factory=dict)
    versions: dict[str, dict[int, int]] = field(default_factory=dict)
    modes: dict[str, str] = field(default_factory=dict)
    levels: dict[str, str] = field(default_factory=dict)
    changes: int = 0

    def register(self, subject: str, asked: dict[str, Any]) -> int:
        """The id under which a schema is known from now on."""
        self.changes += 1
        wanted = asked.get("id") if self.modes.get(subject) == "IMPORT" and self.keeps_ids else None
        same = [number for number, text in self.texts.items() if text == asked["schema"]]
        number = wanted or (same or [max(self.texts, default=0) + 1])[0]
        self.texts[number] = asked["schema"]
        known = self.versions.setdefault(subject, {})
        known[asked.get("version") or len(known) + 1] = number
        return number

    def answer(self, method: str, path: str, body: Any) -> Any:
        """The document that answers a request; None for 404."""
        if method == "GET" and path == "/subjects":
            return list(self.versions)
        if method == "GET" and (found := re.fullmatch(r"/schemas/ids/(\d+)", path)):
            text = self.texts.get(int(found[1]))
            return None if text is None else {"schema": text}
        if found := re.fullmatch(r"/(mode|config)/([^/?]+)(\?force=true)?", path):
            chosen = self.modes if found[1] == "mode" else self.levels
            (chosen[found[2]],) = body.values()
            return body
        if found := re.fullmatch(r"/subjects/([^/]+)/versions(?:/(\d+|latest))?", path):
            return self._of_subject(method, found[1], found[2], body)
        return None

    def _of_subject(self, method: str, subject: str, version: str | None, body: Any) -> Any:
        known = self.versions.get(subject, {})
        if method == "POST":
            return {"id": self.register(subject, body)}
        if method == "DELETE":
            del self.texts[known.pop(max(known))]
            return 1
        if version is None:
            return list(known) or None
        return {"subject": subject, "version": int(version), "id": known[int(version)]}


@contextmanager
def memory_registry(**how: Any) -> Iterator[MemoryRegistry]:
    """A registry while the block runs."""
    registry = MemoryRegistry(**how)

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *arguments: Any) -> None:
            """Say nothing."""

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or "null")
            if registry.login and self.headers.get("Authorization") != registry.login:
                self._send(401, {"message": "no login"})
                return
            document = registry.answer(self.command, self.path, body)
            self._send(404 if document is None else 200, document)

        def _send(self, status: int, document: Any) -> None:
            content = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = _answer

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    registry.address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield registry
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

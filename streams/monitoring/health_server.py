"""`/health/live` and `/health/ready`: whether to start the line anew, and whether it takes work."""

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LOOPS_WITHIN_SECONDS = 30.0
Document = dict[str, Any]


class Health:
    """What the watchdog saw last, judged for two questions."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing was seen yet: alive, and not ready."""
        self._clock = clock
        self._looked_at = clock()
        self._seen: Document = {"checks": {"watchdog": "has not looked yet"}}

    def saw(self, document: Document) -> None:
        """Note what was seen now; `checks` names each fault that keeps the line from work."""
        self._seen, self._looked_at = document, self._clock()

    def live(self) -> tuple[bool, Document]:
        """Whether the watchdog itself still looks: if not, start it anew."""
        age = self._clock() - self._looked_at
        return age < LOOPS_WITHIN_SECONDS, {"looked_seconds_ago": round(age, 1)}

    def ready(self) -> tuple[bool, Document]:
        """Whether work is taken and done: if not, wait, or do what the faults say."""
        faults = dict(self._seen["checks"])
        lives, seen = self.live()
        if not lives:
            faults["watchdog"] = f"has not looked for {seen['looked_seconds_ago']} s"
        return not faults, {"faults": faults}

    def all(self) -> tuple[bool, Document]:
        """All that was seen; the answer is that of `ready`."""
        return self.ready()[0], self._seen


def serve(health: Health, port: int) -> ThreadingHTTPServer:
    """Answer on the loopback from a thread of its own; 200 for yes, 503 for no."""
    pages = {"/health/live": health.live, "/health/ready": health.ready, "/health": health.all}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Answer one of the three pages."""
            page = pages.get(self.path)
            if page is None:
                self.send_error(404)
                return
            good, document = page()
            body = json.dumps({"ok": good} | document, indent=2, default=str).encode() + b"\n"
            self.send_response(200 if good else 503)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Not a line of log for each question."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
    return server

"""`/health/live`: whether to restart the watchdog. `/health/ready`: whether the line works."""

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

REPORT_WITHIN_SECONDS = 30.0
Document = dict[str, Any]


class Health:
    """The watchdog's last report, evaluated for liveness and readiness."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Before the first report: live, and not ready."""
        self._clock = clock
        self._reported_at = clock()
        self._report: Document = {"checks": {"watchdog": "no report yet"}}

    def update(self, report: Document) -> None:
        """Take a new report; its `checks` name each fault that keeps the line from working."""
        self._report, self._reported_at = report, self._clock()

    def live(self) -> tuple[bool, Document]:
        """Whether the watchdog still reports; if not, restart it."""
        age = self._clock() - self._reported_at
        return age < REPORT_WITHIN_SECONDS, {"looked_seconds_ago": round(age, 1)}

    def ready(self) -> tuple[bool, Document]:
        """Whether the line accepts and finishes work; if not, the faults say why."""
        faults = dict(self._report["checks"])
        is_live, age = self.live()
        if not is_live:
            faults["watchdog"] = f"no report for {age['looked_seconds_ago']} s"
        return not faults, {"faults": faults}

    def all(self) -> tuple[bool, Document]:
        """The whole report, with the answer of `ready`."""
        return self.ready()[0], self._report


def serve(health: Health, port: int) -> ThreadingHTTPServer:
    """Answer on loopback, in a thread: 200 for yes, 503 for no."""
    pages = {"/health/live": health.live, "/health/ready": health.ready, "/health": health.all}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Answer one of the three pages."""
            page = pages.get(self.path)
            if page is None:
                self.send_error(404)
                return
            ok, document = page()
            body = json.dumps({"ok": ok} | document, indent=2, default=str).encode() + b"\n"
            self.send_response(200 if ok else 503)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Requests are not logged."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
    return server

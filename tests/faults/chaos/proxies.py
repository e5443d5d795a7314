"""Toxiproxy between clients and servers: what is slow, cut, sliced, silent or gone, and for how long."""

import json
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from infra import ports, processes
from infra.paths import cache_folder

SERVER = "toxiproxy-2.5.0/server"
START_SECONDS = 10
ANSWER_SECONDS = 10


class Proxies:
    """One toxiproxy server with a proxy for each named service."""

    def __init__(self, log: Path, upstream: Mapping[str, int], listens: Mapping[str, int]) -> None:
        """Start it; each service is reached at its port of `listens` and lives at `upstream`."""
        binary = cache_folder() / SERVER
        if not binary.exists():
            raise RuntimeError(f"{binary} is missing; run: make faults")
        taken = {*upstream.values(), *listens.values()}
        self._port = ports.free_port(taken)
        self._command = [str(binary), "-host", "127.0.0.1", "-port", str(self._port)]
        self._log = log
        self._ways = {name: (listens[name], port) for name, port in upstream.items()}
        self.names = tuple(upstream)
        self._hangs, self._ended = threading.Event(), False
        self._begin()
        threading.Thread(target=self._keep, daemon=True).start()

    def _begin(self) -> None:
        # In a thread that lives as long as the process: the kernel ends it with its parent.
        self._process: subprocess.Popen[bytes] = processes.spawn(self._command, self._log)
        self._wait(self._log)
        for name, (listen, port) in self._ways.items():
            document = {"name": name, "listen": f"127.0.0.1:{listen}"}
            self._ask("POST", "/proxies", document | {"upstream": f"127.0.0.1:{port}"})

    def _keep(self) -> None:
        """Begin anew, without toxics, when it hangs: toxiproxy may, when toxics come and go at once
        on a connection that is stuck. To the line it is one more reset."""
        while self._hangs.wait() and not self._ended:
            self._process.kill()
            self._process.wait()
            self._begin()
            self._hangs.clear()

    def set(self, name: str, toxic: str, measures: Mapping[str, str]) -> None:
        """Put a toxic on a service, both ways. A partition closes every connection of it."""
        if toxic == "partition":
            self._ask("POST", f"/proxies/{name}", {"enabled": False})
            return
        kind, attributes = _attributes(toxic, measures)
        for stream in ("upstream", "downstream"):
            document = {"name": f"{toxic}-{stream}", "type": kind, "stream": stream}
            self._ask("POST", f"/proxies/{name}/toxics", document | {"attributes": attributes})

    def clear(self, name: str, toxic: str) -> None:
        """Take a toxic back."""
        try:
            if toxic == "partition":
                self._ask("POST", f"/proxies/{name}", {"enabled": True})
                return
            for stream in ("upstream", "downstream"):
                self._ask("DELETE", f"/proxies/{name}/toxics/{toxic}-{stream}")
        except OSError:
            self._until_begun_anew()

    def heal(self) -> None:
        """Take everything back."""
        try:
            self._ask("POST", "/reset")
        except OSError:
            self._until_begun_anew()

    def _until_begun_anew(self) -> None:
        deadline = time.monotonic() + 2 * START_SECONDS
        while self._hangs.is_set():
            if time.monotonic() > deadline:
                raise RuntimeError(f"toxiproxy hangs: {self._log.read_text()[-500:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End the server."""
        self._ended = True
        self._hangs.set()
        self._process.kill()
        self._process.wait()

    def _wait(self, log: Path) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not ports.accepts_connections(self._port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"toxiproxy does not answer: {log.read_text()[-500:]}")
            time.sleep(0.02)

    def _ask(self, method: str, path: str, document: Any = None) -> None:
        body = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._port}{path}", body, method=method
        )
        try:
            urllib.request.urlopen(request, timeout=ANSWER_SECONDS).close()
        except urllib.error.HTTPError as refused:
            told = refused.read().decode(errors="replace")
            # The same toxic set twice, or taken back twice, is as it should be.
            if refused.code not in (404, 409):
                raise RuntimeError(f"toxiproxy: {method} {path} {document}: {told}") from refused
        except OSError:
            self._hangs.set()
            raise


def _attributes(toxic: str, measures: Mapping[str, str]) -> tuple[str, dict[str, int]]:
    """Toxiproxy's name and figures of a toxic."""
    if toxic == "latency":
        latency = int(measures["latency_ms"])
        return "latency", {"latency": latency, "jitter": latency // 2}
    if toxic == "slices":
        size = int(measures["slice_bytes"])
        return "slicer", {"average_size": size, "size_variation": size // 2, "delay": 20}
    if toxic == "bandwidth":
        return "bandwidth", {"rate": int(measures["kilobytes"])}
    if toxic == "reset":
        return "reset_peer", {"timeout": 0}
    if toxic == "half-open":
        # Nothing passes and nothing is closed until it is taken back.
        return "timeout", {"timeout": 0}
    raise ValueError(toxic)


def between(services: Sequence[str], taken: set[int]) -> dict[str, int]:
    """A free port for clients of each service."""
    found: dict[str, int] = {}
    for name in services:
        found[name] = ports.free_port(taken | set(found.values()))
    return found

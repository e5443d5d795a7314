"""The role `ingest` as a process of its own, in a home that has no other part of a line."""

import os
import secrets
import signal
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path

from infra.files import write_json
from infra.ports import accepts_connections, free_port
from streams.known_senders import KnownSenders
from streams.signatures import new_key
from streams.uploads.upload_records import INGEST
from tests.support.signing import give_key

START_SECONDS = 30


class IngestServer:
    """A server in a home; it can be killed and started again."""

    def __init__(self, home: Path, **environment: str) -> None:
        """A prepared home; nothing runs yet."""
        self.home, self.port = home, free_port(set())
        self.senders = KnownSenders(home)
        self._environment = {
            "COPYSTAND_HOME": str(home),
            "COPYSTAND_RESERVE_MB": "1",
            **environment,
        }
        self._process: subprocess.Popen[bytes] | None = None
        (home / "run").mkdir(parents=True, exist_ok=True)
        write_json(home / "run" / "ports.json", {"ingest": self.port})
        self.key = give_key(home, INGEST)

    def add_station(self, name: str) -> str:
        """The upload token of a new station."""
        return self.add_sender("station", name)

    def add_sender(self, kind: str, name: str) -> str:
        """The token of a new station or repository."""
        key, token = new_key(f"{kind}-{name}"), secrets.token_urlsafe(24)
        self.senders.add(key, kind, sha256(token.encode()).hexdigest())
        return token

    def listen_at(self, address: str) -> "IngestServer":
        """Listen for other machines, too."""
        self._environment["COPYSTAND_INGEST_NETWORK"] = address
        return self

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> "IngestServer":
        """Start it and wait until it accepts connections."""
        ready = self.home / "run" / "roles" / "ingest.ready"
        ready.unlink(missing_ok=True)
        log = (self.home / "ingest.log").open("ab")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "streams.cli", "run", "ingest"],
            env={**os.environ, **self._environment},
            stdout=log,
            stderr=log,
        )
        log.close()
        deadline = time.monotonic() + START_SECONDS
        while not (ready.exists() and accepts_connections(self.port)):
            ended = self._process.poll()
            assert ended is None and time.monotonic() < deadline, self.log()
            time.sleep(0.01)
        return self

    def kill(self) -> None:
        """kill -9."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(START_SECONDS)

    def log(self) -> str:
        """What it logged."""
        return (self.home / "ingest.log").read_text()

    def stored(self, content: bytes) -> bytes | None:
        """What the store has under the digest of these bytes."""
        digest = sha256(content).hexdigest()
        file = self.home / "staging" / "sha256" / digest[:2] / digest
        return file.read_bytes() if file.exists() else None

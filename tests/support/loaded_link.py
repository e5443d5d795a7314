"""A bucket behind a shared link of limited rate with toxiproxy in it, and processes that fill it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from infra.ports import free_port
from infra.processes import DIES_WITH_PARENT
from streams.traffic.figures import traffic_document
from streams.traffic.link_buckets import TrafficClass
from streams.traffic.shared_state import Direction
from streams.traffic.traffic import Traffic
from tests.faults.chaos.proxies import Proxies
from tests.support.s3_store import S3Server
from tests.support.shared_link import SharedLink

LATENCY_MS = 4
USED = 0.95
"""The part of the link that the limits give: headers and answers need some of the rest."""
MINIMUMS = {"masters": 70, "access": 10, "packages": 10, "repair": 5}
BURST_MB = 16
"""Of masters: one of the usual size passes at once after idle time."""
Bytes = dict[tuple[TrafficClass, Direction], int]


def limits_text(mbit: float) -> str:
    """The limits for a link of this rate."""
    classes = {
        name: f"[classes.{name}]\nminimum_percent = {percent}\n"
        for name, percent in MINIMUMS.items()
    }
    classes["masters"] += f"burst_mb = {BURST_MB}\n"
    return f"[link]\nrate_mbit = {mbit * USED}\n{''.join(classes.values())}"


@dataclass
class Load:
    """A process that transfers objects one after the other."""

    kind: str
    process: "subprocess.Popen[str]"
    output: Path

    def seconds(self) -> list[float]:
        """What each transfer that has ended took."""
        return [float(line) for line in self.output.read_text().split()[1:]]

    def wait(self, transfers: int, within: float = 240) -> list[float]:
        """What these transfers took; the later ones do not count."""
        deadline = time.monotonic() + within
        while len(found := self.seconds()) < transfers:
            assert self.process.poll() is None, f"{self.kind} ended"
            assert time.monotonic() < deadline, f"{self.kind}: {len(found)} in {within} s"
            time.sleep(0.05)
        return found[:transfers]

    def stop(self) -> None:
        """kill -9."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@dataclass
class LoadedLink:
    """A home whose objects are in a bucket at the other end of the link."""

    home: Path
    environment: dict[str, str]
    link: SharedLink
    loads: list[Load] = field(default_factory=list)

    def limit(self, mbit: float | None) -> None:
        """Set the limits, or remove them."""
        if mbit is None:
            (self.home / "traffic.toml").unlink(missing_ok=True)
        else:
            draft = self.home / "draft.toml"
            draft.write_text(limits_text(mbit))
            draft.replace(self.home / "traffic.toml")

    def start(self, kind: str, size: int, pause: float = 0.0) -> Load:
        """Begin to transfer objects of a kind; returns when the process is ready."""
        output = self.home / f"{kind}-{len(self.loads)}.txt"
        words = [kind, str(size), str(pause)]
        program = [sys.executable, "-m", "tests.support.link_load"]
        with output.open("w") as out:
            process = subprocess.Popen(
                ["setpriv", *DIES_WITH_PARENT, "--", *program, *words],
                env={**os.environ, **self.environment},
                stdout=out,
                text=True,
            )
        load = Load(kind, process, output)
        self.loads.append(load)
        deadline = time.monotonic() + 120
        while not output.read_text().startswith("ready"):
            assert process.poll() is None and time.monotonic() < deadline, kind
            time.sleep(0.02)
        return load

    def stop(self, loads: Sequence[Load] | None = None) -> None:
        """End these processes, or all."""
        for load in list(self.loads) if loads is None else loads:
            load.stop()
            self.loads.remove(load)

    def passed(self) -> Bytes:
        """Bytes of each class and direction that passed the limits so far."""
        document = traffic_document(Traffic(self.home))
        assert document is not None
        return {
            (TrafficClass(row["class"]), way): row[f"{way.name.lower()}_bytes"]
            for row in document["classes"]
            for way in Direction
        }


@contextmanager
def loaded_link(folder: Path, server: S3Server, mbit: float) -> Iterator[LoadedLink]:
    """A home in this folder, behind a link of this rate."""
    upstream = int(server.place.endpoint.rpartition(":")[2])
    at = free_port({upstream})
    proxies = Proxies(folder / "toxiproxy.log", {"s3": upstream}, {"s3": at})
    link = SharedLink(at, mbit)
    try:
        proxies.set("s3", "bandwidth", {"kilobytes": str(int(mbit * 125))})
        proxies.set("s3", "latency", {"latency_ms": str(LATENCY_MS)})
        home = folder / "home"
        home.mkdir()
        where = {
            "COPYSTAND_HOME": str(home),
            "COPYSTAND_S3_ENDPOINT": f"http://127.0.0.1:{link.port}",
        }
        found = LoadedLink(home, server.environment(folder.name) | where, link)
        try:
            yield found
        finally:
            found.stop()
    finally:
        link.stop()
        proxies.stop()

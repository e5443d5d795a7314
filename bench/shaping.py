"""What a master's transfer to a bucket takes over a slow link that a backlog fills.

Run: python -m bench.shaping [--mbit 100] [--masters 40] [--record]

The link carries 100 Mbit/s each way, for all connections together, with toxiproxy's latency and
bandwidth in it; the bucket is SeaweedFS. Processes of one home store derivatives and packages,
fetch packages and read objects for fixity without a pause, and one stores masters. Measured without
a backlog, with one, and with one without limits. Then the rate is halved while all goes on."""

import argparse
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.common import commit, machine, tell
from streams.traffic.link_buckets import TrafficClass
from streams.traffic.shared_state import Direction
from tests.support.loaded_link import MINIMUMS, USED, Bytes, LoadedLink, loaded_link
from tests.support.s3_store import running_s3

MASTER_BYTES = 26_000_000
"""A page of A4 in colour at 300 dpi."""
PAUSE_SECONDS = 0.2
BACKLOG = (
    *(("derivatives", 900_000),) * 2,
    *(("packages", 12_000_000),) * 2,
    ("fetch", 12_000_000),
    ("repair", 4_000_000),
)
SENT = (TrafficClass.ACCESS, TrafficClass.PACKAGES)
RECEIVED = (TrafficClass.PACKAGES, TrafficClass.REPAIR)
"""Classes that always have work in a direction."""
HEAD = (
    "| date | commit | machine | load | Mbit/s | masters | idle p50, p99, s | loaded p50, p99, s"
    " | p99 ratio | without limits p99, s | link filled in, out | parts of the minimum"
    " | half rate after, s | result |"
)
GOAL_RATIO, GOAL_SECONDS = 2.0, 5.0
GOAL_MINIMUM = 0.97
"""One part may be sent just after the end."""


@dataclass(frozen=True)
class Measured:
    """Seconds that masters took, and how the link was used meanwhile."""

    idle: list[float]
    loaded: list[float]
    bare: list[float]
    """With a backlog and without limits."""
    filled: list[float]
    """Parts of the link that were used, in and out."""
    shares: dict[str, float]
    """What each class with a backlog got, as a part of its minimum."""
    change_seconds: float
    """From half the rate in the file until the link carries at most that."""

    @property
    def ratio(self) -> float:
        """Loaded to idle, at the 99th percentile."""
        return p99(self.loaded) / p99(self.idle)

    def missed(self) -> list[str]:
        """The goals that were not reached."""
        wrong = {
            "p99 ratio": self.ratio > GOAL_RATIO,
            "minimum": min(self.shares.values()) < GOAL_MINIMUM,
            "change": self.change_seconds > GOAL_SECONDS,
        }
        return [name for name, is_wrong in wrong.items() if is_wrong]

    def cells(self) -> list[str]:
        """The figures of a row."""
        missed = self.missed()
        return [
            f"{statistics.median(self.idle):.2f}, {p99(self.idle):.2f}",
            f"{statistics.median(self.loaded):.2f}, {p99(self.loaded):.2f}",
            *(f"{self.ratio:.2f}", f"{p99(self.bare):.2f}"),
            ", ".join(f"{one:.0%}" for one in self.filled),
            ", ".join(f"{name} {share:.2f}" for name, share in self.shares.items()),
            f"{self.change_seconds:.1f}",
            f"missed: {', '.join(missed)}" if missed else "reached",
        ]


def main() -> int:
    """Measure, print the line, and keep it when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mbit", type=float, default=100)
    parser.add_argument("--masters", type=int, default=40)
    parser.add_argument("--record", action="store_true", help="append to bench/results.md")
    asked = parser.parse_args()
    load = os.getloadavg()[0]
    with (
        tempfile.TemporaryDirectory() as name,
        running_s3(Path(name) / "s3") as server,
        loaded_link(Path(name), server, asked.mbit) as link,
    ):
        measured = measure(link, asked.mbit, asked.masters)
    cells = (
        *(datetime.now(UTC).date().isoformat(), commit(), machine(), f"{load:.1f}"),
        *(f"{asked.mbit:g}", asked.masters, *measured.cells()),
    )
    tell(HEAD, "| " + " | ".join(map(str, cells)) + " |", asked.record)
    return 1 if measured.missed() else 0


def measure(link: LoadedLink, mbit: float, masters: int) -> Measured:
    """Store masters without a backlog, with one, and with one without limits."""
    link.limit(mbit)
    idle = link.start("masters", MASTER_BYTES, PAUSE_SECONDS).wait(max(5, masters // 3))
    link.stop()
    for kind, size in BACKLOG:
        link.start(kind, size)
    time.sleep(5)  # Then the bursts are used up.
    before, wire, began = link.passed(), link.link.passed(), time.monotonic()
    sender = link.start("masters", MASTER_BYTES, PAUSE_SECONDS)
    loaded = sender.wait(masters)
    seconds = time.monotonic() - began
    after, wire_after = link.passed(), link.link.passed()
    link.stop([sender])
    change_seconds = _seconds_until_half(link, mbit)
    link.limit(None)
    time.sleep(2)
    bare = link.start("masters", MASTER_BYTES, PAUSE_SECONDS).wait(max(5, masters // 5))
    capacity = mbit * 125_000 * seconds
    filled = [(b - a) / capacity for a, b in zip(wire, wire_after, strict=True)]
    shares = _shares(before, after, capacity * USED)
    return Measured(idle, loaded, bare, filled, shares, change_seconds)


def p99(seconds: list[float]) -> float:
    """The least that 99 % do not exceed."""
    return sorted(seconds)[max(0, -(-len(seconds) * 99 // 100) - 1)]


def _shares(before: Bytes, after: Bytes, capacity: float) -> dict[str, float]:
    wanted = [(one, Direction.OUT) for one in SENT] + [(one, Direction.IN) for one in RECEIVED]
    return {
        f"{which} {way.name.lower()}": (after[which, way] - before[which, way])
        / (capacity * MINIMUMS[which.value] / 100)
        for which, way in wanted
    }


def _seconds_until_half(link: LoadedLink, mbit: float) -> float:
    """Seconds from a change to half the rate until the link carries at most that."""
    began = time.monotonic()
    link.limit(mbit / 2)
    while time.monotonic() < began + 30:
        _, before = link.link.passed()
        then = time.monotonic()
        time.sleep(1)
        _, after = link.link.passed()
        if (after - before) / (time.monotonic() - then) < 0.55 * mbit * 125_000:
            return then - began
    return float("inf")


if __name__ == "__main__":
    sys.exit(main())

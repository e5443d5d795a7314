"""What a master's transfer to a bucket takes over a slow link that a backlog fills.

Run: python -m bench.shaping [--mbit 100] [--masters 60] [--record]

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
from datetime import UTC, datetime
from pathlib import Path

from bench.common import commit, machine, tell
from streams.traffic.link_buckets import TrafficClass
from streams.traffic.shared_state import Direction
from tests.support.loaded_link import MINIMUMS, USED, Bytes, LoadedLink, loaded_link
from tests.support.s3_store import running_s3

MASTER_BYTES = 8_000_000
PAUSE_SECONDS = 0.2
BACKLOG = (
    *(("derivatives", 900_000),) * 3,
    *(("packages", 12_000_000),) * 3,
    *(("fetch", 12_000_000),) * 2,
    *(("repair", 4_000_000),) * 2,
)
SENT = (TrafficClass.ACCESS, TrafficClass.PACKAGES)
RECEIVED = (TrafficClass.PACKAGES, TrafficClass.REPAIR)
"""Classes that always have work in a direction."""
HEAD = (
    "| date | commit | machine | load | Mbit/s | masters | idle p50, p99, s | loaded p50, p99, s"
    " | p99 ratio | without limits p99, s | link filled in, out | least share of a minimum"
    " | half rate after, s | result |"
)
GOAL_RATIO, GOAL_MINIMUM, GOAL_SECONDS = 2.0, 1.0, 5.0


def main() -> int:
    """Measure, print the line, and keep it when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mbit", type=float, default=100)
    parser.add_argument("--masters", type=int, default=60)
    parser.add_argument("--record", action="store_true", help="append to bench/results.md")
    asked = parser.parse_args()
    load = os.getloadavg()[0]
    with (
        tempfile.TemporaryDirectory() as name,
        running_s3(Path(name) / "s3") as server,
        loaded_link(Path(name), server, asked.mbit) as link,
    ):
        measured = _measure(link, asked.mbit, asked.masters)
    cells = (
        *(datetime.now(UTC).date().isoformat(), commit(), machine(), f"{load:.1f}"),
        *(f"{asked.mbit:g}", asked.masters, *measured),
    )
    tell(HEAD, "| " + " | ".join(map(str, cells)) + " |", asked.record)
    return 0


def _measure(link: LoadedLink, mbit: float, masters: int) -> list[str]:
    link.limit(mbit)
    sender = link.start("masters", MASTER_BYTES, PAUSE_SECONDS)
    idle = sender.wait(max(10, masters // 3))
    link.stop()
    backlog = [link.start(kind, size) for kind, size in BACKLOG]
    time.sleep(5)
    before, wire, began = link.passed(), link.link.passed(), time.monotonic()
    loaded = link.start("masters", MASTER_BYTES, PAUSE_SECONDS).wait(masters)
    print(f"idle: {sorted(idle)}\nloaded: {sorted(loaded)}", flush=True)
    seconds = time.monotonic() - began
    after, wire_after = link.passed(), link.link.passed()
    half = _seconds_until_half(link, mbit)
    link.stop([one for one in link.loads if one not in backlog])
    link.limit(None)
    time.sleep(2)
    bare = link.start("masters", MASTER_BYTES, PAUSE_SECONDS).wait(max(8, masters // 5))
    filled = [(b - a) / (mbit * 125_000 * seconds) for a, b in zip(wire, wire_after, strict=True)]
    least = min(_shares(before, after, mbit, seconds).values())
    ratio = _p99(loaded) / _p99(idle)
    missed = [
        name
        for name, wrong in {
            "p99 ratio": ratio > GOAL_RATIO,
            "minimum": least < GOAL_MINIMUM,
            "change": half > GOAL_SECONDS,
        }.items()
        if wrong
    ]
    return [
        f"{statistics.median(idle):.2f}, {_p99(idle):.2f}",
        f"{statistics.median(loaded):.2f}, {_p99(loaded):.2f}",
        *(f"{ratio:.2f}", f"{_p99(bare):.2f}"),
        *(", ".join(f"{one:.0%}" for one in filled), f"{least:.2f}", f"{half:.1f}"),
        f"missed: {', '.join(missed)}" if missed else "reached",
    ]


def _p99(seconds: list[float]) -> float:
    """The least that 99 % do not exceed."""
    return sorted(seconds)[max(0, -(-len(seconds) * 99 // 100) - 1)]


def _shares(before: Bytes, after: Bytes, mbit: float, seconds: float) -> dict[str, float]:
    """What each class with a backlog got, as a part of its minimum."""
    wanted = [(one, Direction.OUT) for one in SENT] + [(one, Direction.IN) for one in RECEIVED]
    found = {}
    for which, way in wanted:
        minimum = mbit * USED * 125_000 * MINIMUMS[which.value] / 100 * seconds
        found[f"{which} {way.name.lower()}"] = (after[which, way] - before[which, way]) / minimum
    print("parts of the minimum:", {name: f"{share:.2f}" for name, share in found.items()})
    return found


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

"""One very large batch of tiny images through a line that makes nothing of them, and a rush batch
behind it: how long, how much memory, how quick `status` stays.

Run: python -m bench.scale [--pages 100000] [--items 10] [--record]
"""

import argparse
import json
import struct
import tempfile
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bench.common import (
    NO_WORK,
    RESULTS,
    commit,
    copystand,
    line_up,
    machine,
    processes_of,
    resident_bytes,
    tell,
)

RUSH_PAGES = 10
STATUS_EVERY_SECONDS = 2.0
"""As `status --watch` does."""
SLOW_SECONDS = 0.8
SIDE = 16
COLUMNS = (
    "| date | commit | machine | pages | submit, s | after storing, s | pre-flight, s | peak RSS of"
    " a child, MB | whole way, min | slowest status, s | rush batch, s |"
)


@dataclass
class Seen:
    """What was measured."""

    submit_seconds: float = 0.0
    after_storing_seconds: float = 0.0
    preflight_seconds: float = 0.0
    peak_child_bytes: int = 0
    whole_seconds: float = 0.0
    statuses: list[float] = field(default_factory=list)
    rush_seconds: float = 0.0


def tiny_tiff(number: int) -> bytes:
    """A grey TIFF of 16 x 16 pixels (TIFF 6.0, section 4) that differs from every other number."""
    pixels = struct.pack("<I", number) + bytes((number * 7 + at) % 256 for at in range(SIDE**2 - 4))
    entries = (
        (256, 3, 1, SIDE), (257, 3, 1, SIDE), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1),
        (273, 4, 1, 8), (277, 3, 1, 1), (278, 3, 1, SIDE), (279, 4, 1, len(pixels)),
        (282, 5, 1, 8 + len(pixels)), (283, 5, 1, 16 + len(pixels)), (296, 3, 1, 2),
    )  # fmt: skip
    place = 8 + len(pixels) + 16
    head = b"II*\0" + struct.pack("<I", place)
    table = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    resolution = struct.pack("<IIII", 300, 1, 300, 1)
    return head + pixels + resolution + struct.pack("<H", len(entries)) + table + bytes(4)


def make_folder(folder: Path, items: int, pages: int, first: int = 0) -> Path:
    """Folders of items, each with its share of the pages."""
    for item in range(items):
        place = folder / f"vol-{first}-{item:03d}"
        place.mkdir(parents=True)
        for page in range(pages // items):
            number = first + item * (pages // items) + page
            (place / f"{page + 1:05d}.tif").write_bytes(tiny_tiff(number))
    return folder


def submit(home: Path, folder: Path, batch_id: str, priority: str) -> None:
    """Hand a folder over, without waiting for what becomes of it."""
    words = ("--batch-id", batch_id, "--profile", "no-work", "--json")
    copystand(home, "station", "submit", str(folder), *words)
    if priority != "normal":
        # It may be over before anybody can hurry it.
        words = ("batch", "priority", batch_id, priority, "--by", "b-1", "--reason", "bench")
        copystand(home, *words, may_fail=True)


def figures(home: Path, seen: Seen) -> dict[str, dict[str, object]]:
    """`status`, with the time it took."""
    started = time.monotonic()
    document = json.loads(copystand(home, "status", "--json"))
    seen.statuses.append(time.monotonic() - started)
    if seen.statuses[-1] > SLOW_SECONDS:
        print(f"{datetime.now(UTC):%H:%M:%S} {seen.statuses[-1]:.2f} s: {document['checks']}")
    return {row["batch_id"]: row for row in document["batches"]}


def watch_children(home: Path, seen: Seen, stop: threading.Event) -> None:
    """Note the largest resident memory of any child of the worker."""
    while not stop.wait(0.2):
        try:
            worker = json.loads((home / "run" / "roles" / "worker.json").read_text())["pid"]
        except (OSError, ValueError):
            continue
        for pid in processes_of(worker)[1:]:
            seen.peak_child_bytes = max(seen.peak_child_bytes, resident_bytes(pid))


def staged(home: Path) -> float:
    """When the last file was put in staging, on the clock of the file system."""
    found = (home / "staging" / "sha256").glob("*")
    return max((folder.stat().st_mtime for folder in found), default=0.0)


def measure(home: Path, folder: Path, rush: Path, seen: Seen) -> None:
    """The large batch, then, once it is running, the rush batch."""
    began = time.monotonic()
    submit(home, folder, "large", "normal")
    seen.submit_seconds = time.monotonic() - began
    seen.after_storing_seconds = time.time() - staged(home)
    handed_over, stop = time.monotonic(), threading.Event()
    watcher = threading.Thread(target=watch_children, args=(home, seen, stop))
    watcher.start()
    while figures(home, seen).get("large", {}).get("state") != "running":
        time.sleep(0.5)
    seen.preflight_seconds = time.monotonic() - handed_over
    stop.set()
    watcher.join()
    _until(home, seen, "large", lambda row: int(str(row["in_flight"])) > 0, "registered")
    hurried = time.monotonic()
    submit(home, rush, "rush", "rush")
    _until(home, seen, "rush", lambda row: row["state"] == "settled", "rush settled")
    seen.rush_seconds = time.monotonic() - hurried
    _until(home, seen, "large", lambda row: row["state"] == "settled", "large settled")
    seen.whole_seconds = time.monotonic() - began
    if figures(home, seen)["large"]["quarantined"]:
        raise SystemExit("pages were quarantined: this measures something else")


def _until(home: Path, seen: Seen, batch_id: str, reached: object, what: str) -> None:
    told = 0.0
    while True:
        row = figures(home, seen).get(batch_id, {})
        if row and reached(row):  # type: ignore[operator]
            print(f"{datetime.now(UTC):%H:%M:%S} {what}: {row}", flush=True)
            return
        if time.monotonic() - told > 60:
            told = time.monotonic()
            print(f"{datetime.now(UTC):%H:%M:%S} {row}", flush=True)
        time.sleep(STATUS_EVERY_SECONDS)


def row(pages: int, seen: Seen) -> str:
    """The result as one line of the table."""
    cells = (
        datetime.now(UTC).date().isoformat(), commit(), machine(), pages,
        f"{seen.submit_seconds:.0f}", f"{seen.after_storing_seconds:.1f}",
        f"{seen.preflight_seconds:.0f}", f"{seen.peak_child_bytes / 1e6:.0f}",
        f"{seen.whole_seconds / 60:.1f}", f"{max(seen.statuses):.2f}", f"{seen.rush_seconds:.0f}",
    )  # fmt: skip
    return "| " + " | ".join(map(str, cells)) + " |"


def main() -> None:
    """Measure, print one table, and keep its line when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=100_000)
    parser.add_argument("--items", type=int, default=10)
    parser.add_argument("--record", action="store_true", help=f"append to {RESULTS.name}")
    asked = parser.parse_args()
    seen = Seen()
    with tempfile.TemporaryDirectory(prefix="copystand-scale-") as scratch:
        folder = make_folder(Path(scratch) / "large", asked.items, asked.pages)
        rush = make_folder(Path(scratch) / "rush", 1, RUSH_PAGES, first=asked.pages)
        with line_up(Path(scratch) / "home", no_work=NO_WORK):
            measure(Path(scratch) / "home", folder, rush, seen)
    result = row(asked.pages, seen)
    tell(COLUMNS, result, asked.record)


if __name__ == "__main__":
    main()

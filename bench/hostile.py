"""Good pages beside 660 hostile files: how much slower they get, and that no role is restarted.

Run: python -m bench.hostile [--pages 300] [--runs 5] [--record]. In each pair the same number of
good pages goes through the same line once alone and once beside the hostile files, in turns.

A hostile file that is an image after all gets every step, as the page of any other batch that
shares the line. The figure thus depends on the mix: 300 pages make two hostile files for each
good one, which is far more than a lab will ever meet.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from bench.common import RESULTS, commit, copystand, line_up, machine, paired_runs, tell
from tests.hostile.images import hostile_images

COLUMNS = (
    "| date | commit | machine | pairs × pages | hostile files a pair | alone, s | beside them, s |"
    " speed beside them, of alone | quarantined by code |"
)
ITEM_PAGES = 50


def write_hostile(folder: Path, seed: int) -> int:
    """Items of hostile files, each file under a name of its own; how many."""
    files = hostile_images(seed)
    for number, file in enumerate(files):
        suffix = Path(file.file_name).suffix
        place = folder / f"hostile-{seed}-{number // ITEM_PAGES:02d}"
        place.mkdir(parents=True, exist_ok=True)
        # What a station does not take for an image would never come to the line.
        name = f"{number % ITEM_PAGES + 1:04d}{suffix if suffix in ('.jpg', '.png') else '.tif'}"
        (place / name).write_bytes(file.content or b"\0")
    return len(files)


def settled(home: Path, batch_id: str) -> dict[str, object]:
    """The figures of a batch once it has come to its end."""
    while True:
        rows = json.loads(copystand(home, "status", "--json"))["batches"]
        row: dict[str, object] = next((r for r in rows if r["batch_id"] == batch_id), {})
        if row.get("state") in ("settled", "quarantined"):
            return row
        time.sleep(0.5)


def seconds_of_good(home: Path, folder: Path, batch_id: str) -> float:
    """From submission to settlement."""
    started = time.monotonic()
    words = ("--batch-id", batch_id, "--language", "eng", "--wait", "--json")
    answer = json.loads(copystand(home, "station", "submit", str(folder), *words))
    if answer["state"] != "settled" or answer["quarantined"]:
        sys.exit(f"the good batch did not pass: {answer}")
    return time.monotonic() - started


def restarts(home: Path) -> int:
    """Of all parts together."""
    roles = json.loads(copystand(home, "status", "--json"))["roles"]
    return sum(row["restarts"] for row in roles)


def codes(home: Path, batch_id: str) -> dict[str, int]:
    """How many records of a batch are in quarantine, by code."""
    words = ("quarantine", "list", "--batch", batch_id, "--limit", "5000", "--json")
    found: dict[str, int] = {}
    for row in json.loads(copystand(home, *words)):
        found[row["code"]] = found.get(row["code"], 0) + 1
    return found


def main() -> None:
    """Measure, print one table, and keep its line when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=300)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--record", action="store_true", help=f"append to {RESULTS.name}")
    asked = parser.parse_args()
    asked.source = None
    seen: dict[str, int] = {}
    count = 0
    with tempfile.TemporaryDirectory(prefix="copystand-hostile-") as scratch:
        home = Path(scratch) / "home"

        def alone(run: int, folder: Path, _: list[Path]) -> float:
            return seconds_of_good(home, folder, f"alone-{run}")

        def beside(run: int, folder: Path, _: list[Path]) -> float:
            nonlocal count, seen
            bad, good = Path(scratch) / f"bad{run}", Path(scratch) / f"good{run}"
            count = write_hostile(bad, seed=run + 1)
            # The same images again would be told as duplicates: they get items of their own.
            subprocess.run(["cp", "-r", str(folder), str(good)], check=True)
            for item in sorted(path for path in good.iterdir() if path.is_dir()):
                item.rename(item.with_name(f"beside-{item.name}"))
            copystand(home, "station", "submit", str(bad), "--batch-id", f"bad-{run}", "--json")
            seconds = seconds_of_good(home, good, f"beside-{run}")
            row = settled(home, f"bad-{run}") if _ended(home, f"bad-{run}") else {}
            print(f"run {run + 1}: the hostile batch: {row or 'still open'}")
            seen = codes(home, f"bad-{run}")
            return seconds

        with line_up(home):
            pairs = [pair[1:] for pair in paired_runs(asked, Path(scratch), alone, beside)]
            if restarts(home):
                sys.exit(f"roles were restarted: {copystand(home, 'status', '--json')}")
    ratio = statistics.median(quiet / mixed for quiet, mixed in pairs)
    middle = [statistics.median(side) for side in zip(*pairs, strict=True)]
    told = ", ".join(f"{code} {number}" for code, number in sorted(seen.items()))
    cells = (
        datetime.now(UTC).date().isoformat(), commit(), machine(), f"{asked.runs} × {asked.pages}",
        count, f"{middle[0]:.1f}", f"{middle[1]:.1f}", f"{ratio:.2f}", told,
    )  # fmt: skip
    tell(COLUMNS, "| " + " | ".join(map(str, cells)) + " |", asked.record)


def _ended(home: Path, batch_id: str) -> bool:
    """Whether a batch comes to rest within two minutes; items with open records never settle."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        rows = json.loads(copystand(home, "status", "--json"))["batches"]
        row = next((r for r in rows if r["batch_id"] == batch_id), None)
        if row and row["state"] == "settled":
            return True
        if row and row["state"] == "running" and row["in_flight"] == 0:
            return False
        time.sleep(0.5)
    return False


if __name__ == "__main__":
    main()

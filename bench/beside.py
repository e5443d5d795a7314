"""Two checkouts at the same time, each with its own line and the same tiny pages: whatever else the
machine does slows both, and the speeds are compared when the first one has finished.

Run: python -m bench.beside OTHER_CHECKOUT [--pages 3000] [--runs 1] [--folder F] [--record]
"""

import argparse
import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import psycopg

from bench.common import CHECKOUT, NO_WORK, commit, machine, tell
from bench.scale import make_folder
from streams.settings import Settings

COLUMNS = (
    "| date | commit | other commit | machine | pages | profile | runs | pages/s of both"
    " | speed, of the other: median | min | max |"
)
ENDED = "SELECT count(*) FROM line.pages WHERE ended_at IS NOT NULL"
FIRST = "SELECT min(admitted_at) FROM line.pages"
BATCH = "paired"


@dataclass(frozen=True)
class Side:
    """A checkout and the home of its line."""

    checkout: Path
    home: Path

    def copystand(self, *words: str) -> None:
        """Run a command of this checkout."""
        subprocess.run(
            [self.checkout / ".venv/bin/python", "-m", "streams.cli", *words],
            cwd=self.checkout,
            env=os.environ | {"COPYSTAND_HOME": str(self.home)},
            stdout=subprocess.DEVNULL,
            check=True,
        )

    def start(self) -> None:
        """Bring its line up, with the profile without work."""
        (self.home / "profiles").mkdir(parents=True)
        (self.home / "profiles" / "no-work.toml").write_text(NO_WORK)
        self.copystand("up")

    def stop(self) -> None:
        """End its line."""
        self.copystand("down", "--now")

    def asked(self, query: str) -> object:
        """The one value that its database answers."""
        settings = Settings.load({"COPYSTAND_HOME": str(self.home)})
        with psycopg.connect(settings.dsn("tracker")) as line:
            row = line.execute(query).fetchone()
        return row[0] if row else None


def race(
    sides: Sequence[Side], folder: Path, pages: int, profile: str, seconds: float
) -> tuple[list[float], float]:
    """Pages per second of each side, from its first admission until one of them has finished or the
    time is over; and the speed of the first as a share of the second."""
    with ExitStack() as ends:
        for side in sides:
            ends.callback(side.stop)
            side.start()
        for side in sides:
            side.copystand("station", "submit", str(folder), "--batch-id", BATCH,
                           "--profile", profile)  # fmt: skip
        deadline = time.monotonic() + seconds
        while True:
            done = [int(str(side.asked(ENDED))) for side in sides]
            if max(done) >= pages or time.monotonic() > deadline:
                now = datetime.now(UTC)
                break
            time.sleep(0.2)
        rates = []
        for side, count in zip(sides, done, strict=True):
            began = side.asked(FIRST)
            seconds = (now - began).total_seconds() if isinstance(began, datetime) else 1e9
            rates.append(count / seconds)
        return rates, rates[0] / rates[1]


def main() -> None:
    """Measure, print one table, and keep its line when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("other", type=Path)
    parser.add_argument("--pages", type=int, default=3000)
    parser.add_argument("--items", type=int, default=10)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="pages to process instead of tiny ones")
    parser.add_argument("--seconds", type=float, default=1800, help="of a run at most")
    parser.add_argument("--profile", default="no-work")
    parser.add_argument("--record", action="store_true")
    asked = parser.parse_args()
    ratios, speeds = [], ""
    for run in range(asked.runs):
        with tempfile.TemporaryDirectory(prefix="copystand-beside-") as scratch:
            place = Path(scratch)
            folder = asked.folder or make_folder(place / "pages", asked.items, asked.pages)
            sides = [Side(CHECKOUT, place / "this"), Side(asked.other.resolve(), place / "other")]
            order = sides if run % 2 == 0 else sides[::-1]
            rates, ratio = race(order, folder, asked.pages, asked.profile, asked.seconds)
            ratio = ratio if run % 2 == 0 else 1 / ratio
            speeds = " and ".join(
                f"{rate:.1f}" for rate in (rates if run % 2 == 0 else rates[::-1])
            )
            ratios.append(ratio)
            print(f"run {run + 1}: {speeds} pages/s, {ratio:.2f}", flush=True)
    other = subprocess.run(["git", "-C", str(asked.other), "describe", "--always", "--abbrev=10"],
                           capture_output=True, text=True, check=True).stdout.strip()  # fmt: skip
    cells = (
        *(datetime.now(UTC).date().isoformat(), commit(), other, machine(), asked.pages),
        *(asked.profile, asked.runs, speeds, f"{median(ratios):.2f}"),
        *(f"{min(ratios):.2f}", f"{max(ratios):.2f}"),
    )
    tell(COLUMNS, "| " + " | ".join(map(str, cells)) + " |", asked.record)


if __name__ == "__main__":
    main()

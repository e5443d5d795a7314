"""Hundreds of small batches that all wait for the same moment, and a rush batch that comes later:
whether all end, whether they take turns, and how long the rush batch waits.

Tiny images, a profile that makes nothing of them. A batch begins with its first admitted page and
is finished with its package.

Run: python -m bench.batches [--batches 300] [--pages 20] [--lead 180] [--record]
"""

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from bench.common import NO_WORK, RESULTS, commit, copystand, line_up, machine, tell
from bench.scale import make_folder
from streams.clients.station.folder import SubmissionOptions
from streams.clients.station.submission import submit
from streams.settings import Settings

RUSH = "rush"
AT_ONCE = 4
LOOK_EVERY_SECONDS = 2.0
COLUMNS = (
    "| date | commit | machine | batches × pages | settled | begun late, s | all begun after, s |"
    " first finished after, s | begun before that | widest difference, pages |"
    " all finished after, s | rush batch, s | others admitted meanwhile | slowest status, s |"
)
ADMISSIONS = "SELECT batch_id, admitted_at FROM line.pages ORDER BY admitted_at"
FINISHED = "SELECT batch_id, max(published_at) FROM line.packages GROUP BY batch_id"
STATES = "SELECT state, count(*), sum(in_flight) FROM line.batch_status GROUP BY state"


@dataclass(frozen=True)
class Rush:
    """When the rush batch was handed over and when it had settled."""

    asked: datetime
    settled: datetime


def hand_over(settings: Settings, folders: Sequence[Path], when: datetime) -> None:
    """All batches, each to begin at the same moment."""

    def one(folder: Path) -> None:
        wishes = SubmissionOptions(folder.name, profile="no-work", not_before=when.isoformat())
        made = submit(folder, wishes, settings)
        if made.state != "submitted":
            raise SystemExit(f"{folder.name} was not taken: {made.document()}")

    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(one, folders))


def states(line: psycopg.Connection[tuple[str, int, int]]) -> tuple[dict[str, int], int]:
    """How many batches are in each state, and all pages in flight."""
    rows = line.execute(STATES).fetchall()
    return {state: count for state, count, _ in rows}, int(sum(row[2] for row in rows))


def watch(home: Path, settings: Settings, rush_folder: Path, pages: int) -> tuple[Rush, float]:
    """Hurry a rush batch when a quarter has been done, then wait until all have settled."""
    rush, settled, slowest = None, None, 0.0
    with psycopg.connect(settings.dsn("tracker"), autocommit=True) as line:
        while True:
            found, in_flight = states(line)
            print(f"{datetime.now(UTC):%H:%M:%S} {found} in flight {in_flight}", flush=True)
            if rush is None and in_flight < 0.75 * pages:
                rush = datetime.now(UTC)
                submit(
                    rush_folder,
                    SubmissionOptions(RUSH, profile="no-work", priority="rush"),
                    settings,
                )
            elif rush and settled is None:
                rows = line.execute(
                    "SELECT FROM line.batch_status WHERE batch_id = %s AND state = 'settled'",
                    [RUSH],
                )
                settled = datetime.now(UTC) if rows.fetchone() is not None else None
            elif rush and settled and not in_flight:
                return Rush(rush, settled), slowest
            began = time.monotonic()
            copystand(home, "status", "--json")
            slowest = max(slowest, time.monotonic() - began)
            time.sleep(LOOK_EVERY_SECONDS if settled or not rush else 0.2)


def widest_difference(admitted: Sequence[str], pages: int) -> int:
    """The most pages by which one waiting batch was ever ahead of another."""
    given, widest = Counter(dict.fromkeys(admitted, 0)), 0
    for batch_id in admitted:
        given[batch_id] += 1
        waiting = [count for count in given.values() if count < pages]
        if waiting:
            widest = max(widest, given[batch_id] - min(waiting))
    return widest


def result(settings: Settings, when: datetime, rush: Rush, slowest: float, pages: int) -> str:
    """What came of it, as one line of the table."""
    with psycopg.connect(settings.dsn("tracker"), autocommit=True) as line:
        admissions: list[tuple[str, datetime]] = line.execute(ADMISSIONS).fetchall()
        finished = dict(line.execute(FINISHED).fetchall())
        found, _ = states(line)
    first = {batch_id: at for batch_id, at in reversed(admissions)}
    normal = [(batch_id, at) for batch_id, at in admissions if batch_id != RUSH]
    hurried = [at for batch_id, at in admissions if batch_id == RUSH]
    since = lambda at: f"{(at - when).total_seconds():.1f}"  # noqa: E731
    begins = [at for batch_id, at in first.items() if batch_id != RUSH]
    ends = [at for batch_id, at in finished.items() if batch_id != RUSH]
    cells = (
        datetime.now(UTC).date().isoformat(), commit(), machine(), f"{len(begins)} × {pages}",
        json.dumps(found), since(min(begins)), since(max(begins)), since(min(ends)),
        sum(at < min(ends) for at in begins),
        widest_difference([batch_id for batch_id, _ in normal], pages), since(max(ends)),
        f"{(rush.settled - rush.asked).total_seconds():.1f}",
        sum(min(hurried) < at < max(hurried) for _, at in normal), f"{slowest:.2f}",
    )  # fmt: skip
    return "| " + " | ".join(map(str, cells)) + " |"


def main() -> None:
    """Measure, print one table, and keep its line when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, default=300)
    parser.add_argument("--pages", type=int, default=20)
    parser.add_argument("--lead", type=float, default=180, help="seconds for submit and pre-flight")
    parser.add_argument("--record", action="store_true", help=f"append to {RESULTS.name}")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="copystand-batches-") as scratch:
        place, home = Path(scratch), Path(scratch) / "home"
        folders = [
            make_folder(place / f"q{n:04d}", 1, asked.pages, first=n * asked.pages)
            for n in range(asked.batches)
        ]
        rush = make_folder(place / RUSH, 1, asked.pages, first=asked.batches * asked.pages)
        with line_up(home, no_work=NO_WORK):
            settings = Settings.load({"COPYSTAND_HOME": str(home)})
            when = datetime.now(UTC) + timedelta(seconds=asked.lead)
            hand_over(settings, folders, when)
            with psycopg.connect(settings.dsn("tracker"), autocommit=True) as line:
                while states(line)[0] != {"held": asked.batches}:
                    if datetime.now(UTC) > when:
                        raise SystemExit(f"not all were accepted in time: {states(line)}")
                    time.sleep(1)
            print(
                f"all held, {(when - datetime.now(UTC)).total_seconds():.0f} s before", flush=True
            )
            hurried, slowest = watch(home, settings, rush, asked.batches * asked.pages)
            told = result(settings, when, hurried, slowest, asked.pages)
    tell(COLUMNS, told, asked.record)


if __name__ == "__main__":
    main()

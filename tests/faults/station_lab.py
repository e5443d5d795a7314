"""Three stations, two workers, one centre and a bucket: a day's work is handed over at once.

Each station is a machine of its own: a folder with one credential file, and addresses. It queues its
folder, and its spool uploads by HTTP. The second worker is another user's, with a home of its own. Only
the centre has broker and database.

Run: python -m tests.faults.station_lab [--pages 2000] [--seconds 7200] [--record]
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from bench.common import commit, machine
from infra.kafka_access import login_file
from streams.storage.cache.ledger import CacheFigures, Ledger
from tests.faults.chaos import ledger
from tests.support import pages
from tests.support.invariants import counts
from tests.support.other_machine import OtherMachine
from tests.support.reader import Raw, facts_of
from tests.support.running_line import STEP_DONE, Line, wait_for
from tests.support.s3_store import S3Server, running_s3
from tests.support.stations import OwnStation, own_station
from tests.support.whole_log import read_when_quiet

STATIONS = ("room-1", "room-2", "room-3")
PAGES_OF_ITEM = 10
SUBMITTED_SECONDS = 600
HEAD = (
    "| date | commit | machine | pages | stations | workers | pages of each station when the first one"
    " was done | smallest to largest share | steps of each worker | hit rate of each cache"
    " | packages | lost | twice | minutes | pages a minute | result |"
)


@dataclass
class Day:
    """What came of a day's work."""

    pages: int
    seconds: float = 0.0
    shares: dict[str, int] = field(default_factory=dict)
    """Acquired pages of each station when one of them had all of its pages."""
    steps: tuple[int, ...] = ()
    caches: tuple[CacheFigures, ...] = ()
    packages: int = 0
    lost: int = 0
    twice: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def fairness(self) -> float:
        """The smallest share of a station, as a part of the largest."""
        return min(self.shares.values()) / max(self.shares.values()) if self.shares else 0.0


@dataclass(frozen=True)
class Lab:
    """The machines."""

    line: Line
    other: OtherMachine
    stations: dict[str, OwnStation]

    def state(self) -> str:
        """The end of every log, for messages."""
        return f"{self.other.tail()}\n{self.line.logs()}"


@contextmanager
def running_lab(work: Path, server: S3Server) -> Iterator[Lab]:
    """All machines, each with a folder of its own; ended afterwards."""
    store = server.environment("lab") | {"WORK_POOL_SIZE": "1"}
    line = Line(work / "centre", COPYSTAND_WORKER_ID="worker-1", **store)
    with ExitStack() as ends:
        ends.callback(line.down)
        _up(line)
        addresses = {"KAFKA_BROKERS": line.servers()}
        other = OtherMachine("worker-2", addresses | store, login_file(line.home, "worker"))
        ends.callback(other.remove)
        other.start()
        wait_for(other.ready, 120, other.tail)
        upload = {"COPYSTAND_UPLOAD_URL": f"http://127.0.0.1:{line.ports()['ingest']}"}
        stations = {
            name: ends.enter_context(
                own_station(line.home, work / name, addresses | upload, name=name, settings=store)
            )
            for name in STATIONS
        }
        yield Lab(line, other, stations)


def _up(line: Line) -> None:
    """Start the centre, a second time if the broker was too slow: on a loaded machine a new broker
    may lose its session while topics are made."""
    try:
        line.up()
    except AssertionError as too_slow:
        print(f"started again after: {str(too_slow)[:300]}", file=sys.stderr)
        line.up()


def run_day(work: Path, server: S3Server, page_count: int, seconds: float) -> Day:
    """Hand over all pages at once and wait until they are packaged; what is wrong with them."""
    each = page_count // len(STATIONS)
    day = Day(pages=each * len(STATIONS))
    delivered = {
        name: _delivery(work / "scans" / name, name, each, first=1 + number * each)
        for number, name in enumerate(STATIONS)
    }
    with running_lab(work, server) as lab:
        began = time.monotonic()
        for name, station in lab.stations.items():
            words = ("--batch-id", f"{name}-day", "--queue")
            station.run("submit", work / "scans" / name, *words)
        for name in STATIONS:
            _wait_until_submitted(lab, name)
        batches = [f"{name}-day" for name in STATIONS]
        lab.line.wait_for_figures(*batches, seconds=seconds, state="settled")
        day.seconds = time.monotonic() - began
        log = (lab.line.home / "log" / "worker.log").read_text()
        day.steps = (log.count(STEP_DONE), lab.other.done())
        day.caches = tuple(map(_cache_of, (lab.line.home, lab.other.home)))
        _judge(lab, day, delivered, work / "fetched")
    return day


def _delivery(folder: Path, name: str, count: int, first: int) -> list[bytes]:
    """Items of some pages; the digest of each page."""
    for at in range(0, count, PAGES_OF_ITEM):
        item = folder / f"{name}-vol-{at // PAGES_OF_ITEM:03d}"
        pages.write_item(item, min(PAGES_OF_ITEM, count - at), first=first + at)
    return [sha256(path.read_bytes()).digest() for path in folder.rglob("*.tif")]


def _wait_until_submitted(lab: Lab, name: str) -> None:
    station = lab.stations[name]
    wait_for(
        lambda: station.states() == ["submitted"],
        SUBMITTED_SECONDS,
        lambda: f"{name}: {station.states()}\n{lab.state()}",
        look_seconds=1,
    )


def _cache_of(home: Path) -> CacheFigures:
    return Ledger(home / "cache" / "store" / "ledger").read() or CacheFigures()


def _judge(lab: Lab, day: Day, delivered: dict[str, list[bytes]], folder: Path) -> None:
    """Each page in one package, nothing in quarantine, a complete log, fair shares."""
    found: Counter[bytes] = Counter()
    for row in lab.line.ask("packages", "list"):
        day.packages += 1
        bag = Path(lab.line.ask("packages", "fetch", row["package_id"], folder)["path"])
        found.update(sha256(p.read_bytes()).digest() for p in (bag / "data" / "master").iterdir())
    expected = Counter(digest for digests in delivered.values() for digest in digests)
    day.lost, day.twice = (expected - found).total(), (found - expected).total()
    raws, report = read_when_quiet(lab.line, seconds=120)
    day.faults += [str(fault) for fault in report.faults()]
    if day.lost or day.twice:
        day.faults.append(f"{day.lost} pages lost, {day.twice} twice")
    if quarantined := lab.line.ask("quarantine", "list"):
        day.faults.append(f"in quarantine: {quarantined}")
    for name, digests in delivered.items():
        counted = counts(raws, f"{name}-day")
        if counted.packaged != len(digests):
            day.faults.append(f"{name}: {counted} of {len(digests)} pages")
    day.shares = _shares(raws, {name: len(digests) for name, digests in delivered.items()})
    if day.fairness < 0.5:
        day.faults.append(f"unfair shares: {day.shares}")
    if 0 in day.steps:
        day.faults.append(f"a worker did nothing: {day.steps}")


def _shares(raws: Sequence[Raw], asked: dict[str, int]) -> dict[str, int]:
    """Pages of each station that were acquired when the first station had all of its pages.

    Pages that were acquired before every station had submitted are left out: nobody competed."""
    facts = list(facts_of(raws).values())
    accepted = max(one.raw.timestamp for one in facts if one.record == "BatchAccepted")
    acquired = sorted(
        (one.raw.timestamp, str(one.body["head"]["batch_id"]).removesuffix("-day"))
        for one in facts
        if one.record == "PageAcquired"
    )
    done: Counter[str] = Counter()
    shares = Counter(dict.fromkeys(asked, 0))
    for at, name in acquired:
        done[name] += 1
        shares[name] += at > accepted
        if done[name] == asked[name]:
            break
    return dict(shares)


def _row(day: Day) -> str:
    today = datetime.now(UTC).date().isoformat()
    rates = ", ".join("-" if c.hit_rate is None else f"{c.hit_rate:.0%}" for c in day.caches)
    cells = (
        *(today, commit(), machine(), day.pages, len(STATIONS), len(day.steps)),
        *(", ".join(map(str, day.shares.values())), f"{day.fairness:.0%}"),
        *(", ".join(map(str, day.steps)), rates, day.packages, day.lost, day.twice),
        *(f"{day.seconds / 60:.1f}", f"{60 * day.pages / day.seconds:.0f}"),
        "; ".join(day.faults[:3]).replace("|", "/") or "every page in one package",
    )
    return "| " + " | ".join(map(str, cells)) + " |"


def main() -> int:
    """Run, print the result, and add its row to docs/reliability.md when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=7200)
    parser.add_argument("--record", action="store_true", help="append to docs/reliability.md")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lab-") as scratch:
        work = Path(scratch)
        with running_s3(work / "s3") as server:
            day = run_day(work, server, asked.pages, asked.seconds)
    row = _row(day)
    print(f"{day}\n{row}")
    if asked.record:
        ledger.append_row(HEAD, row)
    return 1 if day.faults else 0


if __name__ == "__main__":
    sys.exit(main())

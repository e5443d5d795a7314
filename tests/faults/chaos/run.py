"""One run: a line, its work, its misfortunes, the rest until all is drained, and the verdict.

Run: python -m tests.faults.chaos.run [--seconds 180] [--seed 1] [--gap 3] [--ahead 150] [--one-disk]
[--record]
"""

import argparse
import os
import shutil
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from bench.common import CHECKOUT, commit, machine
from infra.kafka_access import Brokers
from schemas.catalogue import topic_of
from tests.faults.chaos import ledger
from tests.faults.chaos.calm import without_faults
from tests.faults.chaos.draining import DRAIN_SECONDS, tell, until_ended
from tests.faults.chaos.external_clients import Strangers
from tests.faults.chaos.line import ChaosLine, disk
from tests.faults.chaos.material import Batch
from tests.faults.chaos.nemesis import Nemesis
from tests.faults.chaos.schedule import kinds, schedule
from tests.faults.chaos.spooling import SpoolStation, spool_station, write_profiles
from tests.faults.chaos.verdict import Verdict, judged
from tests.faults.chaos.workload import Workload
from tests.faults.checkers import law_broken
from tests.support import permissions

GAP_SECONDS = 3.0
AHEAD = 150
"""So many pages are on their way at most."""
RUSH_SECONDS = 60.0
"""Within so long beside its own work a rush batch comes to its end, whatever happens."""
RELEASES = 3
GIVEN_UP = "work."
"""Begins the codes of what was tried often enough; a person releases that."""
KEPT = CHECKOUT / "var" / "chaos"
ENDED = """
SELECT batch_id FROM line.batch_status
WHERE state IN ('settled', 'quarantined') AND batch_id = ANY(%s)
"""


@dataclass
class Ran:
    """What a run was, and what came of it."""

    seed: int
    seconds: float
    one_disk: bool = False
    kinds: Counter[str] = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)
    pages: int = 0
    drained_seconds: float = 0.0
    released: int = 0
    rushed: dict[str, float] = field(default_factory=dict)
    """When each rush batch was taken, by a monotonic clock."""
    rush_seconds: dict[str, float] = field(default_factory=dict)
    """From then until it had come to its end."""
    rush_alone: dict[str, float] = field(default_factory=dict)
    """The same in a line that has nothing else to do: its own work."""
    spooled: list[str] = field(default_factory=list)
    """Batches that went through a spool and `ingest`."""
    versions: list[str] = field(default_factory=list)
    """Batches with an item that replaces, or adds pages to, one of an earlier batch."""
    verdict: Verdict = field(default_factory=Verdict)
    without_login: dict[str, str] = field(default_factory=dict)
    """What three brokers answered to a request without a login."""

    def entry(self) -> ledger.Entry:
        """As it stands in the ledger."""
        found, slowest = self.verdict, max(self.rush_seconds, key=self.beyond_own_work, default="")
        return ledger.Entry(
            *(datetime.now(UTC).date().isoformat(), commit(), machine(), self.seed, self.seconds),
            *(self.kinds, self.pages, self.drained_seconds, self.released),
            *(self.rush_seconds.get(slowest, 0.0), self.rush_alone.get(slowest, 0.0)),
            *(len(found.lost), len(found.twice), len(found.imbalances)),
            "; ".join(found.all()[:3]).replace("|", "/") or "all as without faults",
        )

    def late(self) -> list[str]:
        """What is to be said of rush batches that others kept waiting."""
        return [
            f"{batch_id} took {seconds:.0f} s, alone {self.rush_alone.get(batch_id, 0.0):.1f} s"
            for batch_id, seconds in self.rush_seconds.items()
            if self.beyond_own_work(batch_id) > RUSH_SECONDS
        ]

    def beyond_own_work(self, batch_id: str) -> float:
        """Seconds that a rush batch took more than in a line that has nothing else to do."""
        return self.rush_seconds[batch_id] - self.rush_alone.get(batch_id, 0.0)


def chaos(
    seed: int,
    seconds: float,
    gap_seconds: float = GAP_SECONDS,
    ahead: int = AHEAD,
    *,
    at_least: int = 0,
    one_disk: bool = False,
    compared: int = 1,
) -> Ran:
    """Run it. The line under faults first, then the same material through one without: the rush
    batches, and of the others every first of so many as `compared` says.

    With one disk, the brokers have none of their own."""
    ran = Ran(seed, seconds, one_disk)
    with tempfile.TemporaryDirectory(prefix="copystand-chaos-") as scratch:
        work = Path(scratch)
        with disk(work / "home", one_disk=one_disk) as home:
            began = time.time()
            line = ChaosLine(home, work / "toxiproxy.log")
            write_profiles(home)
            try:
                line.up()
                with _watched(line, ran), spool_station(line, work / "station") as spool:
                    workload, poison = _under_faults(
                        line, work, ran, spool, gap_seconds, ahead, at_least
                    )
                    _drain(line, workload.delivered, ran)
                    if workload.deliver_versions():
                        _drain(line, workload.delivered, ran)
                delivered, ran.pages = workload.delivered, workload.pages()
                sample = _sample(workload, ran, compared)
                calm = without_faults(work / "calm", sample, ran.rushed, ran.versions)
                ran.rush_alone = dict(calm.seconds)
                found = judged(line, delivered, poison, calm, began)
                _merge(ran.verdict, found)
                ran.verdict.other += ran.late()
            except BaseException as failure:
                traceback.print_exc()
                ran.verdict.other.append(f"{type(failure).__name__}: {str(failure)[:3000]}")
                if not isinstance(failure, Exception):
                    raise
            finally:
                line.down()
                line.proxies.stop()
                if ran.verdict.all():
                    line.keep_logs(KEPT / f"seed-{seed}")
                    for place in (home, work / "calm"):
                        _keep_packages(place, KEPT / f"seed-{seed}" / place.name)
    return ran


def _under_faults(
    line: ChaosLine,
    work: Path,
    ran: Ran,
    spool: SpoolStation,
    gap_seconds: float,
    ahead: int,
    at_least: int,
) -> tuple[Workload, int]:
    as_root = os.geteuid() == 0
    where = {"as_root": as_root, "one_disk": ran.one_disk}
    faults = schedule(ran.seed, ran.seconds, gap_seconds, **where)
    tell(f"seed {ran.seed}: {len(faults)} faults of {len(kinds(**where))} kinds")
    for fault in faults:
        tell(f"  {fault}")
    request = {topic_of("ControlRequested").name: b"forged"}
    ran.without_login = permissions.write(Brokers(line.servers()), request, 3000)
    strangers = Strangers(line.kafka, line.home)
    asked = (ran.seed, line.finished, strangers.remember, ahead, at_least)
    ways = {"spool": spool, "packaged": line.packaged}
    workload = Workload(line.settings(), work / "material", *asked, **ways)
    ran.rushed, ran.versions = workload.rushed, workload.versions
    nemesis = Nemesis(line, strangers, tell)
    workload.start()
    nemesis.start(faults)
    time.sleep(ran.seconds)
    nemesis.end()
    workload.end()
    spool.finish(DRAIN_SECONDS)
    ran.spooled = spool.batches
    nemesis.note("file-flipped", sum(len(batch.flipped) for batch in workload.delivered))
    nemesis.note("file-truncated", sum(len(batch.truncated) for batch in workload.delivered))
    ran.kinds, ran.missed = nemesis.happened, nemesis.missed
    ran.pages = workload.pages()
    ran.verdict.other += nemesis.surprises + ([workload.failure] if workload.failure else [])
    tell(f"faults are over: {ran.pages} pages, {dict(ran.kinds)}, {len(ran.missed)} missed")
    return workload, strangers.poison


@contextmanager
def _watched(line: ChaosLine, ran: Ran) -> Iterator[None]:
    over = threading.Event()

    def watch() -> None:
        while not over.wait(1.0):
            _look(line, ran)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
        _look(line, ran)


def _look(line: ChaosLine, ran: Ran) -> None:
    """Whether what must hold in every transaction does, and which rush batches have ended."""
    try:
        wrong = law_broken(line)
        with psycopg.connect(line.dsn(), connect_timeout=3) as database:
            ended = database.execute(ENDED, [list(ran.rushed)]).fetchall()
    except psycopg.Error:
        return  # it is down, or full
    for batch_id in {name for (name,) in ended} - ran.rush_seconds.keys():
        ran.rush_seconds[batch_id] = time.monotonic() - ran.rushed[batch_id]
        tell(f"{batch_id} has ended after {ran.rush_seconds[batch_id]:.0f} s")
    told = [f"while it ran: {finding}" for finding in wrong]
    ran.verdict.imbalances += [one for one in told if one not in ran.verdict.imbalances]


def _drain(line: ChaosLine, delivered: Sequence[Batch], ran: Ran) -> None:
    """Wait until everything has ended; what was tried often enough is released, as people do."""
    began = time.monotonic()
    for _ in range(RELEASES + 1):
        line.wait_until_all_parts_are_ready(DRAIN_SECONDS)
        until_ended(line, len(delivered), began)
        given_up = [
            row["quarantine_id"]
            for row in line.ask("quarantine", "list", "--state", "open", "--limit", "100000")
            if row["code"].startswith(GIVEN_UP)
        ]
        if not given_up:
            break
        words = ("--by", "p-1", "--reason", "the faults are over")
        line.ask("quarantine", "release", *given_up, *words)
        ran.released += len(given_up)
    ran.drained_seconds += time.monotonic() - began
    tell(f"drained in {ran.drained_seconds:.0f} s, {ran.released} released")


def _sample(workload: Workload, ran: Ran, compared: int) -> list[Batch]:
    """The batches that a line without faults processes too; versions only when it has them all."""
    return [
        batch
        for number, batch in enumerate(
            one for one in workload.delivered if compared == 1 or one.batch_id not in ran.versions
        )
        if number % compared == 0 or batch.batch_id in ran.rushed
    ]


def _keep_packages(home: Path, folder: Path) -> None:
    """Copy them to where somebody can compare them after the home is gone."""
    if (home / "packages").is_dir():
        shutil.copytree(home / "packages", folder, dirs_exist_ok=True)


def _merge(into: Verdict, found: Verdict) -> None:
    for kind in ("lost", "twice", "imbalances", "other"):
        getattr(into, kind).extend(getattr(found, kind))


def main() -> int:
    """Run, tell, and keep a line in the ledger when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=180.0, help="in which faults happen")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--gap", type=float, default=GAP_SECONDS, help="seconds between two faults")
    parser.add_argument("--ahead", type=int, default=AHEAD, help="pages on their way at most")
    parser.add_argument("--one-disk", action="store_true", help="also for the brokers")
    parser.add_argument("--record", action="store_true", help="append to docs/reliability.md")
    asked = parser.parse_args()
    shutil.rmtree(KEPT / f"seed-{asked.seed}", ignore_errors=True)
    ran = chaos(asked.seed, asked.seconds, asked.gap, asked.ahead, one_disk=asked.one_disk)
    entry = ran.entry()
    print(ledger.HEAD, entry.row(), *ran.missed, *ran.verdict.all(), sep="\n")
    if asked.record:
        ledger.append(entry)
    return 1 if ran.verdict.all() else 0


if __name__ == "__main__":
    sys.exit(main())

"""Cuts the power of a line at random moments of running batches, and looks at what comes back.

A few lines serve all cuts: each is brought up on what a cut left, and cut again. The moments are
drawn from the seed as numbers of events: steps done, files staged by a submission, or parts ready
during a start.

Run: python -m tests.faults.power_cut.run [--cuts 50] [--seed 1] [--record]
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bench.common import CHECKOUT, commit, machine, processes_of
from infra.files import write_atomic
from streams.supervisor.state import read_state
from tests.faults.chaos import ledger
from tests.faults.chaos.material import PLAIN, PROFILES, Batch
from tests.faults.chaos.verdict import Verdict, judge_packages
from tests.faults.checkers import judge, law_broken
from tests.faults.power_cut.images import FOLDER, Disk
from tests.faults.power_cut.powered_line import PoweredLine, StepsDone, disk_with_power
from tests.support import pages
from tests.support.running_line import wait_for

CUTS_OF_A_LINE = 10
ITEMS, PAGES = 2, 4
STEPS_OF_A_BATCH = 40
"""Fewer than a batch has, so that the moment comes while it runs."""
PARTS = 8
KINDS = ("work", "work", "work", "submission", "start")
MOMENT_SECONDS = 120.0
SETTLED_SECONDS = 240.0
KEPT = CHECKOUT / "var" / "power-cut"
"""Logs of lines that did not come back."""
HEAD = (
    "| date | commit | machine | seed | cuts | at | lines | pages | slowest start, s | came back"
    " | lost | twice | imbalances | minutes | result |"
)


@dataclass(frozen=True)
class Moment:
    """When the power is cut: after this many events of this kind."""

    kind: str
    events: int


@dataclass
class Survey:
    """What was cut, and what came of it."""

    seed: int
    cuts: Counter[str] = field(default_factory=Counter)
    lines: int = 0
    pages: int = 0
    replaced: int = 0
    """Items of which a batch delivered another version."""
    back: int = 0
    slowest_seconds: float = 0.0
    seconds: float = 0.0
    verdict: Verdict = field(default_factory=Verdict)

    def row(self) -> str:
        """As a line of the ledger."""
        found = self.verdict
        at = ", ".join(f"{kind} {count}" for kind, count in sorted(self.cuts.items()))
        at += f"; {self.replaced} items replaced"
        cuts = sum(self.cuts.values())
        cells = (
            *(datetime.now(UTC).date().isoformat(), commit(), machine(), self.seed, cuts, at),
            *(self.lines, self.pages, f"{self.slowest_seconds:.0f}", f"{self.back} of {cuts}"),
            *(len(found.lost), len(found.twice), len(found.imbalances)),
            f"{self.seconds / 60:.1f}",
            "; ".join(found.all()[:3]).replace("|", "/").replace("\n", " ") or "all came back",
        )
        return "| " + " | ".join(map(str, cells)) + " |"


def drawn(cuts: int, seed: int) -> list[Moment]:
    """The moments of a run; the same seed gives the same."""
    chance, most = random.Random(seed), {"work": STEPS_OF_A_BATCH, "start": PARTS}
    moments = []
    for number in range(cuts):
        # The first cut of a line is during work: an empty home has nothing to lose.
        kind = chance.choice(KINDS) if number % CUTS_OF_A_LINE else "work"
        moments.append(Moment(kind, chance.randrange(1, most.get(kind, ITEMS * PAGES))))
    return moments


class Cutting:
    """One line, its batches, and its cuts."""

    def __init__(self, folder: Path, survey: Survey, name: str) -> None:
        """A line in this folder that has no disk yet."""
        self.line = PoweredLine(folder)
        self._folder, self._survey, self._name = folder, survey, name
        self._batches: list[Batch] = []
        self._replaced: set[str] = set()
        self._unsure: Batch | None = None
        """Its submission was cut, so its station submits it again."""

    def run(
        self, moments: Sequence[Moment], damages: Mapping[int, Callable[[Path], None]] | None = None
    ) -> None:
        """Cut the power at each moment, then wait until everything is done, and judge it.

        `damages` by the number of a cut are done to the home after it."""
        began = time.time()
        for number, moment in enumerate(moments):
            with disk_with_power(self.line) as disk:
                if number == 0:
                    _write_profiles(self.line.home)
                elif damages and number in damages:
                    damages[number](self.line.home)
                if number == 0 or moment.kind != "start":
                    self._up(number)
                getattr(self, f"_cut_during_{moment.kind}")(disk, moment.events)
            self._survey.cuts[moment.kind] += 1
            _tell(f"{self._name}: cut {number + 1}, after {moment.events} of {moment.kind}")
        with disk_with_power(self.line):
            if damages and len(moments) in damages:
                damages[len(moments)](self.line.home)
            self._up(len(moments))
            self._judge(began)

    def _up(self, cuts: int) -> None:
        """Bring the line up, as one command does that nobody helps."""
        began = time.monotonic()
        self.line.ask("up")
        self._survey.slowest_seconds = max(self._survey.slowest_seconds, time.monotonic() - began)
        self._survey.back += 1 if cuts else 0
        broken = [f"after cut {cuts}: {finding}" for finding in law_broken(self.line)]
        self._survey.verdict.imbalances += broken
        if self._unsure is not None:
            self._submit(self._unsure)
            self._unsure = None

    def _cut_during_work(self, disk: Disk, events: int) -> None:
        done = StepsDone(self.line.home)
        self._submit(self._next_batch())
        _until(lambda: done.count() >= events, self.line, lambda: f"{done.count()} of {events}")
        self.line.cut(disk)

    def _cut_during_submission(self, disk: Disk, events: int) -> None:
        batch, before = self._next_batch(), _staged(self.line.home)
        sending = self.line.begin(*_submission(batch))
        _until(
            lambda: _staged(self.line.home) - before >= events or sending.poll() is not None,
            self.line,
            lambda: f"{_staged(self.line.home) - before} of {events} files staged",
        )
        self._unsure = batch
        self.line.cut(disk)

    def _cut_during_start(self, disk: Disk, events: int) -> None:
        starting = self.line.begin("up", "--json")

        def ready() -> int:
            try:
                states = [part["state"] for part in self.line.parts().values()]
            except (OSError, ValueError, KeyError):
                return 0  # of the start before the cut, or not written yet
            return states.count("ready") if self._is_new(starting.pid) else 0

        _until(lambda: ready() >= events, self.line, lambda: f"{ready()} of {events} parts ready")
        self.line.cut(disk)
        self._survey.back += 1

    def _is_new(self, command: int) -> bool:
        """Whether the state file is that of the supervisor that this command started."""
        return read_state(self.line.home).get("pid") in processes_of(command)

    def _next_batch(self) -> Batch:
        """A delivery on another disk, whose pages no other delivery has."""
        number = len(self._batches)
        batch_id = f"cut-{self._name}-{number:02d}"
        folder = self._folder / batch_id
        for item in range(ITEMS):
            first = 1000 * number + PAGES * item
            fields = self._replacing() if item == 0 else {}
            pages.write_item(folder / f"vol-{item}", PAGES, first=first, **fields)
        self._batches.append(batch := Batch(batch_id, folder, PLAIN, ITEMS * PAGES))
        self._survey.pages += batch.pages
        return batch

    def _replacing(self) -> dict[str, str]:
        """The fields of an item that replaces one of an earlier batch, if one is in its package."""
        earlier = [f"{one.batch_id}.vol-{ITEMS - 1}" for one in self._batches]
        for item_id in sorted(self.line.packaged(earlier) - self._replaced):
            self._replaced.add(item_id)
            self._survey.replaced += 1
            return {"item_id": item_id, "replaces": item_id}
        return {}

    def _submit(self, batch: Batch) -> None:
        self.line.ask(*_submission(batch))

    def _judge(self, began: float) -> None:
        line, ids = self.line, [batch.batch_id for batch in self._batches]

        def states() -> Counter[str]:
            rows = {row["batch_id"]: row["state"] for row in line.ask("status")["batches"]}
            return Counter(rows.get(batch_id, "unknown") for batch_id in ids)

        wait_for(
            lambda: states() == Counter(settled=len(ids)),
            SETTLED_SECONDS,
            lambda: f"{states()}\n{line.parts()}\n{line.logs()}",
        )
        for finding in judge(line, ids, began=began):
            self._survey.verdict.take(finding)
        packages = line.ask("packages", "list", "--limit", "100000")
        judge_packages(line.home, packages, self._batches, self._survey.verdict)
        records = line.ask("quarantine", "list", "--limit", "100000")
        self._survey.verdict.other += [f"in quarantine: {one['code']}" for one in records]


def survey(cuts: int, seed: int, cuts_of_a_line: int = CUTS_OF_A_LINE) -> Survey:
    """Cut the power this often; a line that does not come back ends its part of the run."""
    found, began, moments = Survey(seed), time.monotonic(), drawn(cuts, seed)
    for first in range(0, cuts, cuts_of_a_line):
        name = f"{seed}-{found.lines}"
        with tempfile.TemporaryDirectory(prefix="power-cut-", dir=FOLDER) as folder:
            found.lines += 1
            cutting = Cutting(Path(folder), found, name)
            try:
                cutting.run(moments[first : first + cuts_of_a_line])
            except Exception as failure:
                traceback.print_exc()
                shutil.copytree(cutting.line.folder / "log", KEPT / name, dirs_exist_ok=True)
                found.verdict.other.append(
                    f"line {name}: {type(failure).__name__}: {failure}"[:600]
                )
    found.seconds = time.monotonic() - began
    return found


def _submission(batch: Batch) -> tuple[str | Path, ...]:
    words = ("station", "submit", batch.folder, "--batch-id", batch.batch_id)
    return (*words, "--profile", batch.profile)


def _write_profiles(home: Path) -> None:
    (home / "profiles").mkdir(parents=True, exist_ok=True)
    for name, text in PROFILES.items():
        write_atomic(home / "profiles" / f"{name}.toml", text)


def _staged(home: Path) -> int:
    return sum(1 for _ in (home / "staging" / "sha256").glob("*/*"))


def _until(condition: Callable[[], bool], line: PoweredLine, state: Callable[[], str]) -> None:
    """Wait closely for a moment: it must not be over before the cut."""
    deadline = time.monotonic() + MOMENT_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"the moment did not come: {state()}\n{line.logs()}")
        time.sleep(0.01)


def _tell(text: str) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S} {text}", flush=True)


def main() -> int:
    """Run, print the result, and add its row to the ledger when asked; exit code 1 for a finding."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cuts", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--record", action="store_true", help="append to docs/reliability.md")
    asked = parser.parse_args()
    found = survey(asked.cuts, asked.seed)
    print(HEAD, found.row(), *found.verdict.all(), sep="\n")
    if asked.record:
        ledger.append_row(HEAD, found.row())
    return 1 if found.verdict.all() else 0


if __name__ == "__main__":
    sys.exit(main())

"""Restarts each role of a line in turn while pages run, as an upgrade does, and judges what came of it.

A role is told to end (SIGTERM); the supervisor starts the next one. The next role follows when some
more pages have been read, so that each of them is under load. Prints one JSON document."""

import argparse
import json
import os
import re
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psycopg

from tests.support import pages
from tests.support.invariants import Counts, counts
from tests.support.reader import FACTS_THAT_OWE, Raw, decoded, facts_of
from tests.support.running_line import Line, wait_for
from tests.support.whole_log import read_when_quiet

ROLES = ("router", "ingest", "worker", "tracker", "sealer", "projector", "watchdog")
PAGES_BETWEEN = 1
READ = "SELECT count(*) FROM line.page_branches WHERE step = 'recognize_page'"
EXIT_SECONDS = 30.0
PATIENCE_SECONDS = 120.0
ENDED = re.compile(r" (\w+) exited with (-?\d+)")
ONCE = ("PageAdmitted", "PageAcquired", "PageDerived", "PageRecognized", "PageDescribed")


@dataclass(frozen=True)
class Restart:
    """One role told to end."""

    role: str
    code: int
    seconds: float
    """From the signal until the process was gone."""
    back_seconds: float
    """From the signal until the next one took work."""
    pages_read: int
    """At the signal."""


@dataclass(frozen=True)
class Load:
    """What is handed over as a batch, each time that little is left."""

    items: int = 3
    pages: int = 8
    """Of each item."""

    @property
    def of_batch(self) -> int:
        """Pages of a batch."""
        return self.items * self.pages


@dataclass
class Course:
    """What came of all restarts."""

    restarts: list[Restart] = field(default_factory=list)
    pages: int = 0
    told_again: dict[str, int] = field(default_factory=dict)
    """By topic, messages that say what an earlier one had said: allowed, and seen by nobody."""
    faults: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def slowest(self) -> dict[str, float]:
        """The longest end of each role, in seconds."""
        longest: dict[str, float] = {}
        for one in self.restarts:
            longest[one.role] = max(longest.get(one.role, 0.0), one.seconds)
        return longest


def course(line: Line, folder: Path, rounds: int, load: Load) -> Course:
    """Hand over batches, restart every role so many times, wait for all pages, and judge."""
    started, went = time.monotonic(), Course()
    batches: list[str] = []
    for number in range(rounds):
        for role in ROLES:
            _keep_loaded(line, folder, load, batches)
            went.restarts.append(restart(line, role))
            wanted = went.restarts[-1].pages_read + PAGES_BETWEEN
            _until(line, lambda wanted=wanted: pages_read(line) >= wanted)  # type: ignore[misc]
        print(f"round {number + 1}: {went.slowest}", file=sys.stderr, flush=True)
    for batch in batches:
        line.wait_for_figures(batch, seconds=PATIENCE_SECONDS, state="settled")
    line.wait_until_all_parts_are_ready()
    went.pages = len(batches) * load.of_batch
    raws, report = read_when_quiet(line)
    went.faults = _faults(line, raws, load, batches, went) + report.faults()
    went.faults += [str(finding) for finding in report.findings]
    went.told_again = told_again(raws)
    went.seconds = round(time.monotonic() - started, 1)
    return went


def restart(line: Line, role: str) -> Restart:
    """Tell a role to end, and wait until its successor takes work."""
    part = line.parts()[role]
    pid, times = int(part["pid"]), part["restarts"]
    read, codes = pages_read(line), len(exit_codes(line, role))
    os.kill(pid, signal.SIGTERM)
    told = time.monotonic()
    _until(line, lambda: not Path(f"/proc/{pid}").exists())
    seconds = time.monotonic() - told

    def again() -> bool:
        part = line.parts()[role]
        return bool(part["restarts"] > times and part["state"] == "ready")

    _until(line, again)
    back = time.monotonic() - told
    return Restart(role, exit_codes(line, role)[codes], round(seconds, 2), round(back, 2), read)


def exit_codes(line: Line, role: str) -> list[int]:
    """How the processes of a role ended, as the supervisor saw it."""
    told = (line.home / "log" / "supervisor.log").read_text(errors="replace")
    return [int(code) for name, code in ENDED.findall(told) if name == role]


def pages_read(line: Line) -> int:
    """How many pages have their text, as the tracker knows."""
    with psycopg.connect(line.dsn()) as database:
        row = database.execute(READ).fetchone()
    return int(row[0]) if row else 0


def told_again(raws: Sequence[Raw]) -> dict[str, int]:
    """By topic, messages with the id of an earlier one."""
    ids = Counter((raw.topic, decoded(raw).event_id) for raw in raws if raw.topic in FACTS_THAT_OWE)
    again = Counter(topic for (topic, _), times in ids.items() for _ in range(times - 1))
    return dict(again)


def _keep_loaded(line: Line, folder: Path, load: Load, batches: list[str]) -> None:
    """Hand over another batch when fewer pages are left than half of one."""
    left = len(batches) * load.of_batch - pages_read(line)
    if left > load.of_batch // 2:
        return
    name = f"rolling-{len(batches) + 1}"
    for item in range(load.items):
        first = 1 + (len(batches) * load.items + item) * load.pages
        pages.write_item(folder / name / f"{name}-{item}", load.pages, first=first)
    line.ask("station", "submit", folder / name, "--batch-id", name)
    batches.append(name)


def _faults(
    line: Line, raws: Sequence[Raw], load: Load, batches: Sequence[str], went: Course
) -> list[str]:
    wrong = [f"{one.role} ended with {one.code}" for one in went.restarts if one.code]
    wrong += [
        f"{one.role} took {one.seconds} s to end"
        for one in went.restarts
        if one.seconds > EXIT_SECONDS
    ]
    number = load.of_batch
    for batch in batches:
        found = counts(raws, batch)
        if found != Counts(number, number, 0, 0, 0):
            wrong.append(f"{batch}: {found}")
    told = Counter(fact.record for fact in facts_of(raws).values())
    wrong += [f"{told[one]} x {one}, not {went.pages}" for one in ONCE if told[one] != went.pages]
    packages = load.items * len(batches)
    if told["PackagePublished"] != packages:
        wrong.append(f"{told['PackagePublished']} packages, not {packages}")
    held = line.ask("quarantine", "list")
    return wrong + [f"in quarantine: {row}" for row in held]


def _until(line: Line, condition: object) -> None:
    wait_for(
        condition,  # type: ignore[arg-type]
        PATIENCE_SECONDS,
        lambda: f"{line.parts()} {pages_read(line)} pages read\n{line.logs()}",
    )


def main() -> int:
    """Exit code 1 when anything was lost, repeated, slow or ended badly."""
    parser = argparse.ArgumentParser(prog="tests.faults.rolling", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rolling-") as name:
        line = Line(Path(name) / "home")
        try:
            line.up()
            went = course(line, Path(name) / "deliveries", asked.rounds, Load())
        finally:
            line.down()
    figures = asdict(went) | {"slowest": went.slowest, "count": len(went.restarts)}
    print(json.dumps(figures, indent=1))
    return 1 if went.faults else 0


if __name__ == "__main__":
    sys.exit(main())

"""Tampers with copies of one line in many ways, and checks that all of them are found.

Run: python -m tests.faults.tampering.run [--seed 1] [--only PATTERN] [--base DIR] [--record]
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from bench.common import commit, machine
from tests.faults.chaos import ledger
from tests.faults.tampering import in_the_database, in_the_files, in_the_store, on_the_topic
from tests.faults.tampering.judged import Verdict, judge, verify
from tests.faults.tampering.kinds import Tampering
from tests.faults.tampering.victim import Victim, a_copy, make_line

HEAD = (
    "| date | commit | machine | seed | events | tamperings | operations | by whom | found"
    " | exact index | roles judged | minutes | result |"
)
PRISTINE = "pristine"


def on_one_copy(
    base: Path, scratch: Path, seed: int, chosen: Sequence[Tampering]
) -> Iterator[Verdict]:
    """Tamperings whose place is restored afterwards, so that one pair of servers is enough."""
    victim = a_copy(base, scratch / "one", f"{seed}")
    with victim.servers():
        code, document = verify(victim.home, "--objects")
        assert code == 0, document
        _as_administrator(victim, f"ALTER DATABASE copystand RENAME TO {PRISTINE}")
        for tampering in chosen:
            victim.draw.seed(f"{seed} {tampering.name}")
            with _restored(victim, base, tampering):
                yield judge(tampering, tampering.apply(victim), victim.home)
    shutil.rmtree(victim.home)


@contextmanager
def _restored(victim: Victim, base: Path, tampering: Tampering) -> Iterator[None]:
    """The database as it was, and afterwards the files that the tampering is about."""
    assert victim.events
    _as_administrator(victim, f"CREATE DATABASE copystand TEMPLATE {PRISTINE}")
    yield
    _as_administrator(victim, "DROP DATABASE copystand WITH (FORCE)")
    places = {"objects": ("store",), "log": ("audit",), "index": ("audit",)}
    for place in places.get(tampering.part, ()):
        shutil.rmtree(victim.home / place)
        subprocess.run(["cp", "-a", base / place, victim.home / place], check=True)


def _as_administrator(victim: Victim, statement: str) -> None:
    with psycopg.connect(victim.dsn(database="postgres"), autocommit=True) as connection:
        connection.execute(statement.encode())


def on_copies_of_their_own(
    base: Path, scratch: Path, seed: int, chosen: Sequence[Tampering]
) -> Iterator[Verdict]:
    """Tamperings with the topic: each has a copy of the line."""
    for number, tampering in enumerate(chosen):
        victim = a_copy(base, scratch / f"copy{number}", f"{seed} {tampering.name}")
        assert victim.events
        if tampering.offline:
            expected = tampering.apply(victim)
        with victim.servers():
            if not tampering.offline:
                expected = tampering.apply(victim)
            yield judge(tampering, expected, victim.home)
        shutil.rmtree(victim.home)


Group = Callable[[Path, Path, int, Sequence[Tampering]], Iterator[Verdict]]
GROUPS: list[tuple[Group, list[Tampering]]] = [
    (
        on_one_copy,
        [*in_the_database.TAMPERINGS, *in_the_files.TAMPERINGS, *in_the_store.TAMPERINGS],
    ),
    (on_copies_of_their_own, on_the_topic.TAMPERINGS),
]


def survey(base: Path, scratch: Path, seed: int, only: str) -> list[Verdict]:
    """All verdicts, printed as they come."""
    verdicts = []
    for group, tamperings in GROUPS:
        chosen = [one for one in tamperings if re.search(only, f"{one.by}: {one.part}: {one.name}")]
        for verdict in group(base, scratch, seed, chosen) if chosen else ():
            print(verdict, flush=True)
            verdicts.append(verdict)
    return verdicts


def main() -> int:
    """Run, print the result, and add its row to docs/reliability.md when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="Only those that match.")
    parser.add_argument("--base", type=Path, help="A line that was made by an earlier run.")
    parser.add_argument("--record", action="store_true", help="append to docs/reliability.md")
    asked = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tampering-") as folder:
        scratch = Path(folder)
        scratch.chmod(0o755)
        base = asked.base or scratch / "base" / "home"
        if not base.exists():
            make_line(base)
        verdicts = survey(base, scratch, asked.seed, asked.only)
    wrong = [one for one in verdicts if not one.right]
    row = _row(verdicts, asked.seed, time.monotonic() - began)
    print(HEAD, row, *wrong, sep="\n")
    if asked.record:
        ledger.append_row(HEAD, row)
    return 1 if wrong else 0


def _row(verdicts: list[Verdict], seed: int, seconds: float) -> str:
    tamperings = [one.tampering for one in verdicts]
    wrong = [str(one) for one in verdicts if not one.right]
    cells = (
        *(datetime.now(UTC).date().isoformat(), commit(), machine(), seed, 0, len(verdicts)),
        *(len({one.operation for one in tamperings}), len({one.by for one in tamperings})),
        *(sum(one.detected for one in verdicts), sum(one.exact for one in verdicts)),
        *(sum(bool(one.roles) for one in verdicts), f"{seconds / 60:.1f}"),
        "; ".join(wrong[:2]).replace("|", "/") or "all found with the exact index",
    )
    return "| " + " | ".join(map(str, cells)) + " |"


if __name__ == "__main__":
    sys.exit(main())

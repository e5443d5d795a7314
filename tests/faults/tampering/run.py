"""Tampers with copies of one line in many ways, and checks that all of them are found.

Run: python -m tests.faults.tampering.run [--seed 1] [--only PATTERN] [--base DIR] [--record]
"""

import argparse
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from bench.common import commit, machine
from streams.transparency_log.export import newest_checkpoint
from tests.faults.chaos import ledger
from tests.faults.tampering import in_the_database, in_the_files, in_the_store, on_the_topic
from tests.faults.tampering.judged import Verdict, judge, verify
from tests.faults.tampering.kinds import Tampering
from tests.faults.tampering.reaction import react
from tests.faults.tampering.victim import Victim, a_copy, make_line
from tests.faults.tampering.with_the_key import Witnessed, witnessed

HEAD = (
    "| date | commit | machine | seed | events | tamperings | operations | by whom | found"
    " | exact index | roles judged | rewritten with the key, found by the witness"
    " | minutes | result |"
)
BY_THE_PROGRAM = 10
"""One in this many, where one copy is enough; the others by the command in this process."""
PRISTINE = "pristine"
KEY = "who has the sealer's key"


def on_one_copy(
    base: Path, scratch: Path, seed: int, chosen: Sequence[Tampering]
) -> Iterator[Verdict]:
    """Tamperings whose place is restored afterwards, so that one pair of servers is enough."""
    victim = a_copy(base, scratch / "one", f"{seed}")
    with victim.servers():
        code, document = verify(victim.home, "--objects")
        assert code == 0, document
        _as_administrator(victim, f"ALTER DATABASE copystand RENAME TO {PRISTINE}")
        for number, tampering in enumerate(chosen):
            victim.draw.seed(f"{seed} {tampering.name}")
            with _restored(victim, base, tampering):
                expected = tampering.apply(victim)
                by_program = number % BY_THE_PROGRAM == 0
                yield judge(tampering, expected, victim.home, program=by_program)
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
            yield _with_reaction(judge(tampering, expected, victim.home, program=True), victim)
        shutil.rmtree(victim.home)


def _with_reaction(verdict: Verdict, victim: Victim) -> Verdict:
    try:
        reaction = react(victim)
    except AssertionError as never:
        return replace(verdict, roles=f"not settled: {never}"[:300], roles_right=False)
    return replace(verdict, roles=str(reaction), roles_right=reaction.right)


WITH_ROLES = {
    *("a row is deleted", "a row is added behind the end", "the end is cut"),
    *("the position is lowered", "the position is raised", "rows and position are rolled back"),
    *("a text is rewritten and the position removed", "the partition is dropped"),
    *("an entry is edited", "the last bundle is cut", "an entry and its hash are edited"),
    *("the newest checkpoint is edited", "the newest checkpoint is removed"),
    *("the newest checkpoint is an older one", "all checkpoints are removed"),
    *("the public key is another one", "the public keys are removed", "the log is removed"),
    *("the log is that of an earlier day", "the journal is edited", "the journal is removed"),
    *("the index has another digest", "the index has a time in the future"),
    *("the index is rolled back", "the index is removed", "the index is no database"),
}
OTHERS = [
    one for one in [*in_the_database.TAMPERINGS, *in_the_files.TAMPERINGS] if one.name in WITH_ROLES
]
"""Those after which sealer and projector are started, too."""
Group = Callable[[Path, Path, int, Sequence[Tampering]], Iterator[Verdict]]
GROUPS: list[tuple[Group, list[Tampering]]] = [
    (
        on_one_copy,
        [*in_the_database.TAMPERINGS, *in_the_files.TAMPERINGS, *in_the_store.TAMPERINGS],
    ),
    (
        on_copies_of_their_own,
        [
            *on_the_topic.TAMPERINGS,
            *(replace(one, name=f"{one.name}; the roles start") for one in OTHERS),
        ],
    ),
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


def survey_witness(base: Path, scratch: Path, seed: int) -> list[Witnessed]:
    """What a witness says to logs that were rewritten with the key of the sealer."""
    found = []
    for one in witnessed(base, Victim(base, random.Random(seed)).events, scratch, seed):
        print(one, flush=True)
        found.append(one)
    return found


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
        rewritten = survey_witness(base, scratch, asked.seed) if re.search(asked.only, KEY) else []
        verdicts = survey(base, scratch, asked.seed, asked.only)
        events = newest_checkpoint(base / "audit" / "log").size
    wrong = [str(one) for one in (*verdicts, *rewritten) if not one.right]
    cells = (*_cells(verdicts, rewritten), f"{(time.monotonic() - began) / 60:.1f}")
    started = (datetime.now(UTC).date().isoformat(), commit(), machine(), asked.seed, events)
    result = "; ".join(wrong[:2]).replace("|", "/") or "all found with the exact index"
    row = "| " + " | ".join(map(str, (*started, *cells, result))) + " |"
    print(HEAD, row, *wrong, sep="\n")
    if asked.record:
        ledger.append_row(HEAD, row)
    return 1 if wrong else 0


def _cells(verdicts: list[Verdict], rewritten: list[Witnessed]) -> tuple[object, ...]:
    tamperings = [one.tampering for one in verdicts]
    return (
        len(verdicts),
        len({one.operation for one in tamperings}),
        len({one.by for one in tamperings}),
        sum(one.detected for one in verdicts),
        sum(one.exact for one in verdicts),
        sum(bool(one.roles) for one in verdicts),
        f"{sum(one.right for one in rewritten)} of {len(rewritten)}",
    )


if __name__ == "__main__":
    sys.exit(main())

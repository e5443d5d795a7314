"""Tampers with copies of one line in many ways, and checks that all of them are found.

Run: python -m tests.faults.tampering.run [--seed 1] [--only PATTERN] [--folder DIR] [--minutes N]
     [--record]

With a folder, the line and what was judged stay there, and another run continues. After the given
minutes no other tampering is begun. The exit code is 2 if some were not judged.
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
from confluent_kafka import KafkaException

from bench.common import commit, machine
from streams.transparency_log.export import newest_checkpoint
from tests.faults.chaos import ledger
from tests.faults.tampering import in_the_database, in_the_files, in_the_store, on_the_topic
from tests.faults.tampering.judged import Verdict, judge, verify
from tests.faults.tampering.kept import Judged
from tests.faults.tampering.kinds import Tampering
from tests.faults.tampering.reaction import react
from tests.faults.tampering.victim import Victim, a_copy, make_line
from tests.faults.tampering.with_the_key import witnessed

HEAD = (
    "| date | commit | machine | seed | events | tamperings | operations | by whom | found"
    " | exact index | roles judged | rewritten with the key, found by the witness"
    " | minutes | result |"
)
BY_THE_PROGRAM = 10
"""One in this many, where one copy is enough; the others by the command in this process."""
NOT_JUDGED = (
    *(AssertionError, RuntimeError, subprocess.TimeoutExpired),
    *(KafkaException, psycopg.Error),
)
"""What a slow machine causes, such as a server that is not ready in time."""
PRISTINE, ROLES = "pristine", "; the roles start"
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
        _as_administrator(victim, f"CREATE DATABASE copystand TEMPLATE {PRISTINE}")
        for number, tampering in enumerate(chosen):
            victim.draw.seed(f"{seed} {tampering.name}")
            with _restored(victim, base, tampering):
                expected = tampering.apply(victim)
                by_program = number % BY_THE_PROGRAM == 0
                yield judge(tampering, expected, victim.home, program=by_program)
    shutil.rmtree(victim.home)


@contextmanager
def _restored(victim: Victim, base: Path, tampering: Tampering) -> Iterator[None]:
    """Restores afterwards what the tampering is about."""
    assert victim.events
    yield
    if tampering.part == "projection":
        _as_administrator(victim, "DROP DATABASE copystand WITH (FORCE)")
        _as_administrator(victim, f"CREATE DATABASE copystand TEMPLATE {PRISTINE}")
    places = {"objects": in_the_store.AREAS, "log": ("audit",), "index": ("audit",)}
    for place in places.get(tampering.part, ()):
        shutil.rmtree(victim.home / place)
        subprocess.run(["cp", "-a", base / place, victim.home / place], check=True)
    if tampering.part == "topic":
        on_the_topic.restore(victim)


def _as_administrator(victim: Victim, statement: str) -> None:
    with psycopg.connect(victim.dsn(database="postgres"), autocommit=True) as connection:
        connection.execute(statement.encode())


def on_copies_of_their_own(
    base: Path, scratch: Path, seed: int, chosen: Sequence[Tampering]
) -> Iterator[Verdict]:
    """Each tampering has a copy of the line, in which roles are started afterwards, too."""
    for number, tampering in enumerate(chosen):
        victim = a_copy(base, scratch / f"copy{number}", f"{seed} {tampering.name}")
        assert victim.events
        try:
            yield _on_a_copy(victim, tampering)
        except NOT_JUDGED as failed:
            # Such as a server that does not start in time: another run tries it again.
            print(f"not judged: {tampering.name}: {failed!r}"[:500], flush=True)
        shutil.rmtree(victim.home)


def _on_a_copy(victim: Victim, tampering: Tampering) -> Verdict:
    expected = tampering.apply(victim) if tampering.offline else -1
    with victim.servers():
        if not tampering.offline:
            expected = tampering.apply(victim)
        judges_roles = tampering.name.endswith(ROLES)
        verdict = judge(tampering, expected, victim.home, program=not judges_roles)
        return _with_reaction(verdict, victim) if judges_roles else verdict


def _with_reaction(verdict: Verdict, victim: Victim) -> Verdict:
    try:
        reaction = react(victim)
    except AssertionError as never:
        return replace(verdict, roles=f"not settled: {never}"[:300], roles_right=False)
    return replace(verdict, roles=str(reaction), roles_right=reaction.right)


WITH_ROLES = {
    *("a row is deleted", "a row is added behind the end", "the position is lowered"),
    *("a text is rewritten and the position removed", "the newest checkpoint is edited"),
    *("the public key is another one", "the log is removed", "the log is that of an earlier day"),
    *("the journal is edited", "the index has another digest", "the index is rolled back"),
    *("the index has a time in the future", "the index is no database"),
    "an event is forged and the sealer's offset moved",
    *("an event is forged with the next seq", "an event is forged with a later seq"),
    *("an event is forged with a taken seq", "a record is replayed", "a tombstone is written"),
    *("a tombstone removes a record", "the first records are deleted", "a value is rewritten"),
    *("the topic is replaced by an empty one", "the end of the segment is cut"),
}
"""After these, sealer and projector are started."""
TAMPERINGS = [
    *(*in_the_database.TAMPERINGS, *in_the_files.TAMPERINGS, *in_the_store.TAMPERINGS),
    *on_the_topic.TAMPERINGS,
]
WITNESS = Tampering("the log is rewritten and signed", "fork", KEY, "witness", lambda _: 0)
Group = Callable[[Path, Path, int, Sequence[Tampering]], Iterator[Verdict]]
GROUPS: list[tuple[Group, list[Tampering]]] = [
    (
        on_copies_of_their_own,
        [replace(one, name=one.name + ROLES) for one in TAMPERINGS if one.name in WITH_ROLES],
    ),
    (on_one_copy, [one for one in TAMPERINGS if not one.offline]),
    (on_copies_of_their_own, [one for one in TAMPERINGS if one.offline]),
]
ALL = [*(one for _, tamperings in GROUPS for one in tamperings), WITNESS]


def survey(base: Path, scratch: Path, seed: int, judged: Judged, only: str, end: float) -> None:
    """Judge all tamperings that were not judged yet, as many as begin before the end."""
    for group, tamperings in GROUPS:
        chosen = [
            one
            for one in tamperings
            if re.search(only, f"{one.by}: {one.part}: {one.name}") and not judged.has(one)
        ]
        for verdict in group(base, scratch, seed, chosen) if chosen else ():
            judged.add(
                verdict.tampering,
                str(verdict),
                right=verdict.right,
                detected=verdict.detected,
                exact=verdict.exact,
                roles=bool(verdict.roles),
            )
            if time.monotonic() > end:
                return
    if re.search(only, WITNESS.by) and not judged.has(WITNESS):
        found = list(witnessed(base, Victim(base, random.Random(seed)).events, scratch, seed))
        right = sum(one.right for one in found)
        judged.add(WITNESS, *map(str, found), right=right == len(found), count=len(found))


def main() -> int:
    """Run, print the result, and add its row to docs/reliability.md when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="Only those that match.")
    parser.add_argument("--folder", type=Path, help="Default: a temporary one.")
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--record", action="store_true", help="append to docs/reliability.md")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tampering-") as temporary:
        folder = asked.folder or Path(temporary)
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)  # for the user of PostgreSQL
        base, judged = folder / "base", Judged(folder / f"judged-{asked.seed}.jsonl")
        if not base.exists():
            make_line(base)
        end = time.monotonic() + 60 * asked.minutes
        survey(base, Path(temporary), asked.seed, judged, asked.only, end)
        events = newest_checkpoint(base / "audit" / "log").size
    started = (datetime.now(UTC).date().isoformat(), commit(), machine(), asked.seed, events)
    row = "| " + " | ".join(map(str, (*started, *judged.cells()))) + " |"
    print(HEAD, row, *judged.wrong(), sep="\n")
    left = [one.name for one in ALL if not judged.has(one)]
    print(f"{len(left)} of {len(ALL)} are not judged")
    if asked.record:
        ledger.append_row(HEAD, row)
    return 1 if judged.wrong() else 2 if left and not asked.only else 0


if __name__ == "__main__":
    sys.exit(main())

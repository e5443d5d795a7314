"""Tampers with exported logs in thousands of random ways, and checks that each is found exactly.

Each thousand mutations has a log of its own: its size, checkpoints and contents are drawn from the
seed. Most are checked by the verifier in this process, one in a hundred by its program.

Run: python -m tests.faults.log_mutations [--count 10000] [--seed 1] [--record]
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from bench.common import commit, machine
from streams.transparency_log import verifier
from tests.faults.chaos import ledger
from tests.support.log_mutations import MUTATIONS
from tests.support.mutation_bench import Bench, Judged
from tests.support.transparency_logs import FIRST_KEY, a_sealed_log, in_this_process

ON_A_LOG = 1000
BY_THE_PROGRAM = 100
"""One in this many."""
SIZES = (300, 1500)
STOCK_PYTHON = Path(sys.base_prefix) / "bin" / "python3"
KEY = str(FIRST_KEY.verifier)
HEAD = (
    "| date | commit | machine | seed | mutations | kinds | logs | entries | by the program"
    " | not found, or with another index | minutes | result |"
)


def survey(count: int, seed: int) -> tuple[list[Judged], int, int]:
    """The mutations that were not found exactly, the number of logs, and that of their entries."""
    missed: list[Judged] = []
    logs = entries = 0
    verifier.openssl = in_this_process
    for first in range(0, count, ON_A_LOG):
        with tempfile.TemporaryDirectory(prefix="mutations-", dir="/dev/shm") as scratch:
            size = random.Random(f"{seed}-{first}").randint(*SIZES)
            log = a_sealed_log(Path(scratch) / "log", size, seed * count + first)
            missed += _on_a_log(log.export(Path(scratch) / "export"), first, count, seed)
            logs, entries = logs + 1, entries + size
        print(f"{first + ON_A_LOG} mutations, {len(missed)} missed", flush=True)
    return missed, logs, entries


def _on_a_log(export: Path, first: int, count: int, seed: int) -> list[Judged]:
    bench, missed = Bench(export), []

    def inside(kept: list[Path]) -> verifier.Result:
        return verifier.check_log(export, [KEY], kept, in_this_process)

    def program(kept: list[Path]) -> verifier.Result:
        command = [STOCK_PYTHON, "-I", "-S", export / "verify.py", "--json", "--key", KEY]
        trusted = [word for path in kept for word in ("--trusted", path)]
        done = subprocess.run([*command, *trusted], capture_output=True, check=False)
        return verifier.Result(**json.loads(done.stdout))

    assert inside([]).ok
    for number in range(first, min(first + ON_A_LOG, count)):
        check = inside if (number + number // BY_THE_PROGRAM) % BY_THE_PROGRAM else program
        if found := bench.judge(number, seed, check):
            missed.append(found)
    assert inside([]).ok
    return missed


def main() -> int:
    """Run, print the result, and add its row to docs/reliability.md when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--record", action="store_true", help="append to docs/reliability.md")
    asked = parser.parse_args()
    began = time.monotonic()
    missed, logs, entries = survey(asked.count, asked.seed)
    minutes = f"{(time.monotonic() - began) / 60:.1f}"
    today = datetime.now(UTC).date().isoformat()
    cells = (
        *(today, commit(), machine(), asked.seed, asked.count, len(MUTATIONS), logs, entries),
        *(-(-asked.count // BY_THE_PROGRAM), len(missed), minutes),
        "; ".join(map(str, missed[:2])).replace("|", "/") or "all found with the exact index",
    )
    row = "| " + " | ".join(map(str, cells)) + " |"
    print(HEAD, row, *missed, sep="\n")
    if asked.record:
        ledger.append_row(HEAD, row)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

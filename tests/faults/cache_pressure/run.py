"""Two workers read 5 GB of masters in a bucket through a cache of 1 GB, and are killed meanwhile.

Run: python -m tests.faults.cache_pressure.run [--limit-mb 1000] [--total-mb 5000] [--kills 20]
[--seed 1] [--record]
"""

import argparse
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from bench.common import commit, machine
from tests.faults.cache_pressure.survey import Found, Pressure, disk_in_memory, survey
from tests.faults.chaos import ledger
from tests.support.s3_store import running_s3

MEGABYTE = 1_000_000
OBJECT_BYTES = 8 * MEGABYTE
DAMAGES = 10
HEAD = (
    "| date | commit | machine | seed | cache, MB | masters, MB | reads | kill -9 | most bytes, MB"
    " | measured | hit rate | evictions | unfinished files removed | copies damaged, found"
    " | wrong bytes read | minutes | result |"
)


def _row(asked: Pressure, found: Found, seconds: float) -> str:
    today, figures = datetime.now(UTC).date().isoformat(), found.figures
    total = asked.objects * asked.object_bytes
    cells = (
        *(today, commit(), machine(), asked.seed, f"{asked.limit_bytes / MEGABYTE:.0f}"),
        *(f"{total / MEGABYTE:.0f}", found.right + found.wrong, found.kills),
        *(f"{found.most_bytes / MEGABYTE:.1f}", f"{found.samples} times"),
        *(f"{figures.hit_rate:.1%}", figures.evictions, figures.left_over),
        *(f"{found.damages}, {figures.damaged}", found.wrong, f"{seconds / 60:.1f}"),
        "; ".join(found.faults).replace("|", "/") or "never above the limit",
    )
    return "| " + " | ".join(map(str, cells)) + " |"


def main() -> int:
    """Run, print the result, and add its row to docs/reliability.md when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit-mb", type=int, default=1000)
    parser.add_argument("--total-mb", type=int, default=5000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--record", action="store_true", help="append to docs/reliability.md")
    given = parser.parse_args()
    asked = Pressure(
        limit_bytes=given.limit_mb * MEGABYTE,
        objects=given.total_mb * MEGABYTE // OBJECT_BYTES,
        object_bytes=OBJECT_BYTES,
        kills=given.kills,
        damages=DAMAGES,
        seed=given.seed,
        seconds=3600,
    )
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="cache-") as scratch,
        running_s3(Path(scratch) / "s3") as server,
        disk_in_memory(Path(scratch) / "disk", 2 * asked.limit_bytes) as disk,
    ):
        found = survey(Path(scratch), disk, server, asked)
    row = _row(asked, found, time.monotonic() - began)
    print(f"{found}\n{row}")
    if given.record:
        ledger.append_row(HEAD, row)
    return 1 if found.faults else 0


if __name__ == "__main__":
    sys.exit(main())

"""Seconds for the pages of a batch while models look at other pages beside it, and while their
role ends again and again, as a share of those while the role is stopped. Each round has all modes,
in another order.

Run: python -m bench.models_beside [--pages 24] [--rounds 4] [--backlog 60] [--record]
"""

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from bench.common import CHECKOUT, commit, copystand, line_up, machine, tell
from streams.demo.collection import make_pages
from tests.support import small_analyzers

COLUMNS = (
    "| date | commit | machine | pages | rounds | models stopped, s | at work, of stopped"
    " | crashing, of stopped |"
)
MODES = ("stopped", "on", "crashing")
PAUSE_SECONDS = 1.0
"""Before a role that has ended is started again, as the supervisor does at first."""


@contextmanager
def role(home: Path, installed: Path, mode: str) -> Iterator[None]:
    """The role enrichment in this mode, restarted when it ends."""
    if mode == "stopped":
        yield
        return
    version = "1" if mode == "on" else small_analyzers.ENDS_ITS_PROCESS
    starter = subprocess.Popen(
        [sys.executable, "-c", RESTARTING, str(PAUSE_SECONDS)],
        env={
            **os.environ,
            "COPYSTAND_HOME": str(home),
            "PYTHONPATH": f"{installed}:{CHECKOUT}",
            small_analyzers.VERSION: version,
            small_analyzers.BUSY_SECONDS: "0.6",
        },
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        starter.send_signal(signal.SIGTERM)
        starter.wait(60)


RESTARTING = """
import signal, subprocess, sys, time
roles, stopped = [], []
def stop(*_):
    stopped.append(True)
    for role in roles:
        role.terminate()
signal.signal(signal.SIGTERM, stop)
while not stopped:
    roles = [subprocess.Popen([sys.executable, "-m", "streams.cli", "run", "enrichment"])]
    if stopped:
        stop()
    roles[0].wait()
    time.sleep(0 if stopped else float(sys.argv[1]))
"""


def seconds_for(home: Path, folder: Path, batch: str) -> float:
    """Seconds from the submission of a folder to the settlement of its batch."""
    began = time.monotonic()
    copystand(
        home,
        "station",
        "submit",
        str(folder),
        *("--batch-id", batch, "--wait", "--timeout", "3600"),
    )
    return time.monotonic() - began


def measured(asked: argparse.Namespace, scratch: Path) -> list[dict[str, float]]:
    """The seconds of each mode, for each round."""
    home, installed = scratch / "home", small_analyzers.install(scratch / "analyzers")
    rounds = []
    with line_up(home):
        backlog = make_pages(scratch / "backlog", asked.backlog, 99).folder
        copystand(home, "station", "submit", str(backlog), *("--batch-id", "backlog", "--wait"))
        for number in range(asked.rounds):
            found = {}
            for place in range(len(MODES)):
                mode = MODES[(place + number) % len(MODES)]
                name = f"r{number}-{mode}"
                folder = make_pages(scratch / name, asked.pages, number).folder
                with role(home, installed, mode):
                    found[mode] = seconds_for(home, folder, name)
            print(f"round {number + 1}: {found}", flush=True)
            rounds.append(found)
        print(copystand(home, "review", "backlog"))
    return rounds


def main() -> None:
    """Measure, print one table, and keep its line when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument(
        "--backlog", type=int, default=60, help="pages that wait from the beginning"
    )
    parser.add_argument("--record", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="copystand-enrichment-") as scratch:
        rounds = measured(asked, Path(scratch))
    shares = (statistics.median(one[mode] / one["stopped"] for one in rounds) for mode in MODES[1:])
    stopped = statistics.median(one["stopped"] for one in rounds)
    cells = (datetime.now(UTC).date().isoformat(), commit(), machine(), asked.pages, asked.rounds)
    row = (*cells, f"{stopped:.1f}", *(f"{share:.3f}" for share in shares))
    tell(COLUMNS, "| " + " | ".join(map(str, row)) + " |", asked.record)


if __name__ == "__main__":
    main()

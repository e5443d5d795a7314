"""Pages per minute of the line, text alone, against GNU parallel running tesseract on its pages.

Run: python -m bench.line [--pages 80] [--from FOLDER [--truth FOLDER]] [--runs 5] [--language eng]
[--record]
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.accuracy import rate_of_line, rate_of_parallel, truths
from bench.common import (
    RESULTS,
    TEXT_ONLY,
    TIMEOUT_SECONDS,
    commit,
    copystand,
    line_up,
    machine,
    paired_runs,
    tell,
)

NICENESS = 10
OUTPUTS = ("alto", "hocr", "txt", "pdf", "tsv")
COLUMNS = (
    "| date | commit | machine | pages | line, pages/min | parallel, pages/min | ratio |"
    " line, CER | parallel, CER |"
)


@dataclass(frozen=True)
class Pair:
    """Seconds that both took for the same pages."""

    pages: int
    line_seconds: float
    parallel_seconds: float

    @property
    def ratio(self) -> float:
        """How many times as fast as parallel the line was."""
        return self.parallel_seconds / self.line_seconds


def arguments() -> argparse.Namespace:
    """What was asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=80)
    parser.add_argument("--from", dest="source", type=Path, help="a folder of images of your own")
    parser.add_argument("--truth", type=Path, help="texts or ALTO of these images")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--language", default="eng")
    parser.add_argument("--record", action="store_true", help=f"append to {RESULTS.name}")
    return parser.parse_args()


def seconds_of_line(home: Path, folder: Path, batch_id: str, language: str) -> float:
    """From the submission of a folder to its settlement, packages included."""
    started = time.monotonic()
    words = ("--batch-id", batch_id, "--language", language, "--profile", "text-only")
    words += ("--wait", "--json")
    answer = json.loads(copystand(home, "station", "submit", str(folder), *words))
    seconds = time.monotonic() - started
    if answer["state"] != "settled" or answer["quarantined"]:
        sys.exit(f"the batch did not pass: {answer}")
    return seconds


def seconds_of_parallel(pages: list[Path], out: Path, language: str, jobs: int) -> float:
    """Bare tesseract on each page, one process a page, as many at once as there are cores.

    It has the niceness of the line's children: other work on the machine slows both alike."""
    out.mkdir()
    model = {"ger": "deu", "fre": "fra"}.get(language, language)
    # --will-cite: it would ask on a terminal. {/.} is the name without folder and suffix.
    command = [
        "nice",
        "-n",
        str(NICENESS),
        "parallel",
        "--will-cite",
        f"-j{jobs}",
        "tesseract",
        "{}",
        f"{out}/{{/.}}",
    ]
    command += ["-l", model, *OUTPUTS, ":::", *map(str, pages)]
    started = time.monotonic()
    subprocess.run(
        command,
        env=os.environ | {"OMP_THREAD_LIMIT": "1"},
        stderr=subprocess.DEVNULL,
        timeout=TIMEOUT_SECONDS,
        check=True,
    )
    seconds = time.monotonic() - started
    if len(list(out.glob("*.pdf"))) != len(pages):
        sys.exit("parallel did not read every page")
    return seconds


Rates = tuple[float | None, float | None]
"""Error rates of the line and of parallel."""


def measure(asked: argparse.Namespace, scratch: Path) -> tuple[list[Pair], Rates]:
    """Paired runs of the line and of GNU parallel, and the error rates of the last one."""
    home, jobs = scratch / "home", len(os.sched_getaffinity(0))
    last: list[Path] = []

    def line(run: int, folder: Path, _: list[Path]) -> float:
        return seconds_of_line(home, folder, f"bench-{run}", asked.language)

    def parallel(run: int, _: Path, pages: list[Path]) -> float:
        last[:] = pages
        return seconds_of_parallel(pages, scratch / f"out{run}", asked.language, jobs)

    with line_up(home, text_only=TEXT_ONLY):
        pairs = [Pair(*needed) for needed in paired_runs(asked, scratch, line, parallel)]
        expected, run = truths(last, asked.truth), asked.runs - 1
        if expected is None:
            return pairs, (None, None)
        return pairs, (
            rate_of_line(home, f"bench-{run}", expected),
            rate_of_parallel(scratch / f"out{run}", expected),
        )


def row(pairs: list[Pair], rates: Rates) -> str:
    """The result as one line of the table: medians, and the median of the ratios."""
    line, parallel = (
        statistics.median(60 * pair.pages / seconds(pair) for pair in pairs)
        for seconds in (lambda pair: pair.line_seconds, lambda pair: pair.parallel_seconds)
    )
    ratio = statistics.median(pair.ratio for pair in pairs)
    date = datetime.now(UTC).date().isoformat()
    pages = f"{len(pairs)} × {pairs[0].pages}"
    errors = " | ".join("" if rate is None else f"{rate:.4f}" for rate in rates)
    figures = f"{line:.1f} | {parallel:.1f} | {ratio:.2f} | {errors}"
    return f"| {date} | {commit()} | {machine()} | {pages} | {figures} |"


def main() -> None:
    """Measure, print one table, and keep its line when asked."""
    asked = arguments()
    if not shutil.which("parallel"):
        sys.exit("GNU parallel is missing; apt-get install parallel")
    with tempfile.TemporaryDirectory(prefix="copystand-bench-") as scratch:
        result = row(*measure(asked, Path(scratch)))
    tell(COLUMNS, result, asked.record)


if __name__ == "__main__":
    main()

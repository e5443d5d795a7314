"""Processor seconds of the whole line with every branch, against the bare tools on the same pages.

Run: python -m bench.full [--pages 20] [--from FOLDER] [--runs 5] [--language eng] [--record]

Line: all that its processes use from submission to settlement, broker and database included.
Bare: libvips (pyramid, access image, thumbnail of each page, one process for all), tesseract with
five outputs, exiftool (one process for all) and sha256sum.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.common import (
    RESULTS,
    TIMEOUT_SECONDS,
    commit,
    copystand,
    line_up,
    machine,
    paired_runs,
    processor_seconds,
    tell,
)
from bench.line import OUTPUTS

COLUMNS = "| date | commit | machine | pages | line, CPU s/page | bare, CPU s/page | ratio |"
BARE_VIPS = """
import sys, pyvips
out = sys.argv[1]
for number, path in enumerate(sys.argv[2:]):
    image = pyvips.Image.new_from_file(path, access="sequential")
    image.tiffsave(f"{out}/{number}.tif", tile=True, pyramid=True, compression="jpeg", Q=85)
    for name, side in (("a", 2000), ("t", 300)):
        small = pyvips.Image.thumbnail(path, side, height=side, size="down", export_profile="srgb")
        small.jpegsave(f"{out}/{number}{name}.jpg", Q=85)
"""


@dataclass(frozen=True)
class Pair:
    """Processor seconds that both used for the same pages."""

    pages: int
    line_seconds: float
    bare_seconds: float

    @property
    def ratio(self) -> float:
        """How many times as much as the bare tools the line used."""
        return self.line_seconds / self.bare_seconds


def line_seconds(home: Path, folder: Path, batch_id: str, language: str) -> float:
    """What the line and the station used for a folder."""
    supervisor = json.loads((home / "run" / "supervisor.json").read_text())["pid"]
    before, own = processor_seconds(supervisor), _of_children()
    words = ("--batch-id", batch_id, "--language", language, "--wait", "--json")
    answer = json.loads(copystand(home, "station", "submit", str(folder), *words))
    if answer["state"] != "settled" or answer["quarantined"]:
        sys.exit(f"the batch did not pass: {answer}")
    return processor_seconds(supervisor) - before + _of_children() - own


def bare_seconds(pages: list[Path], out: Path, language: str) -> float:
    """What the bare tools use for the same pages."""
    out.mkdir()
    model = {"ger": "deu", "fre": "fra"}.get(language, language)
    names = [str(page) for page in pages]
    commands = [
        [sys.executable, "-c", BARE_VIPS, str(out), *names],
        ["exiftool", "-G1", "-n", "-struct", "-j", *names],
        ["sha256sum", *names],
        *(
            ["tesseract", name, f"{out}/{at}", "-l", model, *OUTPUTS]
            for at, name in enumerate(names)
        ),
    ]
    one = {"OMP_THREAD_LIMIT": "1", "VIPS_CONCURRENCY": "1"}
    before = _of_children()
    for command in commands:
        subprocess.run(
            command,
            env=os.environ | one,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=TIMEOUT_SECONDS,
            check=True,
        )
    return _of_children() - before


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(asked: argparse.Namespace, scratch: Path) -> list[Pair]:
    """Paired runs of the line and of the bare tools."""
    home = scratch / "home"

    def line(run: int, folder: Path, _: list[Path]) -> float:
        return line_seconds(home, folder, f"bench-{run}", asked.language)

    def bare(run: int, _: Path, pages: list[Path]) -> float:
        return bare_seconds(pages, scratch / f"out{run}", asked.language)

    with line_up(home):
        return [Pair(*needed) for needed in paired_runs(asked, scratch, line, bare)]


def row(pairs: list[Pair]) -> str:
    """The result as one line of the table: medians, and the median of the ratios."""
    line = statistics.median(pair.line_seconds / pair.pages for pair in pairs)
    bare = statistics.median(pair.bare_seconds / pair.pages for pair in pairs)
    ratio = statistics.median(pair.ratio for pair in pairs)
    date = datetime.now(UTC).date().isoformat()
    figures = f"{line:.2f} | {bare:.2f} | {ratio:.2f}"
    return f"| {date} | {commit()} | {machine()} | {len(pairs)} × {pairs[0].pages} | {figures} |"


def main() -> None:
    """Measure, print one table, and keep its line when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=20)
    parser.add_argument("--from", dest="source", type=Path, help="a folder of images of your own")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--language", default="eng")
    parser.add_argument("--record", action="store_true", help=f"append to {RESULTS.name}")
    asked = parser.parse_args()
    if not shutil.which("exiftool"):
        sys.exit("exiftool is missing; run: make install")
    with tempfile.TemporaryDirectory(prefix="copystand-bench-") as scratch:
        result = row(measure(asked, Path(scratch)))
    tell(COLUMNS, result, asked.record)


if __name__ == "__main__":
    main()

"""Judges sound images of many writers, and holes in them, as `acquire_page` does.

Run: python -m tests.images.run [--sound 300] [--holes 300] [--seed 1] [--record]
"""

import argparse
import itertools
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy

from bench.common import commit, machine
from processors.acquire_page import acquire_page
from processors.imaging.header_readers import read_header
from processors.outcome import Done, Outcome, Rejected
from processors.tools import Tools
from tests.faults.chaos import ledger
from tests.images.holes import FILLS, with_hole
from tests.images.writers import MAGICK, Kind, available, kinds, run
from tests.support.imaging_builders import an_admitted_page, memory_tools

FAMILIES = {".tif": "tiff", ".jpg": "jpeg", ".png": "png"}
HEAD = (
    "| date | commit | machine | seed | writers | classes | intact images | refused | holes"
    " | accepted silently | seconds | result |"
)


@dataclass
class Figures:
    """What was judged, and what was wrong."""

    seed: int
    writers: set[str] = field(default_factory=set)
    classes: set[str] = field(default_factory=set)
    sound: int = 0
    holes: int = 0
    refused: list[str] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def row(self) -> str:
        """As a line of docs/reliability.md."""
        wrong = "; ".join([*self.refused, *self.silent][:3]).replace("|", "/")
        cells = (
            *(datetime.now(UTC).date().isoformat(), commit(), machine(), self.seed),
            *(len(self.writers), len(self.classes), self.sound, len(self.refused), self.holes),
            *(len(self.silent), f"{self.seconds:.0f}", wrong or "every image as it should be"),
        )
        return "| " + " | ".join(map(str, cells)) + " |"


def judged(content: bytes, name: str, tools: Tools) -> Outcome:
    """The outcome of a master in the profile `as-delivered`."""
    return acquire_page(an_admitted_page(tools, content, name=name), tools)


def others_read(path: Path) -> bool:
    """Whether ImageMagick reads an image completely, and libtiff a TIFF."""
    if MAGICK is None:
        return True
    commands: list[tuple[object, ...]] = [(MAGICK, f"{path}[0]", "null:")]
    if path.suffix == ".tif":
        commands.append(("tiffcp", "-c", "none", f"{path},0", path.with_suffix(".copy")))
    try:
        for command in commands:
            run(*command)
    except subprocess.CalledProcessError:
        return False
    finally:
        path.with_suffix(".copy").unlink(missing_ok=True)
    return True


def judge(sound: int, holes: int, seed: int, some: Sequence[Kind]) -> Figures:
    """Write images of these kinds in turn, and judge them and holes in them."""
    began, figures = time.monotonic(), Figures(seed)
    draw = numpy.random.default_rng(seed)
    with tempfile.TemporaryDirectory(prefix="images-") as folder:
        for kind in itertools.cycle(some):
            if figures.sound == sound:
                break
            path = Path(folder) / f"image{kind.suffix}"
            kind.write(draw, path)
            tools = memory_tools(Path(folder) / "tools")
            _judge_sound(path, kind, tools, figures)
            _plant(path, kind, tools, figures, draw, -(-holes * figures.sound // sound))
        while figures.holes < holes:
            kind = some[int(draw.integers(len(some)))]
            path = Path(folder) / f"more{kind.suffix}"
            kind.write(draw, path)
            _plant(path, kind, memory_tools(Path(folder) / "tools"), figures, draw, holes)
    figures.seconds = time.monotonic() - began
    return figures


def _judge_sound(path: Path, kind: Kind, tools: Tools, figures: Figures) -> None:
    if not others_read(path):
        return
    figures.sound += 1
    figures.writers.add(kind.writer)
    figures.classes.add(kind.name)
    outcome = judged(path.read_bytes(), path.name, tools)
    if not isinstance(outcome, Done):
        found = f"{outcome.code}: {outcome.found}" if isinstance(outcome, Rejected) else outcome
        figures.refused.append(f"{kind.writer}, {kind.name}: {found}")


def _plant(
    path: Path, kind: Kind, tools: Tools, figures: Figures, draw: numpy.random.Generator, upto: int
) -> None:
    """Plant up to one hole of each fill, as long as fewer than `upto` were planted."""
    if read_header(path, FAMILIES[path.suffix]).compression == "none":
        return
    for fill in FILLS:
        planted = with_hole(path, draw, fill) if figures.holes < upto else None
        if planted is None:
            continue
        figures.holes += 1
        content, hole = planted
        if isinstance(judged(content, path.name, tools), Done):
            figures.silent.append(f"{kind.writer}, {kind.name}: {hole}")


def main() -> int:
    """Judge, print the figures, and record them when asked; exit code 1 for a wrong judgement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sound", type=int, default=300)
    parser.add_argument("--holes", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--record", action="store_true", help="append to docs/reliability.md")
    asked = parser.parse_args()
    missing = sorted({kind.writer for kind in kinds() if not available(kind)})
    if missing:
        print(f"not installed: {', '.join(missing)}", file=sys.stderr)
        return 3
    figures = judge(asked.sound, asked.holes, asked.seed, list(kinds()))
    print(HEAD, figures.row(), *figures.refused, *figures.silent, sep="\n")
    if asked.record:
        ledger.append_row(HEAD, figures.row())
    return 1 if figures.refused or figures.silent else 0


if __name__ == "__main__":
    sys.exit(main())

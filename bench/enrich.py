"""Processor time and memory of all analyzers, one page after another in one process.

Run: python -m bench.enrich [--pages 1000] [--record]

The analyzers are those that are installed (`copystand.analyzers`). Pages of 2 megapixels with text,
a figure or nothing are looked at in turn. Goals: at most 0.6 s of processor time a page, at most
400 MB of resident memory, and memory that does not grow after the first fifth of the run.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import entry_points

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from bench.common import RESULTS, commit, machine, resident_bytes
from processors.enrich.analyzer import Analyzer, PageView, Word

SIZE = (1240, 1754)
SECONDS = 0.6
MEGABYTES = 400
MOST_MB_PER_100 = 1.0
WARM_UP = 0.2
SENTENCE = "In the year of grace the travellers came to the gate of the old town and rested there."
HEADING = "## Analyzers: `python -m bench.enrich`"


@dataclass(frozen=True)
class Result:
    """What a run took."""

    pages: int
    each: dict[str, float]
    """Processor seconds a page, by analyzer."""
    peak_mb: float
    slope: float
    """MB per 100 pages, by least squares."""

    @property
    def missed(self) -> str:
        """The goals that were not reached."""
        names = {
            "processor time": sum(self.each.values()) > SECONDS,
            "memory": self.peak_mb > MEGABYTES,
            "slope": self.slope > MOST_MB_PER_100,
        }
        return ", ".join(name for name, late in names.items() if late)


def main() -> None:
    """Run, print, and end with exit code 1 if a goal was missed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pages", type=int, default=1000)
    parser.add_argument("--record", action="store_true")
    chosen = parser.parse_args()
    points = sorted(entry_points(group="copystand.analyzers"), key=lambda one: one.name)
    found = [point.load()() for point in points]
    result = measured([one for item in found for one in _flat(item)], chosen.pages)
    row = (
        f"| {datetime.now(UTC):%Y-%m-%d} | {commit()} | {machine()} | {os.getloadavg()[0]:.1f} "
        f"| {result.pages} "
        f"| {', '.join(f'{name} {took:.3f}' for name, took in result.each.items())} "
        f"| {sum(result.each.values()):.3f} | {result.peak_mb:.0f} | {result.slope:.2f} "
        f"| {'missed: ' + result.missed if result.missed else 'reached'} |"
    )
    sys.stdout.write(row + "\n")
    if chosen.record:
        _record(row)
    sys.exit(1 if result.missed else 0)


def measured(analyzers: Sequence[Analyzer], pages: int) -> Result:
    """Every analyzer on each page, as one child of the worker's pool does it."""
    seconds = dict.fromkeys((one.id for one in analyzers), 0.0)
    resident: list[float] = []
    for number in range(pages):
        page = made_page(number)
        for analyzer in analyzers:
            start = time.process_time()
            analyzer.analyze(page)
            seconds[analyzer.id] += time.process_time() - start
        resident.append(resident_bytes(os.getpid()) / 1e6)
    steady = resident[int(WARM_UP * pages) :]
    slope = 100 * float(np.polyfit(range(len(steady)), steady, 1)[0]) if len(steady) > 2 else 0.0
    each = {name: took / pages for name, took in seconds.items()}
    return Result(pages, each, max(resident), slope)


def made_page(number: int) -> PageView:
    """Text, text with a picture, or an empty leaf; each number is another page."""
    random = np.random.default_rng(number)
    grain = random.normal(225, 3, (SIZE[1], SIZE[0], 1)) * np.array([1, 0.97, 0.9])
    image = Image.fromarray(grain.clip(0, 255).astype(np.uint8))
    lines = 0 if number % 10 == 9 else 40 - 10 * (number % 3)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(22)
    for line in range(lines):
        start = int(random.integers(0, 30))
        draw.text((140, 150 + 36 * line), (2 * SENTENCE)[start : start + 85], (45, 36, 30), font)
    if number % 3 and lines:
        picture = random.integers(0, 255, (20, 40, 3)).astype(np.uint8)
        image.paste(Image.fromarray(picture).resize((800, 260)), (200, 1400))
    text = "\n".join([SENTENCE] * lines)
    words = [Word(word, (0, 0, 10, 10), 0.9) for word in text.split()]
    return PageView("p-1", np.asarray(image), *SIZE, 150.0, words, text, ("eng",), (), ())


def _flat(made: Analyzer | Sequence[Analyzer]) -> Sequence[Analyzer]:
    return made if isinstance(made, list | tuple) else (made,)  # type: ignore[return-value]


def _record(row: str) -> None:
    before, heading, rest = RESULTS.read_text("utf-8").partition(HEADING)
    section, next_heading, after = rest.partition("\n## ")
    RESULTS.write_text(
        f"{before}{heading}{section.rstrip()}\n{row}\n{next_heading}{after}", "utf-8"
    )


if __name__ == "__main__":
    main()

"""How often clipped and skewed are printed for real pages, and for faults that were made of them.

    python -m bench.page_faults [--pages 40] [--sample FILE]

Reads the collections of ../shared/corpora; every page of them counts as good. A fault counts if it
is one: half of the paper, or three quarters of the core of the ink, lost its tones, or the lines of
the page are three degrees off."""

import argparse
import csv
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from streams.clients.capture.page_measures import (
    ink_of,
    measure_page,
    overview_factor,
    paper_and_core,
)
from streams.clients.capture.page_warnings import EarlierPages, MeasuredPage, page_warnings

CORPORA = Path(__file__).parents[1].parent / "shared" / "corpora"
COLLECTIONS = ("scripts", "figures", "gallicorpora-18e", "kant-1784")
IMAGES = (".jpg", ".jpeg", ".tif")
GOOD, LIGHT, DARK, SKEWED = "good", "light", "dark", "skewed"
CODES = {LIGHT: "capture.page-clipped", DARK: "capture.page-clipped", SKEWED: "capture.page-skewed"}
GAINS, SHIFTS, TURNS = (1.17, 1.37), (-60, -80), (3, -3, 5, -5)
"""Half a stop and a stop of light; levels; degrees."""
LOST_PAPER, LOST_INK, OFF_DEGREES = 0.5, 0.75, 3.0
WIDEST_DEGREES = 6.3
"""Larger angles are outside what is measured."""


@dataclass(frozen=True)
class Row:
    """What was measured of one page, as it is or with a fault."""

    collection: str
    page: str
    fault: str
    ink: float
    highlights: float | None
    shadows: float | None
    chroma: float | None
    skew_degrees: float | None
    upright_degrees: float | None

    def codes(self) -> set[str]:
        """The codes that a station prints for these values."""
        others = {"sharpness": None, "cut_text": 0.0, "hash": "0" * 64, "width": 1, "height": 1}
        page = MeasuredPage({**asdict(self), **others})
        return {one.code for one in page_warnings(page, "0001", "page", EarlierPages())}


def pages(each: int | None) -> list[tuple[str, Path]]:
    """Real pages of each collection: all, or this many at most."""
    draw, found = random.Random(1), []
    for name in COLLECTIONS:
        paths = sorted(one for one in (CORPORA / name).rglob("*") if one.suffix in IMAGES)
        chosen = draw.sample(paths, min(each or len(paths), len(paths)))
        found += [(name, one) for one in sorted(chosen)]
    return found


def rows_of(page: tuple[str, Path]) -> list[Row]:
    """A page as it is, and its faults."""
    name, path = page
    with Image.open(path) as opened:
        whole = opened.convert("RGB")
    image = whole.reduce(overview_factor(whole))
    named = (name, path.relative_to(CORPORA / name).as_posix())
    good = _row(image, *named, GOOD)
    faults = (*_exposed(image), *_turned(image, good.skew_degrees or 0.0))
    return [good, *(_row(changed, *named, fault) for fault, changed in faults)]


def _row(image: Image.Image, collection: str, page: str, fault: str) -> Row:
    found = measure_page(np.asarray(image), 8, None, cmyk=False).document()
    kept = {name: found[name] for name in Row.__dataclass_fields__ if name in found}
    return Row(collection, page, fault, **kept)


def _exposed(image: Image.Image) -> Iterator[tuple[str, Image.Image]]:
    grey = np.asarray(image.convert("L"))
    masks = paper_and_core(grey, ink_of(grey))
    if masks is None:
        return
    levels = np.asarray(image, dtype=np.float32)
    paper, core = masks
    for fault, gain, shift in (
        *((LIGHT, one, 0) for one in GAINS),
        *((DARK, 1, s) for s in SHIFTS),
    ):
        changed = np.clip(np.rint(levels * gain + shift), 0, 255).astype(np.uint8)
        lost = (
            (changed[paper] == 255).any(axis=1).mean() > LOST_PAPER
            if fault == LIGHT
            else (changed[core] == 0).all(axis=1).mean() > LOST_INK
        )
        if lost:
            yield fault, Image.fromarray(changed)


def _turned(image: Image.Image, own: float) -> Iterator[tuple[str, Image.Image]]:
    paper = tuple(int(one) for one in np.percentile(np.asarray(image), 70, axis=(0, 1)))
    for degrees in TURNS:
        if OFF_DEGREES <= abs(own + degrees) <= WIDEST_DEGREES:
            turned = image.rotate(-degrees, Image.Resampling.BICUBIC, fillcolor=paper)
            yield SKEWED, turned


@dataclass
class Rates:
    """How often a code was printed, by collection."""

    good: Counter[tuple[str, str]]
    """By collection and code."""
    found: Counter[tuple[str, str]]
    """By collection and fault; only of pages that have no such warning as they are."""
    made: Counter[tuple[str, str]]
    pages: Counter[str]

    @classmethod
    def of(cls, rows: list[Row]) -> "Rates":
        """The rates in some rows."""
        as_they_are = {(one.collection, one.page): one.codes() for one in rows if one.fault == GOOD}
        rates = cls(Counter(), Counter(), Counter(), Counter(name for name, _ in as_they_are))
        rates.good.update(
            (name, code) for (name, _), found in as_they_are.items() for code in found
        )
        for one in rows:
            code = CODES.get(one.fault)
            if code is None or code in as_they_are[one.collection, one.page]:
                continue
            rates.made[one.collection, one.fault] += 1
            rates.found[one.collection, one.fault] += code in one.codes()
        return rates

    def table(self) -> Iterator[str]:
        """Lines for docs."""
        yield "| pages | clipped, as they are | skewed, as they are | light | dark | skewed |"
        yield "|---|---|---|---|---|---|"
        for name, count in self.pages.items():
            good = (self.good[name, CODES[fault]] for fault in (LIGHT, SKEWED))
            made = ((self.found[name, one], self.made[name, one]) for one in CODES)
            cells = [f"{one / count:.1%} ({one})" for one in good]
            cells += [f"{a / b:.1%} of {b}" if b else "none" for a, b in made]
            yield f"| {name} ({count}) | {' | '.join(cells)} |"


def written(rows: list[Row], path: Path) -> None:
    """Write rows as a table."""
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, list(Row.__dataclass_fields__), lineterminator="\n")
        table.writeheader()
        table.writerows(asdict(one) for one in rows)


def read(path: Path) -> list[Row]:
    """The rows of such a table."""
    with path.open(newline="") as file:
        return [_read(one) for one in csv.DictReader(file)]


def _read(fields: dict[str, str]) -> Row:
    texts = ("collection", "page", "fault")
    values: dict[str, Any] = {
        name: value if name in texts else float(value) if value else None
        for name, value in fields.items()
    }
    return Row(**values)


def main() -> None:
    """Print the rates, and write what was measured."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--pages", type=int, help="pages of each collection at most")
    options.add_argument("--sample", type=Path)
    given = options.parse_args()
    with Pool(2) as pool:
        rows = [row for found in pool.map(rows_of, pages(given.pages), 4) for row in found]
    print("\n".join(Rates.of(rows).table()))
    if given.sample:
        written(rows, given.sample)


if __name__ == "__main__":
    main()

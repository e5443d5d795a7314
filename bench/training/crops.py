"""Boxes of pages that a person labelled by eye, and how boxes that a model finds get a label."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.training.corpus import Box, LabelledPage
from processors.enrich.figure_analyzer import NONE, NOTATION
from processors.enrich.figure_boxes import FigureBox

TABLE = Path(__file__).with_name("crops.tsv")
SAME = 0.5
"""Two boxes that share this part of what they cover together are the same."""
LOWEST_INITIAL = 0.045
"""Part of the page's height: lower letters, of a line or two, are neither taught nor judged."""
WITHOUT_FIGURES = ("cursive-hand", "typewritten")
"""Styles of which pages without marked figures have no painted initials either."""


@dataclass(frozen=True)
class Example:
    """A box of a page, its label, and what a model found in it."""

    page: LabelledPage
    detected: bool
    """Found by the forest of cells; otherwise only in the table of labels."""
    box: FigureBox
    label: str | None
    """None if nobody looked at the box."""
    measures: NDArray[np.float64]
    shares: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    fold: int = -1


def labelled_crops() -> dict[str, list[tuple[Box, str | None]]]:
    """The boxes of the table and their labels, by page."""
    found: dict[str, list[tuple[Box, str | None]]] = {}
    with TABLE.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            left, top, right, bottom = (float(row[k]) for k in ("left", "top", "right", "bottom"))
            label: str | None = row["label"] if row["label"] in NOTATION else NONE
            if label == "initial" and bottom - top < LOWEST_INITIAL:
                label = None
            found.setdefault(row["file"], []).append(((left, top, right, bottom), label))
    return found


def examples_of(
    page: LabelledPage,
    boxes: Sequence[FigureBox],
    crops: Sequence[tuple[Box, str | None]],
    shape: tuple[int, ...],
) -> Iterator[tuple[FigureBox, str | None, bool]]:
    """The boxes that a model found with their labels, then those of the table that it did not."""
    height, width = shape
    taken = set()
    for box in boxes:
        relative = (
            box.left / width,
            box.top / height,
            (box.left + box.width) / width,
            (box.top + box.height) / height,
        )
        shared = [_shared(relative, crop) for crop, _ in crops]
        best = int(np.argmax(shared)) if shared else -1
        if best >= 0 and shared[best] >= SAME:
            taken.add(best)
            yield box, crops[best][1], True
        else:
            yield box, _by_truth(page, relative), True
    for at, ((left, top, right, bottom), label) in enumerate(crops):
        box = FigureBox(
            int(left * width),
            int(top * height),
            max(int((right - left) * width), 16),
            max(int((bottom - top) * height), 16),
            0.6,
        )
        if at not in taken:
            yield box, label, False


def _by_truth(page: LabelledPage, box: Box) -> str | None:
    if any(_shared(box, truth) >= SAME for truth in page.boxes):
        return "illustration" if page.style == "blackletter" else "ornament"
    return NONE if page.style in WITHOUT_FIGURES and not page.boxes else None


def _shared(one: Box, other: Box) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    both = max(width, 0) * max(height, 0)
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return both / (areas - both)

"""Finds a few lines of text on a page, which cost little to read."""

from dataclasses import dataclass
from pathlib import Path

import numpy
import pyvips
from numpy.typing import NDArray

WIDTH_PX = 900
"""The page is searched in a copy of this width."""
WINDOW = 0.5
"""Share of the width in which lines are searched: skewed lines overlap in a wider one."""
STEP = 24
"""An edge is a difference of this many grey levels between neighbours."""
LINE_SHARE = 0.25
"""A row belongs to a line from this share of the edges of the densest rows."""
MIN_LINE_PX, MAX_LINE_PX = 5, 60
"""Height of a line in the copy."""
EDGES_WANTED = 4200
"""Edges of the sample, which is about a hundred letters; more are not read."""
MARGIN_PX = 4


@dataclass(frozen=True)
class Box:
    """A part of the page in its pixels."""

    left: int
    top: int
    width: int
    height: int


def sample_of(image: Path) -> Box | None:
    """The densest lines of text; None if the page has no lines."""
    page = pyvips.Image.new_from_file(str(image))
    scale = min(1.0, WIDTH_PX / page.width)
    small = page.resize(scale, vscale=scale, kernel="linear") if scale < 1 else page
    grey = small.numpy().reshape(small.height, small.width).astype(numpy.int16)
    edges = numpy.abs(numpy.diff(grey, axis=1)) > STEP
    left, right = _window(edges)
    rows = edges[:, left:right].sum(axis=1)
    lines = _best(_lines(rows), rows)
    if not lines:
        return None
    top, bottom = max(0, lines[0][0] - MARGIN_PX), min(len(rows), lines[-1][1] + MARGIN_PX)
    return _in_page(page, scale, (left, top, right, bottom))


def _window(edges: NDArray[numpy.bool_]) -> tuple[int, int]:
    """Left and right of the part with the most edges."""
    columns = numpy.concatenate(([0], numpy.cumsum(edges.sum(axis=0))))
    width = max(1, int(edges.shape[1] * WINDOW))
    left = int(numpy.argmax(columns[width:] - columns[:-width]))
    return left, left + width


def _lines(rows: NDArray[numpy.int64]) -> list[tuple[int, int]]:
    """First and last row of each run of rows with many edges, if it has the height of a line."""
    dense = float(numpy.percentile(rows, 95))
    if dense < 4:
        return []
    marked = numpy.concatenate(([False], rows > dense * LINE_SHARE, [False])).astype(numpy.int8)
    changes = numpy.flatnonzero(numpy.diff(marked))
    runs = zip(changes[::2].tolist(), changes[1::2].tolist(), strict=True)
    return [(top, bottom) for top, bottom in runs if MIN_LINE_PX <= bottom - top <= MAX_LINE_PX]


def _best(lines: list[tuple[int, int]], rows: NDArray[numpy.int64]) -> list[tuple[int, int]]:
    """The consecutive lines with enough edges that are closest to each other."""
    counts = [int(rows[top:bottom].sum()) for top, bottom in lines]
    best: list[tuple[int, int]] = []
    highest = 0.0
    for first in range(len(lines)):
        total, last = 0, first
        while last < len(lines) and total < EDGES_WANTED:
            total += counts[last]
            last += 1
        chosen = lines[first:last]
        density = min(total, EDGES_WANTED) / (chosen[-1][1] - chosen[0][0])
        if density > highest and (total >= EDGES_WANTED or not best):
            best, highest = chosen, density
    return best


def _in_page(page: pyvips.Image, scale: float, box: tuple[int, int, int, int]) -> Box:
    left, top, right, bottom = (round(side / scale) for side in box)
    right, bottom = min(right, page.width), min(bottom, page.height)
    return Box(left, top, right - left, bottom - top)

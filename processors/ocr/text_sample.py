"""Finds a few lines of text on a page, which cost little to read."""

from dataclasses import dataclass
from itertools import pairwise

import numpy
import pyvips
from numpy.typing import NDArray

WIDTH_PX = 900
"""The page is searched in a copy of this width."""
WINDOW = 0.5
"""Share of the width in which lines are searched: skewed lines overlap in a wider one."""
EDGE = 24
"""An edge is a difference of this many grey levels between neighbours."""
LINE_SHARE = 0.25
"""A row belongs to a line from this share of the edges of the densest rows."""
MIN_EDGES = 4
"""Fewer edges even in the densest rows are dust."""
MIN_LINE_PX, MAX_LINE_PX = 5, 60
"""Height of a line in the copy."""
SIMILAR = (0.5, 1.8)
"""A line of text has from half to nearly twice the usual height; headings and ornaments differ."""
EDGES_WANTED = 4200
"""Edges of one sample, which is some sixty letters."""
MARGIN_PX = 4
Lines = list[tuple[int, int]]
"""First and last row of each line."""


@dataclass(frozen=True)
class Box:
    """A part of the page in its pixels."""

    left: int
    top: int
    width: int
    height: int


def samples_of(page: pyvips.Image, at_most: int) -> list[Box]:
    """Parts with a few lines of text, the densest first; empty if the page has no lines."""
    scale = min(1.0, WIDTH_PX / page.width)
    small = page.resize(scale, kernel="linear") if scale < 1 else page
    grey = small.numpy().reshape(small.height, small.width).astype(numpy.int16)
    edges = numpy.abs(numpy.diff(grey, axis=1)) > EDGE
    left, right = _window(edges)
    rows = edges[:, left:right].sum(axis=1)
    boxes = []
    for top, bottom in _densest(_usual(_lines(rows)), rows, at_most):
        above, below = max(0, top - MARGIN_PX), min(len(rows), bottom + MARGIN_PX)
        boxes.append(_in_page(page, scale, (left, above, right, below)))
    return boxes


def _window(edges: NDArray[numpy.bool_]) -> tuple[int, int]:
    """Left and right of the part with the most edges."""
    columns = numpy.concatenate(([0], numpy.cumsum(edges.sum(axis=0))))
    width = max(1, int(edges.shape[1] * WINDOW))
    left = int(numpy.argmax(columns[width:] - columns[:-width]))
    return left, left + width


def _lines(rows: NDArray[numpy.int64]) -> Lines:
    """Each run of rows with many edges that has the height of a line."""
    dense = float(numpy.percentile(rows, 95))
    if dense < MIN_EDGES:
        return []
    marked = numpy.concatenate(([False], rows > dense * LINE_SHARE, [False])).astype(numpy.int8)
    changes = numpy.flatnonzero(numpy.diff(marked)).tolist()
    runs = list(pairwise(changes))[::2]
    return [(top, bottom) for top, bottom in runs if MIN_LINE_PX <= bottom - top <= MAX_LINE_PX]


def _usual(lines: Lines) -> Lines:
    """The lines of about the usual height."""
    heights = sorted(bottom - top for top, bottom in lines)
    usual = heights[len(heights) // 2] if heights else 0
    low, high = (factor * usual for factor in SIMILAR)
    return [(top, bottom) for top, bottom in lines if low <= bottom - top <= high]


def _densest(lines: Lines, rows: NDArray[numpy.int64], at_most: int) -> Lines:
    """Disjoint groups of consecutive lines with enough edges, the densest first."""
    counts = [int(rows[top:bottom].sum()) for top, bottom in lines]
    groups = []
    for first in range(len(lines)):
        total, last = 0, first
        while last < len(lines) and total < EDGES_WANTED:
            total += counts[last]
            last += 1
        top, bottom = lines[first][0], lines[last - 1][1]
        # A group at the end of a page may be too small; it counts by what it has.
        groups.append((min(total, EDGES_WANTED), total / (bottom - top), top, bottom))
    chosen: Lines = []
    for _, _, top, bottom in sorted(groups, reverse=True):
        if len(chosen) < at_most and all(bottom <= one or top >= other for one, other in chosen):
            chosen.append((top, bottom))
    return chosen


def _in_page(page: pyvips.Image, scale: float, box: tuple[int, int, int, int]) -> Box:
    left, top, right, bottom = (round(side / scale) for side in box)
    right, bottom = min(right, page.width), min(bottom, page.height)
    return Box(left, top, right - left, bottom - top)

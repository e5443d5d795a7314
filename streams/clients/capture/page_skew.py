"""Measures how a page lies in its image: the angle of its lines, and that of its upright edges."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Places = NDArray[np.float32]
LEAST_POINTS, MOST_POINTS = 200, 30_000
WIDEST_DEGREES = 7.0
STEPS_DEGREES = ((WIDEST_DEGREES, 0.5), (0.5, 0.1), (0.1, 0.02))
"""Half width and step of each pass; a later one is around the best angle of the pass before."""
OF_PRINT, OF_WRITING = 2, 4
"""Rows that are compared with as many next rows. Lines of a hand are less even than print."""
RATHER_WRITING = 1.25
"""How much more distinct the wider rows have to be."""
LEAST_PROMINENCE, LEAST_UPRIGHT = 2.5, 2.0
"""How much more distinct the rows are at the best angle than at others, if there are rows."""
EDGE_PX, EDGE_LEVELS = 4, 40
"""An edge is a difference of this many levels over this distance."""


def skew_of(ink: Mask) -> float | None:
    """The angle at which the rows of ink are most distinct, or None without rows; positive: they
    fall to the right."""
    places = _places(ink)
    if places is None:
        return None
    fine, wide = (_best_of(*places, rows) for rows in (OF_PRINT, OF_WRITING))
    better, rows = fine, OF_PRINT
    if wide[1] > fine[1] * RATHER_WRITING:
        better, rows = wide, OF_WRITING
    return _refined(*places, rows, better, LEAST_PROMINENCE)


def upright_of(grey: Grey) -> float | None:
    """The angle of upright edges: those of the leaf, of columns, frames and rules; None without.

    A leaf that lies at an angle turns them as much as its lines; a hand that rises does not."""
    levels = grey.astype(np.int16)
    edges: Mask = np.abs(levels[:, EDGE_PX:] - levels[:, :-EDGE_PX]) > EDGE_LEVELS
    places = _places(edges.T)
    if places is None:
        return None
    angle = _refined(*places, 1, _best_of(*places, 1), LEAST_UPRIGHT)
    return None if angle is None else -angle


def _places(marks: Mask) -> tuple[Places, Places] | None:
    """Rows and columns of some of the marks; None if there are too few."""
    rows, columns = np.nonzero(marks)
    if len(rows) < LEAST_POINTS:
        return None
    step = -(-len(rows) // MOST_POINTS)
    ys, xs = rows[::step].astype(np.float32), columns[::step].astype(np.float32)
    return ys, xs - np.float32(marks.shape[1] / 2)


def _best_of(ys: Places, xs: Places, rows: int) -> tuple[float, float]:
    """The best angle of the first pass, and how prominent it is."""
    half, by = STEPS_DEGREES[0]
    angles = np.arange(-half, half + by / 2, by)
    found = [_distinctness(ys, xs, angle, rows) for angle in angles]
    usual = float(np.median(found))
    best = int(np.argmax(found))
    return float(angles[best]), found[best] / usual if usual else 0.0


def _refined(
    ys: Places, xs: Places, rows: int, first: tuple[float, float], least: float
) -> float | None:
    best, prominence = first
    if prominence < least:
        return None
    for half, by in STEPS_DEGREES[1:]:
        angles = best + np.arange(-half, half + by / 2, by)
        best = _most_distinct(ys, xs, list(angles), rows)
    # At the end of the range, the true angle may be outside it.
    return None if abs(best) > WIDEST_DEGREES - 0.5 else round(best, 2)


def _most_distinct(ys: Places, xs: Places, angles: Sequence[float], rows: int) -> float:
    found = [_distinctness(ys, xs, angle, rows) for angle in angles]
    return float(angles[int(np.argmax(found))])


def _distinctness(ys: Places, xs: Places, degrees: float, rows: int) -> float:
    """How much the number of marks changes from some rows to the next ones."""
    at = ys - xs * np.float32(math.tan(math.radians(degrees)))
    counts = np.bincount((at - at.min()).astype(np.int32))
    sums = np.concatenate(([0], np.cumsum(counts)))
    several = sums[rows:] - sums[:-rows]
    return float(np.square((several[rows:] - several[:-rows]).astype(np.float64)).sum())

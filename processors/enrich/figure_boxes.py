"""Finds boxes that can be figures, from how likely each cell of a page is part of one."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from processors.enrich.figure_cells import CELL
from processors.enrich.page_ink import PageInk, Plane, box_mean, components_of
from processors.enrich.writing_patches import letter_height, text_components

LIKELY = 0.55
"""From this probability on a cell belongs to a box."""
SMALLEST = 0.0012
"""Part of the page that a box covers at least."""
MOST = 24
"""Boxes of a page."""
GRID = 6
"""Squares across and down a box whose texture is measured."""


@dataclass(frozen=True)
class FigureBox:
    """A part of a page, in pixels of the page's ink."""

    left: int
    top: int
    width: int
    height: int
    likely: float
    """Mean probability of its cells."""

    def slices(self) -> tuple[slice, slice]:
        """Rows and columns of the box."""
        return (
            slice(self.top, self.top + self.height),
            slice(self.left, self.left + self.width),
        )


def boxes_of(likely: Plane) -> list[FigureBox]:
    """Boxes around connected cells that are likely, the largest first."""
    smooth = box_mean(likely, 3)
    labels, parts = components_of(smooth > LIKELY)
    found = []
    for one in np.argsort(-parts.area, kind="stable")[: 4 * MOST]:
        if parts.area[one] < SMALLEST * likely.size:
            break
        mean = float(likely[labels == one].mean())
        left, top = int(parts.left[one]), int(parts.top[one])
        width, height = int(parts.width[one]), int(parts.height[one])
        found.append(FigureBox(left * CELL, top * CELL, width * CELL, height * CELL, mean))
    return _without_inner(found)[:MOST]


def _without_inner(boxes: list[FigureBox]) -> list[FigureBox]:
    kept: list[FigureBox] = []
    for box in boxes:
        if not any(_covered(box, other) > 0.7 for other in kept):
            kept.append(box)
    return kept


def _covered(box: FigureBox, other: FigureBox) -> float:
    width = min(box.left + box.width, other.left + other.width) - max(box.left, other.left)
    height = min(box.top + box.height, other.top + other.height) - max(box.top, other.top)
    return max(width, 0) * max(height, 0) / (box.width * box.height)


def box_features(page: PageInk, likely: Plane, box: FigureBox) -> NDArray[np.float64]:
    """What a box looks like: its place, its size in letters, its colours and its strokes."""
    rows, columns = box.slices()
    height, width = page.ink.shape
    letters = max(letter_height(text_components(page)), 4.0)
    cells = likely[
        box.top // CELL : (box.top + box.height) // CELL,
        box.left // CELL : (box.left + box.width) // CELL,
    ]
    darkness = page.darkness[rows, columns]
    place = [
        (box.left + box.width / 2) / width,
        (box.top + box.height / 2) / height,
        box.left / width,
        (box.left + box.width) / width,
        box.top / height,
        (box.top + box.height) / height,
    ]
    size = [
        np.log(box.width / letters),
        np.log(box.height / letters),
        np.log(box.width / box.height),
        box.width / width,
        box.height / height,
        box.width * box.height / (width * height),
    ]
    seen = [box.likely, float(cells.mean()), float(cells.max()), float((cells > 0.7).mean())]
    tone = [
        float(page.colour[rows, columns].mean()),
        float(np.percentile(page.colour[rows, columns], 80)),
        float(darkness.mean()),
        float(darkness.std()),
        float(page.ink[rows, columns].mean()),
        float(page.grey[rows, columns].mean() / max(np.percentile(page.grey, 90), 1)),
        float(page.grey[rows, columns].std() / 64),
    ]
    return np.concatenate(
        [place, size, seen, tone, _component_sizes(page, box), _strokes(darkness)]
    )


def _component_sizes(page: PageInk, box: FigureBox) -> NDArray[np.float64]:
    """How much of the box's ink is in components of each height, compared with the box."""
    rows, columns = box.slices()
    labels = page.labels[rows, columns]
    inked = labels[labels >= 0]
    if len(inked) == 0:
        return np.zeros(8)
    letters = max(letter_height(text_components(page)), 4.0)
    heights = page.components.height[inked]
    by_letters = np.histogram(heights / letters, [0, 0.6, 1.5, 2.5, 5, 1e9])[0] / len(inked)
    largest = np.bincount(inked).max() / len(inked)
    return np.append(by_letters, [largest, heights.max() / box.height, len(np.unique(inked)) / 100])


def _strokes(darkness: Plane) -> NDArray[np.float64]:
    """Directions of edges in the box, and how the darkness is spread over it."""
    y, x = np.gradient(darkness.astype(np.float64))
    size = np.hypot(x, y)
    turn = (np.arctan2(y, x) / np.pi * 8 + 0.5).astype(int) % 8
    shares = np.bincount(turn.ravel(), size.ravel(), 8) / max(size.sum(), 1e-9)
    rows = np.linspace(0, darkness.shape[0], GRID + 1).astype(int)[:-1]
    columns = np.linspace(0, darkness.shape[1], GRID + 1).astype(int)[:-1]
    grid = np.add.reduceat(np.add.reduceat(darkness, rows, 0), columns, 1)
    grid = grid / (darkness.size / GRID**2)
    mirrored = np.corrcoef(grid.ravel(), grid[:, ::-1].ravel())[0, 1] if grid.std() > 0 else 0.0
    return np.concatenate(
        [shares, [size.mean(), mirrored], grid.ravel(), grid.mean(0).std(keepdims=True)]
    )

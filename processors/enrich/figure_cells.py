"""Measures the texture around each small square of a page, for finding what is not text."""

import numpy as np
from numpy.typing import NDArray

from processors.enrich.page_ink import WINDOW, PageInk, Plane, box_mean
from processors.enrich.writing_features import run_lengths
from processors.enrich.writing_patches import letter_height, text_components

CELL = 8
"""Side of a cell, in pixels of the page's ink."""
NEIGHBOURHOODS = (3, 9, 19)
"""Cells on a side of the squares that are measured around a cell."""
LINE = 61
"""Pixels along a line over which ink is averaged, to see lines of text."""


def cell_features(page: PageInk) -> NDArray[np.float32]:
    """Rows x columns x measures, one entry for each cell of the page."""
    planes = [_in_cells(plane) for plane in _planes(page)]
    rows, columns = planes[0].shape
    found = [box_mean(plane, side) for side in NEIGHBOURHOODS for plane in planes]
    found.extend(_contrast(plane) for plane in planes[:4])
    position_y = np.repeat(abs(np.linspace(-1, 1, rows))[:, None], columns, 1)
    position_x = np.repeat(abs(np.linspace(-1, 1, columns))[None, :], rows, 0)
    letters = np.full((rows, columns), letter_height(text_components(page)))
    found.extend([position_y, position_x, letters])
    return np.stack([plane.astype(np.float32) for plane in found], -1)


def _planes(page: PageInk) -> list[Plane]:
    ink = page.ink.astype(np.float32)
    height = max(letter_height(text_components(page)), 4.0)
    large = np.append(page.components.height, 0)[page.labels] / height
    wide = np.append(page.components.width, 0)[page.labels] / height
    x, y = np.zeros_like(page.darkness), np.zeros_like(page.darkness)
    x[:, 1:-1] = page.darkness[:, 2:] - page.darkness[:, :-2]
    y[1:-1] = page.darkness[2:] - page.darkness[:-2]
    size = np.hypot(x, y)
    turn = (np.arctan2(y, x) / np.pi * 4 + 0.5).astype(int) % 4
    paper = float(np.percentile(page.grey, 90))
    return [
        ink,
        page.darkness,
        size,
        np.clip((paper - page.grey) / 128, -1, 2),
        np.where(large > 2, ink, 0),
        np.where(large > 5, ink, 0),
        np.where(wide > 6, ink, 0),
        np.where(large < 0.5, ink, 0),
        *(np.where(turn == one, size, 0) for one in range(4)),
        np.log1p(run_lengths(page.ink)),
        np.log1p(run_lengths(page.ink.T).T),
        np.log1p(np.minimum(run_lengths(~page.ink), 100)),
        np.log1p(np.minimum(run_lengths(~page.ink.T).T, 100)),
        _lines(ink),
        page.colour,
    ]


def _lines(ink: Plane) -> Plane:
    """How strongly ink is gathered in lines, from 0."""
    along = np.pad(ink, ((0, 0), (LINE // 2 + 1, LINE // 2)), mode="edge").cumsum(1)
    smooth = ((along[:, LINE:] - along[:, :-LINE]) / LINE).astype(np.float32)
    mean = box_mean(smooth, WINDOW)
    deviation = np.sqrt(np.maximum(box_mean(smooth * smooth, WINDOW) - mean * mean, 0))
    return deviation / np.maximum(mean, 0.02)


def _contrast(plane: Plane) -> Plane:
    """How different the cells around a cell are."""
    mean = box_mean(plane, 9)
    return np.sqrt(np.maximum(box_mean(plane * plane, 9) - mean * mean, 0))


def _in_cells(plane: Plane) -> Plane:
    rows, columns = plane.shape[0] // CELL, plane.shape[1] // CELL
    cut = plane[: rows * CELL, : columns * CELL].reshape(rows, CELL, columns, CELL)
    means: Plane = cut.mean((1, 3), dtype=np.float64).astype(np.float32)
    return means

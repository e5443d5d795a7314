"""Places on a chart as pixels of an image, by its four corners."""

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Image = NDArray[np.float32]
UNIT = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], dtype=np.float64)
"""The corners of a chart: top left, top right, bottom right, bottom left."""


def projection(corners: Numbers) -> Numbers:
    """The 3 x 3 matrix by which relative places become pixels."""
    rows, wanted = [], []
    for (u, v), (x, y) in zip(UNIT, corners, strict=True):
        rows += [[u, v, 1, 0, 0, 0, -u * x, -v * x], [0, 0, 0, u, v, 1, -u * y, -v * y]]
        wanted += [x, y]
    return np.append(np.linalg.solve(np.array(rows), np.array(wanted)), 1.0).reshape(3, 3)


def on_image(corners: Numbers, places: Numbers) -> Numbers:
    """Pixels x, y of relative places, which are rows of u, v."""
    found = np.column_stack([places, np.ones(len(places))]) @ projection(corners).T
    pixels: Numbers = found[:, :2] / found[:, 2:]
    return pixels


def grid_in(cells: Numbers, share: float, points: int) -> Numbers:
    """Evenly spaced relative places in the middle share of each cell; cells x places x 2."""
    steps = np.linspace((1 - share) / 2, (1 + share) / 2, points)
    u, v = (one.ravel() for one in np.meshgrid(steps, steps))
    left, top, width, height = cells.T
    return np.stack(
        [left[:, None] + u * width[:, None], top[:, None] + v * height[:, None]], axis=2
    )


def values_at(image: Image, pixels: Numbers) -> Image:
    """The nearest samples; pixels outside have those of the edge."""
    x = np.clip(pixels[:, 0].astype(np.int64), 0, image.shape[1] - 1)
    y = np.clip(pixels[:, 1].astype(np.int64), 0, image.shape[0] - 1)
    found: Image = image[y, x]
    return found


def between_pixels(image: Image, pixels: Numbers) -> Image:
    """The samples at places between the centres of pixels, by linear interpolation."""
    height, width = image.shape[:2]
    x = np.clip(pixels[:, 0] - 0.5, 0, width - 1.001)
    y = np.clip(pixels[:, 1] - 0.5, 0, height - 1.001)
    left, top = x.astype(np.int64), y.astype(np.int64)
    right, below = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    dx, dy = (x - left).astype(np.float32)[:, None], (y - top).astype(np.float32)[:, None]
    upper = image[top, left] * (1 - dx) + image[top, right] * dx
    lower = image[below, left] * (1 - dx) + image[below, right] * dx
    found: Image = upper * (1 - dy) + lower * dy
    return found

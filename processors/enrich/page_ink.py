"""Separates ink from paper on the image of a page, at one size and one polarity for all pages."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray

Plane = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]

LONG_SIDE = 900
"""Pixels of the longer side on which a page is looked at; smaller images are not enlarged."""
WINDOW = 31
"""Side of the window, in pixels, that counts as the surroundings of a pixel."""
SAUVOLA_WEIGHT = 0.2
FAINTEST = 12.0
"""Grey levels by which ink differs at least from the paper around it."""
EDGE = 0.015
"""Part of the width and of the height along each edge whose components are not text."""


@dataclass(frozen=True)
class Components:
    """Connected ink, one entry for each component."""

    left: NDArray[np.int64]
    top: NDArray[np.int64]
    width: NDArray[np.int64]
    height: NDArray[np.int64]
    area: NDArray[np.int64]
    """Pixels of ink."""

    def of(self, chosen: NDArray[Any]) -> "Components":
        """The components that a mask or indexes choose."""
        return Components(
            self.left[chosen],
            self.top[chosen],
            self.width[chosen],
            self.height[chosen],
            self.area[chosen],
        )

    def __len__(self) -> int:
        return len(self.area)


@dataclass(frozen=True)
class PageInk:
    """A page of at most LONG_SIDE pixels: dark ink on light paper, whatever the image was."""

    grey: Plane
    """0 to 255, inverted if the image is a negative."""
    darkness: Plane
    """0 for paper to 1 for ink."""
    ink: Mask
    colour: Plane
    """0 for grey to 1 for a pure colour, without the tint of the paper."""
    labels: NDArray[np.int32]
    """Which component a pixel of ink belongs to; -1 for paper."""
    components: Components
    scale: float
    """Pixels of the image for each pixel of these planes."""
    inverted: bool


def ink_of(image: NDArray[np.uint8]) -> PageInk:
    """The ink of a page, and its connected components."""
    small, scale = shrink(image)
    grey = small @ np.array([0.299, 0.587, 0.114], np.float32)
    mean, deviation = local_statistics(grey)
    inverted = _is_negative(grey, mean, deviation)
    if inverted:
        grey, mean = 255 - grey, 255 - mean
    span = max(float(np.percentile(deviation, 98)), 8.0)
    threshold = mean * (1 + SAUVOLA_WEIGHT * (deviation / (2 * span) - 1))
    ink = grey < np.minimum(threshold, mean - FAINTEST / 2)
    paper = _paper_level(grey, ink, mean)
    ink &= paper - grey > FAINTEST
    darkness = _darkness(grey, ink, paper)
    labels, components = components_of(ink)
    return PageInk(grey, darkness, ink, _colour(small), labels, components, scale, inverted)


def shrink(image: NDArray[np.uint8]) -> tuple[Plane, float]:
    """The image with at most LONG_SIDE pixels on its longer side, and how much smaller it is."""
    height, width = image.shape[:2]
    scale = max(1.0, max(height, width) / LONG_SIDE)
    pixels: NDArray[Any] = image
    if scale > 1:
        large = pyvips.Image.new_from_memory(image.tobytes(), width, height, 3, "uchar")
        pixels = large.resize(1 / scale, kernel="linear").numpy()
    return pixels.astype(np.float32), width / pixels.shape[1]


def local_statistics(plane: Plane, window: int = WINDOW) -> tuple[Plane, Plane]:
    """Mean and standard deviation of the surroundings of each pixel."""
    mean = box_mean(plane, window)
    square = box_mean(plane * plane, window)
    return mean, np.sqrt(np.maximum(square - mean * mean, 0))


def box_mean(plane: Plane, window: int) -> Plane:
    """The mean of a square around each pixel; the edges are repeated outwards."""
    half = window // 2
    padded = np.pad(plane.astype(np.float64), half, mode="edge")
    total = np.zeros((padded.shape[0] + 1, padded.shape[1] + 1))
    np.cumsum(np.cumsum(padded, 0), 1, out=total[1:, 1:])
    size = 2 * half + 1
    area = total[size:, size:] - total[:-size, size:] - total[size:, :-size] + total[:-size, :-size]
    return (area / (size * size)).astype(np.float32)


def components_of(ink: Mask) -> tuple[NDArray[np.int32], Components]:
    """The number of the component of each pixel, and the components."""
    height, width = ink.shape
    plane = pyvips.Image.new_from_memory(ink.astype(np.uint8).tobytes(), width, height, 1, "uchar")
    regions: NDArray[np.int32] = plane.labelregions().numpy()
    rows, columns = np.nonzero(ink)
    found, index = np.unique(regions[rows, columns], return_inverse=True)
    labels = np.full(ink.shape, -1, np.int32)
    labels[rows, columns] = index
    count = len(found)
    low = [np.full(count, max(height, width)) for _ in range(2)]
    high = [np.full(count, -1) for _ in range(2)]
    for axis, positions in enumerate((columns, rows)):
        np.minimum.at(low[axis], index, positions)
        np.maximum.at(high[axis], index, positions)
    area = np.bincount(index, minlength=count)
    return labels, Components(low[0], low[1], high[0] - low[0] + 1, high[1] - low[1] + 1, area)


def _is_negative(grey: Plane, mean: Plane, deviation: Plane) -> bool:
    # Ink covers less than paper. Where there is writing, the rarer extreme is therefore the ink.
    border = grey.shape[0] // 10
    rows = slice(border, grey.shape[0] - border)
    difference, busy = (grey - mean)[rows].ravel(), deviation[rows].ravel()
    written = difference[(busy > np.percentile(busy, 60)) & (busy < np.percentile(busy, 98))]
    if len(written) == 0:
        return False
    return bool(np.mean(written**3) > 0.25 * np.mean(np.abs(written) ** 3))


def _colour(small: Plane) -> Plane:
    # Old paper is yellow: differences of channels are counted from those of the paper.
    balanced = small / np.maximum(np.percentile(small, 80, axis=(0, 1)), 1)
    spread = balanced.max(2) - balanced.min(2)
    clipped: Plane = np.clip(spread, 0, 1).astype(np.float32)
    return clipped


def _paper_level(grey: Plane, ink: Mask, mean: Plane) -> Plane:
    paper = (~ink).astype(np.float32)
    share = box_mean(paper, WINDOW)
    level = box_mean(grey * paper, WINDOW) / np.maximum(share, 1e-3)
    return np.where(share > 0.02, level, mean)


def _darkness(grey: Plane, ink: Mask, paper: Plane) -> Plane:
    depth = paper - grey
    ink_share = box_mean(ink.astype(np.float32), WINDOW)
    local = box_mean(np.where(ink, depth, 0).astype(np.float32), WINDOW)
    local = local / np.maximum(ink_share, 1e-3)
    general = float(np.median(depth[ink])) if ink.any() else 255.0
    full = 1.3 * np.where(ink_share > 0.02, local, general)
    return np.clip(depth / np.maximum(full, FAINTEST), 0, 1).astype(np.float32)

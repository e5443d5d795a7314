"""Cuts patches of text out of a page, all with letters of one height."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyvips
from numpy.typing import NDArray

from processors.enrich.page_ink import EDGE, Components, Mask, PageInk, Plane

LETTER_HEIGHT = 18.0
"""Median height of components in a patch, in its pixels."""
SIDE = 192
"""Side of a patch, in its pixels."""
MOST = 12
"""Patches of a page."""
FEWEST_COMPONENTS = 8
"""A patch with fewer is not text."""


@dataclass(frozen=True)
class Patch:
    """A square of text, enlarged or reduced to LETTER_HEIGHT."""

    darkness: Plane
    ink: Mask
    components: Components
    """Those with their middle in the patch, in its pixels."""


def text_components(page: PageInk) -> Components:
    """The components that can be letters, or letters that are joined."""
    parts = page.components
    height, width = page.ink.shape
    middle_x, middle_y = parts.left + parts.width / 2, parts.top + parts.height / 2
    inside = (abs(middle_x / width - 0.5) < 0.5 - EDGE) & (
        abs(middle_y / height - 0.5) < 0.5 - EDGE
    )
    small = (parts.height < height / 12) & (parts.width < width / 3)
    fill = parts.area / (parts.width * parts.height)
    line = (np.maximum(parts.width, parts.height) > 12 * np.minimum(parts.width, parts.height)) & (
        fill > 0.4
    )
    large = (parts.area >= 6) & (np.maximum(parts.width, parts.height) >= 4)
    return parts.of(inside & small & ~line & large)


def letter_height(parts: Components) -> float:
    """The median height of components, each counted by its width; 0 if there are none."""
    if len(parts) == 0:
        return 0.0
    order = np.argsort(parts.height, kind="stable")
    weight = np.cumsum(np.minimum(parts.width, 6 * parts.height)[order])
    return float(parts.height[order][np.searchsorted(weight, weight[-1] / 2)])


def patches_of(page: PageInk) -> Iterator[Patch]:
    """At most MOST patches that do not overlap, those with most text first."""
    parts = text_components(page)
    height = letter_height(parts)
    if height == 0:
        return
    enlarge = LETTER_HEIGHT / min(max(height, 4.0), 60.0)
    side = max(int(SIDE / enlarge), 8)
    for left, top in _places(page, parts, side):
        yield _cut(page, parts, (left, top, side), enlarge)


def _places(page: PageInk, parts: Components, side: int) -> list[tuple[int, int]]:
    height, width = page.ink.shape
    side_x, side_y = min(side, width), min(side, height)
    middle_x, middle_y = parts.left + parts.width / 2, parts.top + parts.height / 2
    step_x, step_y = max(side_x // 3, 1), max(side_y // 3, 1)
    candidates: list[tuple[float, int, int, int]] = []
    for top in range(0, height - side_y + 1, step_y):
        row = (middle_y >= top) & (middle_y < top + side_y)
        for left in range(0, width - side_x + 1, step_x):
            held = row & (middle_x >= left) & (middle_x < left + side_x)
            covered = float(np.sum((parts.width * parts.height)[held]))
            candidates.append((-min(covered, 0.5 * side * side), left, top, int(held.sum())))
    chosen: list[tuple[int, int]] = []
    for _, left, top, count in sorted(candidates):
        if count < FEWEST_COMPONENTS or len(chosen) == MOST:
            continue
        if all(abs(left - x) >= side_x or abs(top - y) >= side_y for x, y in chosen):
            chosen.append((left, top))
    return chosen


def _cut(page: PageInk, parts: Components, place: tuple[int, int, int], enlarge: float) -> Patch:
    left, top, side = place
    plane = np.zeros((side, side), np.float32)
    seen = page.darkness[top : top + side, left : left + side]
    plane[: seen.shape[0], : seen.shape[1]] = seen
    darkness = _resize(plane, enlarge)
    middle_x, middle_y = parts.left + parts.width / 2, parts.top + parts.height / 2
    held = parts.of(
        (middle_x >= left) & (middle_x < left + side) & (middle_y >= top) & (middle_y < top + side)
    )
    scaled = Components(
        _scaled(held.left - left, enlarge),
        _scaled(held.top - top, enlarge),
        np.maximum(_scaled(held.width, enlarge), 1),
        np.maximum(_scaled(held.height, enlarge), 1),
        held.area,
    )
    return Patch(darkness, darkness > 0.45, scaled)


def _scaled(values: NDArray[np.int64], by: float) -> NDArray[np.int64]:
    return np.round(values * by).astype(np.int64)


def _resize(plane: Plane, by: float) -> Plane:
    height, width = plane.shape
    image = pyvips.Image.new_from_memory(plane.tobytes(), width, height, 1, "float")
    larger: Plane = image.resize(SIDE / width, vscale=SIDE / height, kernel="cubic").numpy()
    fixed = np.zeros((SIDE, SIDE), np.float32)
    rows, columns = min(SIDE, larger.shape[0]), min(SIDE, larger.shape[1])
    fixed[:rows, :columns] = larger[:rows, :columns]
    return np.clip(fixed, 0, 1)

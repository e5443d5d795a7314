"""Finds a chart in an image by its patches: first where their colours agree best with the reference
on a small copy, then, step by step on larger ones, where each patch has one colour."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from streams.clients.targets.charts import Chart
from streams.clients.targets.icc_colours import encoded_srgb, to_d50
from streams.clients.targets.places import Numbers, between_pixels, grid_in, on_image, values_at

SMALLEST_SHARE, SHARE_STEP = 0.12, 1.1
"""A chart is at least this share of the longer side of the image; ratio of two tried sizes."""
PITCH_PX = 4
"""Distance of two patches on the copy on which all places are tried."""
TURNS = tuple(quarter + by for quarter in (0, 90, 180, 270) for by in (-5, 0, 5))
COARSE_PITCH, JUDGED_PITCH, FINE_PITCHES = 12, 24, (32, 96)
OVERVIEW_PX = 1200
LEAST_AGREEMENT = 0.85
"""Lowest correlation of the colours with the reference."""
LEAST_EVENNESS, CLEAR_EVENNESS = 20.0, 60.0
"""How much more patches differ from each other than pixels of a patch do, as variances:
at least, and so that no other place is tried."""
LEAST_STEP_PX = 0.05
AS_EVEN, LEAST_UNEVEN, STEP_OF_REACH, FARTHEST = 1.2, 1e-4, 0.004, 0.1
TRIED, LEAST_SCORE = 10, 0.7
"""Best places of the first search that are improved, and their least correlation."""
NEAREST = 3
WINDOW, JUDGED, POINTS = 0.96, 0.8, 5
"""Shares of a patch that are made even, and that have to be even; places along each side of it."""
Channels = NDArray[np.float32]


@dataclass(frozen=True)
class _Place:
    """A place of a chart: pixels of its centre, width of the grid and degrees, to the right."""

    score: float
    x: float
    y: float
    width: float
    degrees: float

    def corners(self, aspect: float) -> Numbers:
        turn = math.radians(self.degrees)
        across = np.array([math.cos(turn), math.sin(turn)]) * self.width / 2
        down = np.array([-math.sin(turn), math.cos(turn)]) * self.width / aspect / 2
        centre = np.array([self.x, self.y])
        return centre + np.stack([-across - down, across - down, across + down, down - across])


def find_chart(image: Channels, chart: Chart) -> Numbers | None:
    """The corners of a chart in an image of height x width x 1 or 3 channels from 0 to 1, as four
    rows x, y; None if it is not there."""
    overview, factor = _reduced(image, max(image.shape[:2]) / OVERVIEW_PX)
    corners = _found(overview, chart)
    if corners is None:
        return None
    corners = corners * factor
    for pitch_px in FINE_PITCHES:
        corners = _improved(image, chart, corners, pitch_px)
    reference = _reference(chart, image.shape[2])
    agreement, evenness = _judged(image, chart, corners, reference)
    is_there = agreement >= LEAST_AGREEMENT and evenness >= LEAST_EVENNESS
    return corners if is_there else None


def _found(image: Channels, chart: Chart) -> Numbers | None:
    """The best of the places that were tried first, after it was improved; the first clear one."""
    reference = _reference(chart, image.shape[2])
    best: tuple[float, Numbers] = (LEAST_EVENNESS, np.zeros(0))
    places = sorted(_tried(image, chart, reference), key=lambda one: -one.score)[:TRIED]
    likely = [one for one in places if one.score >= LEAST_SCORE]
    for place in likely:
        corners = _improved(image, chart, place.corners(chart.aspect), COARSE_PITCH)
        agreement, evenness = _judged(image, chart, corners, reference)
        if agreement >= LEAST_AGREEMENT and evenness >= best[0]:
            best = evenness, corners
            if evenness >= CLEAR_EVENNESS:
                break
    return best[1] if best[1].size else None


def _reference(chart: Chart, channels: int) -> Numbers:
    """What the patches look like: encoded samples, of which contrast and exposure do not count."""
    colours = encoded_srgb(to_d50(chart.lab, chart.illuminant))
    if channels == 1:
        colours = chart.lab[:, :1]
    centred = colours - colours.mean(axis=0)
    found: Numbers = centred / np.maximum(np.linalg.norm(centred, axis=0), 1e-9)
    return found


def _tried(image: Channels, chart: Chart, reference: Numbers) -> Iterator[_Place]:
    """The best places of each size and angle."""
    longest = max(image.shape[:2])
    share = 1.0
    while share >= SMALLEST_SHARE:
        pitch = longest * share / max(chart.columns, chart.rows)
        small, factor = _reduced(image, max(1.0, pitch / PITCH_PX))
        even = _blurred(small, pitch / factor / 4)
        width = chart.columns * pitch / factor
        for degrees in TURNS:
            yield from _best_places(even, factor, chart, reference, width, degrees)
        share /= SHARE_STEP


def _best_places(
    even: Channels,
    factor: float,
    chart: Chart,
    reference: Numbers,
    width: float,
    degrees: float,
) -> Iterator[_Place]:
    cells = chart.cells()
    centres = cells[:, :2] + cells[:, 2:] / 2
    corners = _Place(0, 0, 0, width, degrees).corners(chart.aspect)
    offsets = np.round(on_image(corners, centres)).astype(int)
    reach = np.ceil(np.abs(corners).max(axis=0) * 0.9).astype(int)
    height, across = even.shape[:2]
    xs = np.arange(reach[0], across - reach[0])
    ys = np.arange(reach[1], height - reach[1])
    if not len(xs) or not len(ys):
        return
    left, top = int(xs[0]), int(ys[0])
    parts = [even[top + y : top + y + len(ys), left + x : left + x + len(xs)] for x, y in offsets]
    scores = _correlation(np.stack(parts), reference)
    for at in np.argsort(scores, axis=None)[::-1][:1]:
        y, x = np.unravel_index(at, scores.shape)
        score = float(scores[y, x])
        place = (int(xs[x]) + 0.5) * factor, (int(ys[y]) + 0.5) * factor
        yield _Place(score, *place, width * factor, degrees)


def _correlation(patches: NDArray[np.float32], reference: Numbers) -> NDArray[np.float32]:
    """For patches x ... x channels: the mean correlation of the channels."""
    centred = patches - patches.mean(axis=0)
    spread = np.sqrt(np.square(centred).sum(axis=0))
    weights = reference.astype(np.float32).reshape(
        len(reference), *[1] * (patches.ndim - 2), reference.shape[1]
    )
    found = (centred * weights).sum(axis=0) / np.maximum(spread, 0.05)
    means: NDArray[np.float32] = found.mean(axis=-1)
    return means


def _improved(image: Channels, chart: Chart, corners: Numbers, pitch_px: int) -> Numbers:
    """The corners moved until the patches are as even as possible, on a copy of this size."""
    pitch = float(np.linalg.norm(corners[1] - corners[0])) / chart.columns
    small, factor = _reduced(image, max(1.0, pitch / pitch_px))
    places = grid_in(chart.cells(), WINDOW, POINTS)
    moved = _descended(small, places, corners / factor, pitch / factor)
    return _centred(small, places, moved, pitch / factor) * factor


def _descended(image: Channels, places: Numbers, corners: Numbers, pitch: float) -> Numbers:
    """A search along moves, turns, sizes and shears of the grid with smaller and smaller steps."""
    best = _unevenness(image, places, corners)
    step = pitch * 0.25
    while step > LEAST_STEP_PX:
        improved = False
        for group, direction in _moves(corners):
            moved = corners.copy()
            moved[group] += step * direction
            found = _unevenness(image, places, moved)
            if found < best:
                best, corners, improved = found, moved, True
        if not improved:
            step /= 2
    return corners


def _moves(corners: Numbers) -> list[tuple[list[int], Numbers]]:
    """What can be moved, and in which direction: all corners or one side, either way."""
    across, down = corners[1] - corners[0], corners[3] - corners[0]
    units = [one / max(float(np.linalg.norm(one)), 1e-9) for one in (across, down)]
    groups = ([0, 1, 2, 3], [0, 3], [1, 2], [0, 1], [2, 3])
    return [(group, sign * unit) for group in groups for unit in units for sign in (1, -1)]


def _centred(image: Channels, places: Numbers, corners: Numbers, pitch: float) -> Numbers:
    """The corners in the middle of where the patches are as even: the search ends at its edge."""
    for _ in range(2):
        moves = _moves(corners)
        for (group, direction), (_, back) in zip(moves[::2], moves[1::2], strict=True):
            limit = _unevenness(image, places, corners) * AS_EVEN + LEAST_UNEVEN
            there = _reach(image, places, (corners, group, direction), pitch, limit)
            here = _reach(image, places, (corners, group, back), pitch, limit)
            corners = corners.copy()
            corners[group] += (there - here) / 2 * direction
    return corners


def _reach(
    image: Channels,
    places: Numbers,
    move: tuple[Numbers, list[int], Numbers],
    pitch: float,
    limit: float,
) -> float:
    """How far a move can go, in steps, before the patches are less even."""
    corners, group, direction = move
    step, reach = pitch * STEP_OF_REACH, 0.0
    while reach < pitch * FARTHEST:
        moved = corners.copy()
        moved[group] += (reach + step) * direction
        if _unevenness(image, places, moved) > limit:
            break
        reach += step
    return reach


def _unevenness(image: Channels, places: Numbers, corners: Numbers) -> float:
    """The mean variance within the patches, relative to that between them."""
    try:
        pixels = on_image(corners, places.reshape(-1, 2))
    except np.linalg.LinAlgError:
        return math.inf
    values = between_pixels(image, pixels).reshape(*places.shape[:2], -1)
    between = float(values.mean(axis=1).var(axis=0).mean())
    return float(values.var(axis=1).mean()) / max(between, 1e-9)


def _judged(
    image: Channels, chart: Chart, corners: Numbers, reference: Numbers
) -> tuple[float, float]:
    """How well the patches agree with the reference, and how even they are."""
    places = grid_in(chart.cells(), JUDGED, POINTS)
    pitch = float(np.linalg.norm(corners[1] - corners[0])) / chart.columns
    small, factor = _reduced(image, max(1.0, pitch / JUDGED_PITCH))
    pixels = on_image(corners / factor, places.reshape(-1, 2))
    values = values_at(small, pixels).reshape(*places.shape[:2], -1)
    evenness = 1 / max(_unevenness(small, places, corners / factor), 1e-9)
    return float(_correlation(values.mean(axis=1), reference)), evenness


def _reduced(image: Channels, factor: float) -> tuple[Channels, float]:
    """A smaller copy, and by how much it is smaller."""
    height, width = image.shape[:2]
    factor = min(factor, min(height, width) / NEAREST)
    if factor <= 1.0:
        return image, 1.0
    size = (max(1, round(width / factor)), max(1, round(height / factor)))
    bands = [
        np.asarray(Image.fromarray(np.ascontiguousarray(band)).resize(size, Image.Resampling.BOX))
        for band in np.moveaxis(image, 2, 0)
    ]
    return np.stack(bands, axis=2), width / size[0]


def _blurred(image: Channels, radius: float) -> Channels:
    """Each pixel as the mean of its surroundings."""
    levels = np.round(np.clip(image, 0, 1) * 255).astype(np.uint8)
    bands = [
        np.asarray(Image.fromarray(band).filter(ImageFilter.BoxBlur(radius)))
        for band in np.moveaxis(levels, 2, 0)
    ]
    found: Channels = np.stack(bands, axis=2).astype(np.float32)
    return found / np.float32(255)

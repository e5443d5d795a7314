"""Measures strokes, letters and lines of a patch of text, whatever its size and its ink."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from processors.enrich.page_ink import Components, Mask, Plane
from processors.enrich.writing_patches import LETTER_HEIGHT, SIDE, Patch

Vector = NDArray[np.float64]

ORIENTATIONS = 16
RUN_EDGES = np.array([1, 2, 3, 4, 5, 6, 8, 10, 13, 17, 24, 36, SIDE + 1])
QUANTILES = (10, 25, 50, 75, 90)


def features_of(patch: Patch) -> Vector:
    """All measures of a patch, in a fixed order."""
    horizontal, vertical, falling, rising = _directional(patch.ink)
    groups = (
        _orientations(patch.darkness),
        _contours(patch.darkness),
        *(_run_histogram(lengths) for lengths in (horizontal, vertical, falling, rising)),
        _run_histogram(run_lengths(~patch.ink)),
        _run_histogram(run_lengths(~patch.ink.T).T),
        _strokes(np.stack([horizontal, vertical, falling, rising]), patch),
        _patterns(patch.darkness),
        _letters(patch.components),
        _spacing(patch.components),
        _lines(patch.ink),
    )
    return np.nan_to_num(np.concatenate(groups), nan=0.0, posinf=0.0, neginf=0.0)


def run_lengths(mask: Mask) -> NDArray[np.int32]:
    """For each pixel that is set, the length of the run of its row that it is part of."""
    height, width = mask.shape
    padded = np.zeros((height, width + 2), np.int8)
    padded[:, 1:-1] = mask
    change = np.diff(padded.ravel())
    starts, ends = np.flatnonzero(change == 1), np.flatnonzero(change == -1)
    result = np.zeros(height * width, np.int32)
    result[mask.ravel()] = np.repeat(ends - starts, ends - starts)
    return result.reshape(height, width)


def _directional(ink: Mask) -> Iterator[NDArray[np.int32]]:
    yield run_lengths(ink)
    yield run_lengths(ink.T).T
    yield _along_diagonal(ink)
    yield _along_diagonal(ink[:, ::-1])[:, ::-1]


def _along_diagonal(ink: Mask) -> NDArray[np.int32]:
    """Run lengths from the upper left to the lower right."""
    height, width = ink.shape
    pitch = width + height
    padded = np.zeros((height, pitch), bool)
    padded[:, :width] = ink[::-1]
    # Rows of one pixel less shift each row by one to the right: diagonals become columns.
    sheared = padded.ravel()[: height * (pitch - 1)].reshape(height, pitch - 1)
    lengths = run_lengths(sheared.T).T
    back = np.zeros(height * pitch, np.int32)
    back[: height * (pitch - 1)] = lengths.ravel()
    return back.reshape(height, pitch)[::-1, :width]


def _run_histogram(lengths: NDArray[np.int32]) -> Vector:
    values = lengths[lengths > 0]
    counts = np.histogram(values, RUN_EDGES, weights=1.0 / values)[0]
    shares: Vector = counts / max(counts.sum(), 1e-9)
    return shares


def _gradient(darkness: Plane) -> tuple[Plane, Plane]:
    x, y = np.zeros_like(darkness), np.zeros_like(darkness)
    x[:, 1:-1] = darkness[:, 2:] - darkness[:, :-2]
    y[1:-1] = darkness[2:] - darkness[:-2]
    return x, y


def _orientations(darkness: Plane) -> Vector:
    """Where the edges of strokes point, of all and of the sharp ones alone."""
    x, y = _gradient(darkness)
    size = np.hypot(x, y)
    bins = ((np.arctan2(y, x) / np.pi * ORIENTATIONS + 0.5).astype(int)) % ORIENTATIONS
    every = np.bincount(bins.ravel(), weights=size.ravel(), minlength=ORIENTATIONS)
    sharp = np.bincount(bins[size > 0.6], minlength=ORIENTATIONS)
    share = every / max(every.sum(), 1e-9)
    entropy = -np.sum(share * np.log(share + 1e-9))
    strong = sharp / max(sharp.sum(), 1)
    return np.concatenate(
        [share, strong, [entropy, float(np.mean(size)), float((size > 0.6).mean())]]
    )


def _contours(darkness: Plane) -> Vector:
    """How edges turn: pairs of orientations of edge pixels that are near each other."""
    x, y = _gradient(darkness)
    edge = np.hypot(x, y) > 0.35
    bins = ((np.arctan2(y, x) / np.pi * 8 + 0.5).astype(int)) % 8
    counts = np.zeros(64)
    for down, right in ((0, 4), (4, 0), (4, 4), (4, -4)):
        first, second = _shifted(edge, down, right)
        one, other = _shifted(bins, down, right)
        pair = (one * 8 + other)[first & second]
        counts += np.bincount(pair, minlength=64)
    both = counts.reshape(8, 8)
    symmetric = both + both.T
    values = symmetric[np.triu_indices(8)]
    shares: Vector = np.sqrt(values / max(values.sum(), 1))
    return shares


def _shifted(plane: NDArray[Any], down: int, right: int) -> tuple[NDArray[Any], NDArray[Any]]:
    height, width = plane.shape
    if right >= 0:
        return plane[: height - down, : width - right], plane[down:, right:]
    return plane[: height - down, -right:], plane[down:, : width + right]


def _strokes(lengths: NDArray[np.int32], patch: Patch) -> Vector:
    """Width of strokes, by direction, how even it is, and how even the ink is."""
    scale = np.array([1, 1, np.sqrt(2), np.sqrt(2)])[:, None]
    inked = lengths[:, patch.ink] * scale
    if inked.shape[1] == 0:
        return np.zeros(25)
    width, along = inked.min(0), inked.argmin(0)
    histogram = np.histogram(width, [0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 7.5, 10.5, 15, 999])[0]
    by_direction = [
        float(np.mean(width[along == one])) if (along == one).any() else 0.0 for one in range(4)
    ]
    shares = np.bincount(along, minlength=4) / len(along)
    dark = patch.darkness[patch.ink]
    return np.concatenate(
        [
            histogram / len(width),
            np.array(by_direction) / 5,
            shares,
            [width.mean() / 5, width.std() / max(width.mean(), 0.1), patch.ink.mean()],
            np.percentile(dark, (10, 25, 50, 75)),
            [dark.std()],
        ]
    )


def _patterns(darkness: Plane) -> Vector:
    """How many neighbours are darker, where they are side by side, at two radii."""
    found = []
    for radius in (1, 3):
        inner = darkness[radius:-radius, radius:-radius]
        ring = [
            darkness[radius + y : SIDE - radius + y, radius + x : SIDE - radius + x] > inner + 0.05
            for y, x in _ring(radius)
        ]
        bits = np.stack(ring)
        changes = (bits != np.roll(bits, 1, 0)).sum(0)
        count = np.where(changes <= 2, bits.sum(0), 9)
        near = (inner > 0.1) | bits.any(0)
        shares = np.bincount(count[near], minlength=10)
        found.append(shares / max(shares.sum(), 1))
    return np.concatenate(found)


def _ring(radius: int) -> list[tuple[int, int]]:
    one = radius
    return [
        (-one, -one),
        (-one, 0),
        (-one, one),
        (0, one),
        (one, one),
        (one, 0),
        (one, -one),
        (0, -one),
    ]


def _letters(parts: Components) -> Vector:
    """Sizes and shapes of components."""
    if len(parts) < 2:
        return np.zeros(3 * len(QUANTILES) + 6)
    height, width = parts.height / LETTER_HEIGHT, parts.width / LETTER_HEIGHT
    aspect = np.log(width / height)
    density = len(parts) / (SIDE / LETTER_HEIGHT) ** 2
    wide = float(np.sum(width[width > 2]) / width.sum())
    return np.concatenate(
        [
            np.percentile(height, QUANTILES),
            np.percentile(width, QUANTILES),
            np.percentile(aspect, QUANTILES),
            [density, wide, width.std() / width.mean(), height.std() / height.mean()],
            [float(np.mean(width > 1.6)), float(np.mean(height > 1.5))],
        ]
    )


def _spacing(parts: Components) -> Vector:
    """Distances from one component to the next: those of a typewriter are multiples of one."""
    middle_x, bottom = parts.left + parts.width / 2, parts.top + parts.height
    right = middle_x[None, :] - middle_x[:, None]
    level = abs(bottom[None, :] - bottom[:, None]) < LETTER_HEIGHT / 2
    right = np.where(level & (right > 2), right, np.inf)
    if len(parts) < 3:
        return np.zeros(12)
    nearest = right.min(1)
    found = nearest[nearest < 3.5 * LETTER_HEIGHT]
    if len(found) < 3:
        return np.zeros(12)
    median = float(np.median(found))
    close = right[(right < 5 * median)]
    # The phase of a regular pitch is the same for all distances.
    pitches = median * np.linspace(0.75, 1.33, 30)
    regular = [abs(np.mean(np.exp(2j * np.pi * close / pitch))) for pitch in pitches]
    base = bottom[nearest < np.inf] - bottom[right.argmin(1)[nearest < np.inf]]
    spread = np.percentile(found, (10, 25, 75, 90)) / median
    return np.concatenate(
        [
            spread,
            [median / LETTER_HEIGHT, float(np.mean(abs(found / median - 1) < 0.15))],
            [max(regular), float(np.mean(regular)), pitches[int(np.argmax(regular))] / median],
            [
                np.std(base) / LETTER_HEIGHT,
                float(np.mean(abs(base) <= 1.5)),
                len(found) / len(parts),
            ],
        ]
    )


def _lines(ink: Mask) -> Vector:
    """How rows of ink repeat, and how sharply they begin and end."""
    rows = ink.mean(1)
    columns = ink.mean(0)
    steps = abs(np.diff(rows))
    rows_even = rows - rows.mean()
    spectrum = abs(np.fft.rfft(rows_even * np.hanning(len(rows))))[1:24]
    share = spectrum / max(spectrum.sum(), 1e-9)
    return np.array(
        [
            rows.std() / max(rows.mean(), 1e-3),
            columns.std() / max(columns.mean(), 1e-3),
            steps.mean() / max(rows.mean(), 1e-3),
            steps.max() / max(rows.mean(), 1e-3),
            share.max(),
            float(np.argmax(share)) / 24,
            *np.percentile(rows / max(rows.mean(), 1e-3), (10, 25, 75, 90)),
        ]
    )

"""Measures the resolution of an image by the marks of a ruler."""

import numpy as np

from streams.clients.targets.charts import Ruler
from streams.clients.targets.places import Image, Numbers, between_pixels, on_image

MM_PER_INCH = 25.4
WIDEST_ERROR, FREQUENCIES = 0.15, 3001
"""Share by which the resolution may differ from the stated one to be measured; tried values."""
LEAST_PROMINENCE = 6.0
"""How much stronger the period of the marks is than other periods."""
FEWEST_MARKS, LINES = 5, 5


def ruler_dpi(image: Image, ruler: Ruler, corners: Numbers, stated_dpi: float) -> float | None:
    """The resolution along the ruler, or None if no marks at about this distance are there."""
    levels = _levels(image, ruler, corners)
    expected = ruler.tick_mm / MM_PER_INCH * stated_dpi
    if expected < 2 or len(levels) < expected * FEWEST_MARKS:
        return None
    levels = (levels - levels.mean()) * np.hanning(len(levels))
    periods = expected * np.linspace(1 - WIDEST_ERROR, 1 + WIDEST_ERROR, FREQUENCIES)
    at = np.arange(len(levels))
    strengths = np.array([abs(np.exp(-2j * np.pi * at / one) @ levels) for one in periods])
    best = int(np.argmax(strengths))
    others = float(np.median(strengths))
    if best in (0, len(periods) - 1) or strengths[best] < LEAST_PROMINENCE * others:
        return None
    return float(periods[best]) * MM_PER_INCH / ruler.tick_mm


def _levels(image: Image, ruler: Ruler, corners: Numbers) -> Numbers:
    """The lightness along the ruler, one value for each pixel: the mean of a few lines."""
    begin, end = on_image(corners, np.array([ruler.begin, ruler.end]))
    along = end - begin
    count = int(np.linalg.norm(along))
    if count < 2:
        return np.zeros(0)
    across = np.array([-along[1], along[0]]) / count
    # Samples are one pixel apart, so that the period is a number of pixels.
    middle = begin + np.arange(count)[:, None] * (along / np.linalg.norm(along))
    lines = [
        between_pixels(image, middle + by * across).mean(axis=1)
        for by in range(-(LINES // 2), LINES // 2 + 1)
    ]
    found: Numbers = np.mean(lines, axis=0).astype(np.float64)
    return found

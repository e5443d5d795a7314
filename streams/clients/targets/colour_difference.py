"""Differences of colours by the formula CIEDE2000 (ISO/CIE 11664-6)."""

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
_25_TO_7 = 25.0**7


def ciede2000(one: Numbers, other: Numbers, *, lightness_weight: bool = True) -> Numbers:
    """The difference of each pair of rows L*, a*, b*. Without the weight, S_L is 1."""
    (l1, a1, b1), (l2, a2, b2) = one.T, other.T
    c_7 = ((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2) ** 7
    stretch = 1 + 0.5 * (1 - np.sqrt(c_7 / (c_7 + _25_TO_7)))
    a1, a2 = a1 * stretch, a2 * stretch
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = _hue(a1, b1), _hue(a2, b2)
    turn = (h2 - h1 + 180) % 360 - 180
    # A difference of 180 degrees exactly has the sign of the greater hue.
    turn = np.where(np.abs(h2 - h1) == 180, h2 - h1, turn)
    turn = np.where(c1 * c2 == 0, 0.0, turn)
    d_h = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2))
    mean_l, mean_c, mean_h = (l1 + l2) / 2, (c1 + c2) / 2, _mean_hue(h1, h2, c1 * c2)
    s_l = 1 + 0.015 * (mean_l - 50) ** 2 / np.sqrt(20 + (mean_l - 50) ** 2)
    s_c, s_h = 1 + 0.045 * mean_c, 1 + 0.015 * mean_c * _t(mean_h)
    part_l = (l2 - l1) / (s_l if lightness_weight else 1.0)
    part_c, part_h = (c2 - c1) / s_c, d_h / s_h
    rest = _rotation(mean_c, mean_h) * part_c * part_h
    found: Numbers = np.sqrt(np.maximum(part_l**2 + part_c**2 + part_h**2 + rest, 0))
    return found


def without_lightness(one: Numbers, other: Numbers) -> Numbers:
    """The same for colours of equal lightness: the error of the white balance."""
    level = one.copy()
    level[:, 0] = other[:, 0]
    return ciede2000(level, other)


def _hue(a: Numbers, b: Numbers) -> Numbers:
    found: Numbers = np.degrees(np.arctan2(b, a)) % 360
    return found


def _mean_hue(h1: Numbers, h2: Numbers, chroma: Numbers) -> Numbers:
    total = h1 + h2
    around = np.where(total < 360, total + 360, total - 360)
    found = np.where(np.abs(h1 - h2) <= 180, total, around) / 2
    return np.where(chroma == 0, total, found)


def _t(hue: Numbers) -> Numbers:
    found: Numbers = (
        1
        - 0.17 * np.cos(np.radians(hue - 30))
        + 0.24 * np.cos(np.radians(2 * hue))
        + 0.32 * np.cos(np.radians(3 * hue + 6))
        - 0.20 * np.cos(np.radians(4 * hue - 63))
    )
    return found


def _rotation(chroma: Numbers, hue: Numbers) -> Numbers:
    c_7 = chroma**7
    angle = 60 * np.exp(-(((hue - 275) / 25) ** 2))
    found: Numbers = -2 * np.sqrt(c_7 / (c_7 + _25_TO_7)) * np.sin(np.radians(angle))
    return found

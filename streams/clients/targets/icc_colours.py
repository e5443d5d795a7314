"""Computes L*a*b* from the samples of an image and its ICC profile (ICC.1:2022)."""

import io
import struct
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from processors.imaging import icc

Numbers = NDArray[np.float64]
D50 = np.array([0.9642, 1.0, 0.8249])
"""White of the profile connection space (7.2.16)."""
SRGB_TO_D50 = np.array(
    [[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]]
)
D65_TO_D50 = np.array(
    [
        [1.0478112, 0.0228866, -0.0501270],
        [0.0295424, 0.9904844, -0.0170491],
        [-0.0092345, 0.0150436, 0.7521316],
    ]
)
"""Bradford."""
D65 = np.array([0.95047, 1.0, 1.08883])
LINEAR_BELOW, SLOPE = 216 / 24389, 24389 / 27
DITHERED = 400
"""Number of pixels by which a colour is represented where a library computes with 8 bits."""
RED_GREEN_BLUE = (b"rTRC", b"gTRC", b"bTRC")
Curve = Callable[[Numbers], Numbers]


class UnusableProfile(Exception):
    """Colours cannot be computed by an ICC profile; the text says why."""


def lab_of(samples: Numbers, profile: bytes | None) -> Numbers:
    """Rows of L*, a*, b* (D50, relative to the white of the profile) for rows of one or three
    samples from 0 to 1. Without a profile they are sRGB. Raises UnusableProfile."""
    try:
        if profile is None:
            return lab_of_xyz(_srgb(samples) @ SRGB_TO_D50.T)
        tags = _tags(profile)
        if b"A2B0" in tags or profile[20:24] != b"XYZ ":
            return _by_table(samples, profile)
        return lab_of_xyz(_by_curves(samples, tags))
    except (struct.error, IndexError, KeyError, ValueError, OSError, ImageCms.PyCMSError) as wrong:
        raise UnusableProfile(f"the ICC profile cannot be used: {wrong!r}") from wrong


def lab_of_xyz(xyz: Numbers, white: Numbers = D50) -> Numbers:
    """L*a*b* of tristimulus values (ISO/CIE 11664-4)."""
    shares = xyz / white
    roots = np.where(
        shares > LINEAR_BELOW, np.cbrt(np.maximum(shares, 0)), (SLOPE * shares + 16) / 116
    )
    x, y, z = roots.T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


def xyz_of_lab(lab: Numbers, white: Numbers = D50) -> Numbers:
    """The reverse."""
    y = (lab[:, 0] + 16) / 116
    roots = np.stack([y + lab[:, 1] / 500, y, y - lab[:, 2] / 200], axis=1)
    shares = np.where(roots**3 > LINEAR_BELOW, roots**3, (116 * roots - 16) / SLOPE)
    found: Numbers = shares * white
    return found


def to_d50(lab: Numbers, illuminant: str) -> Numbers:
    """Reference values of another illuminant, adapted to D50."""
    if illuminant == "D50":
        return lab
    return lab_of_xyz(xyz_of_lab(lab, D65) @ D65_TO_D50.T)


def encoded_srgb(lab: Numbers) -> Numbers:
    """The samples from 0 to 1 that show colours in sRGB, cut at its gamut."""
    linear = np.clip(xyz_of_lab(lab) @ np.linalg.inv(SRGB_TO_D50).T, 0, 1)
    found: Numbers = np.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055
    )
    return found


def _srgb(samples: Numbers) -> Numbers:
    linear = np.where(samples <= 0.04045, samples / 12.92, ((samples + 0.055) / 1.055) ** 2.4)
    return np.repeat(linear, 3, axis=1) if samples.shape[1] == 1 else linear


def _tags(profile: bytes) -> dict[bytes, bytes]:
    damage = icc.damage(profile)
    if damage is not None:
        raise ValueError(damage)
    (count,) = struct.unpack_from(">I", profile, icc.HEADER_BYTES)
    entries = struct.iter_unpack(">4sII", profile[132 : 132 + 12 * count])
    return {name: profile[offset : offset + size] for name, offset, size in entries}


def _by_curves(samples: Numbers, tags: dict[bytes, bytes]) -> Numbers:
    """Tristimulus values by a curve for each channel and, for colours, a matrix."""
    if samples.shape[1] == 1:
        return _curve(tags[b"kTRC"])(samples) * D50
    linear = [_curve(tags[name])(one) for name, one in zip(RED_GREEN_BLUE, samples.T, strict=True)]
    columns = [_fixed(tags[name], 8, 3) for name in (b"rXYZ", b"gXYZ", b"bXYZ")]
    found: Numbers = np.stack(linear, axis=1) @ np.stack(columns)
    return found


def _fixed(tag: bytes, offset: int, count: int) -> Numbers:
    """Numbers of the type s15Fixed16 (4.6)."""
    return np.frombuffer(tag, ">i4", count, offset).astype(np.float64) / 65536


def _curve(tag: bytes) -> Curve:
    """The function of a curve (10.6) or a parametric curve (10.18)."""
    if tag[:4] == b"para":
        return _parametric(struct.unpack_from(">H", tag, 8)[0], tag)
    if tag[:4] != b"curv":
        raise ValueError(f"a curve has type {tag[:4]!r}")
    (count,) = struct.unpack_from(">I", tag, 8)
    if count == 0:
        return lambda values: values
    points = np.frombuffer(tag, ">u2", count, 12).astype(np.float64)
    if count == 1:
        return lambda values: values ** (points[0] / 256)
    places = np.linspace(0, 1, count)
    return lambda values: np.interp(values, places, points / 65535)


def _parametric(kind: int, tag: bytes) -> Curve:
    """Functions 0 to 4 of table 68."""
    given = _fixed(tag, 12, {0: 1, 1: 3, 2: 4, 3: 5, 4: 7}[kind])
    g, a, b = (float(given[0]), 1.0, 0.0) if kind == 0 else map(float, given[:3])
    slope, start, above, below = 0.0, -b / a, 0.0, 0.0
    if kind == 2:
        above = below = float(given[3])
    elif kind >= 3:
        slope, start = float(given[3]), float(given[4])
    if kind == 4:
        above, below = float(given[5]), float(given[6])
    return lambda values: np.where(
        values >= start, np.maximum(a * values + b, 0) ** g + above, slope * values + below
    )


def _by_table(samples: Numbers, profile: bytes) -> Numbers:
    """By the library of Pillow, which computes with 8 bits: each colour is given as pixels with a
    little noise, and the mean of their results is its own."""
    noise = np.random.default_rng(1).uniform(-1.5, 1.5, (DITHERED, samples.shape[1]))
    levels = np.clip(np.round(samples[:, None, :] * 255 + noise), 0, 255).astype(np.uint8)
    mode = "L" if samples.shape[1] == 1 else "RGB"
    pixels = levels[:, :, 0] if mode == "L" else levels
    transform = ImageCms.buildTransform(
        ImageCms.ImageCmsProfile(io.BytesIO(profile)),
        ImageCms.createProfile("LAB"),
        mode,
        "LAB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
    )
    done = ImageCms.applyTransform(Image.fromarray(pixels, mode), transform)
    if done is None:
        raise ValueError("the colours were not transformed")
    found = np.asarray(done).astype(np.float64)
    lightness = found[:, :, 0] * (100 / 255)
    colours = found[:, :, 1:].astype(np.uint8).astype(np.int8).astype(np.float64)
    return np.concatenate([lightness[:, :, None], colours], axis=2).mean(axis=1)

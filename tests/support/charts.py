"""Rendered colour targets, with the faults that a capture can have."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from streams.clients.targets.charts import Chart
from streams.clients.targets.icc_colours import encoded_srgb, to_d50

Samples = NDArray[np.float64]
PAPER, BORDER = 0.85, 0.12


def rendered(chart: Chart, width_px: int = 600, sheet: tuple[int, int] = (900, 700)) -> Samples:
    """A chart in sRGB on a sheet of paper of width x height, as height x width x 3 from 0 to 1."""
    height_px = round(width_px / chart.aspect)
    image = np.full((sheet[1], sheet[0], 3), PAPER)
    left, top = (sheet[0] - width_px) // 3, (sheet[1] - height_px) // 3
    edge = round(width_px * 0.03)
    image[top - edge : top + height_px + edge, left - edge : left + width_px + edge] = BORDER
    colours = encoded_srgb(to_d50(chart.lab, chart.illuminant))
    for (x, y, width, height), colour in zip(chart.cells(), colours, strict=True):
        x0, x1 = round(left + x * width_px), round(left + (x + width) * width_px)
        y0, y1 = round(top + y * height_px), round(top + (y + height) * height_px)
        image[y0:y1, x0:x1] = colour
    return image


def turned(image: Samples, degrees: float) -> Samples:
    """Turned counter-clockwise, on more paper."""
    bands = [
        Image.fromarray(band.astype(np.float32)).rotate(
            degrees, Image.Resampling.BILINEAR, expand=True, fillcolor=PAPER
        )
        for band in np.moveaxis(image, 2, 0)
    ]
    return np.stack([np.asarray(band) for band in bands], axis=2).astype(np.float64)


def with_noise(image: Samples, levels: float, seed: int = 1) -> Samples:
    """With noise of this standard deviation, in levels of 255."""
    noise = np.random.default_rng(seed).normal(0, levels / 255, image.shape)
    return np.clip(image + noise, 0, 1)


def exposed(image: Samples, factor: float) -> Samples:
    """More or less light by this factor."""
    return np.clip(image**2.2 * factor, 0, 1) ** (1 / 2.2)


def with_cast(image: Samples, gains: tuple[float, float, float]) -> Samples:
    """Each channel with another gain."""
    return np.clip(image * gains, 0, 1)


def in_levels(image: Samples) -> NDArray[np.uint8]:
    """With 8 bits."""
    return np.round(np.clip(image, 0, 1) * 255).astype(np.uint8)

"""Finds the alpha sample of an image, and flattens images on white."""

import mmap
from collections.abc import Mapping
from pathlib import Path

import pyvips

from processors.imaging.header import DamagedHeader
from processors.imaging.tiff_directory import Value, is_tiff, main_directory

ALPHA_TAG = 338
ALPHA_KINDS = (1, 2)
"""Associated and unassociated alpha; 0 may be infrared or anything (TIFF 6.0, ExtraSamples)."""
FIRST_EXTRA_SAMPLE = 0
"""Position of alpha after the colours in formats other than TIFF."""


def alpha_of(path: Path) -> int | None:
    """Position of alpha among the samples after the colours, from 0; None if there is no alpha."""
    if not is_tiff(path):
        return FIRST_EXTRA_SAMPLE
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            first: Mapping[int, Value] = main_directory(data)
        except DamagedHeader:
            return FIRST_EXTRA_SAMPLE
        kinds = first.get(ALPHA_TAG, ())
        return next((at for at, kind in enumerate(kinds) if kind in ALPHA_KINDS), None)


def on_white(image: pyvips.Image, alpha: int | None) -> pyvips.Image:
    """The image flattened on white, without alpha and other extra samples."""
    colours = 1 if image.bands < 3 else 4 if image.interpretation == "cmyk" else 3
    if image.bands <= colours:
        return image
    colour_bands = image.extract_band(0, n=colours)
    if alpha is None or colours + alpha >= image.bands or not image.hasalpha():
        return colour_bands
    white = 65535 if image.format == "ushort" else 255
    both = colour_bands.bandjoin(image.extract_band(colours + alpha))
    return both.flatten(background=[0 if colours == 4 else white])

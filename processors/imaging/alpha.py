"""Which samples of an image are colours, which one is transparency, and the image on white."""

import mmap
from pathlib import Path

import pyvips

from processors.imaging import tiff_header
from processors.imaging.header import DamagedHeader

ALPHA_TAG = 338
MEANT = (1, 2)
"""Associated and unassociated alpha; 0 may be infrared or anything (TIFF 6.0, ExtraSamples)."""
FIRST = 0
"""Where alpha stands in other files than TIFF."""


def alpha_of(path: Path) -> int | None:
    """Which of the samples after the colours is alpha, from 0; None when there is none."""
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if data[:2] not in (b"II", b"MM"):
            return FIRST
        try:
            kinds = next(tiff_header.directories(data), {}).get(ALPHA_TAG, ())
        except DamagedHeader:
            return FIRST
        return next((at for at, kind in enumerate(kinds) if kind in MEANT), None)


def on_white(image: pyvips.Image, alpha: int | None) -> pyvips.Image:
    """The image without alpha, seen on white, and without further samples."""
    colours = 1 if image.bands < 3 else 4 if image.interpretation == "cmyk" else 3
    if image.bands <= colours:
        return image
    seen = image.extract_band(0, n=colours)
    if alpha is None or colours + alpha >= image.bands or not image.hasalpha():
        return seen
    white = 65535 if image.format == "ushort" else 255
    both = seen.bandjoin(image.extract_band(colours + alpha))
    return both.flatten(background=[0 if colours == 4 else white])

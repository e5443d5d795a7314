"""Converts YCbCr in a TIFF without JPEG compression, which libvips returns unconverted, to RGB."""

import mmap
from pathlib import Path

import pyvips

from processors.imaging.header import DamagedHeader
from processors.imaging.tiff_directory import Directory, main_directory

YCBCR, JPEG, BANDS = 6, 7, 3
PHOTOMETRIC, COMPRESSION, LUMA, REFERENCES = 262, 259, 529, 532
DEFAULT_LUMA = (0.299, 0.587, 0.114)
DEFAULT_REFERENCES = (0.0, 255.0, 128.0, 255.0, 128.0, 255.0)
"""Black and white of each sample (TIFF 6.0, section 21)."""


def as_rgb(image: pyvips.Image, path: Path) -> pyvips.Image:
    """The image of a TIFF in RGB, if it is unconverted YCbCr; else the image. Raises OSError."""
    if image.bands != BANDS or image.format != "uchar":
        return image
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            main = main_directory(data)
            if main.one(PHOTOMETRIC, 0) != YCBCR or main.one(COMPRESSION, 1) == JPEG:
                return image
            luma = _numbers(main, LUMA, DEFAULT_LUMA)
            references = _numbers(main, REFERENCES, DEFAULT_REFERENCES)
        except DamagedHeader:
            return image
    return _converted(image, luma, references)


def _numbers(main: Directory, tag: int, default: tuple[float, ...]) -> tuple[float, ...]:
    value = main.get(tag)
    usable = isinstance(value, tuple) and len(value) == len(default)
    return value if usable and isinstance(value, tuple) else default


def _converted(
    image: pyvips.Image, luma: tuple[float, ...], references: tuple[float, ...]
) -> pyvips.Image:
    black, white = references[::2], references[1::2]
    full = (255.0, 127.0, 127.0)
    scale = [top / (w - b) if w != b else 1.0 for top, w, b in zip(full, white, black, strict=True)]
    levelled = image.linear(scale, [-b * s for b, s in zip(black, scale, strict=True)])
    red, green, blue = luma
    of_red, of_blue = 2 - 2 * red, 2 - 2 * blue
    matrix = [
        [1, 0, of_red],
        [1, -blue * of_blue / green, -red * of_red / green],
        [1, of_blue, 0],
    ]
    return levelled.recomb(matrix).rint().cast("uchar").copy(interpretation="srgb")

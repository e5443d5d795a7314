"""Decodes images with libvips, and makes grey copies for text recognition."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyvips

from processors.imaging.alpha import FIRST_EXTRA_SAMPLE, alpha_of, on_white
from processors.imaging.decoding_result import Undecodable
from processors.imaging.header import DamagedHeader
from processors.imaging.pixel_shape import pixel_shape_of
from processors.imaging.tiff_directory import is_tiff
from processors.imaging.tiff_view import needs_view, open_view
from processors.imaging.twelve_bits import open_twelve_bits
from processors.imaging.ycbcr import as_rgb

pyvips.concurrency_set(1)  # One thread per page: a worker processes several pages at once.
pyvips.cache_set_max(0)  # Each page is read once; a cache would only use memory.
pyvips.block_untrusted_set(True)  # Loaders that libvips calls unsafe for untrusted files.

_UNSUPPORTED = re.compile(
    r"not supported|unsupported|unable to call|unimplemented|can(not| not) handle", re.IGNORECASE
)
_DAMAGED = re.compile(
    r"corrupt|premature|unsupported marker|empty jpeg|tiff2vips: unsupported jpeg", re.IGNORECASE
)
"""A hole in a JPEG looks like a marker of something that is not supported."""
_NO_MEMORY = re.compile(r"out of memory|unable to allocate", re.IGNORECASE)
_NO_DISK = re.compile(r"input/output error|no space left|write error|write failed", re.IGNORECASE)
MM_PER_INCH = 25.4
SHORTEST_PAGE_INCHES = 6
"""An image that its stated resolution makes smaller is read as a page of this length: the statement
may be wrong, and text in fewer pixels would be illegible."""
FILM_DPI = 1200
"""A higher resolution is that of a film or slide, not of the page that it shows."""
_UNKNOWN_LOCATION = "damaged pixels at an unknown location"


@dataclass(frozen=True)
class GreyCopy:
    """The image in which text is recognised instead of the master."""

    width_px: int
    height_px: int
    dpi: int
    """Resolution for the recogniser."""
    master_width_px: int
    """Width of the master as displayed, after its orientation tag is applied."""
    master_height_px: int


def vips_version() -> str:
    """The version of libvips in use."""
    return ".".join(str(pyvips.version(part)) for part in range(3))


def open_image(path: Path, **how: Any) -> pyvips.Image:
    """The image in a file, also with 12 bits per sample, irregular tags, or uncompressed YCbCr.

    Raises pyvips.Error, DamagedHeader and OSError."""
    unpacked = open_twelve_bits(path)
    if unpacked is not None:
        return unpacked
    if not is_tiff(path):
        return pyvips.Image.new_from_file(str(path), **how)
    if needs_view(path):
        return as_rgb(open_view(path, **how), path)
    return as_rgb(pyvips.Image.new_from_file(str(path), **how), path)


def write_grey_copy(
    master: Path, target: Path, *, resolution_dpi: float | None, dpi: int, max_long_side_px: int
) -> GreyCopy:
    """Write the master as an uncompressed grey TIFF of at most `dpi`, upright and on white.

    If the resolution is unknown, the copy is limited to `max_long_side_px` instead."""
    shape = pixel_shape_of(master)
    with decoding(master):
        width, height, sideways = _displayed_size(master)
        shown = shape.sideways if sideways else shape
        long_side = max(width * shown.across, height * shown.down)
        resolution_dpi = resolution_dpi and resolution_dpi * shape.across
        scale = _scale(long_side, resolution_dpi, dpi, max_long_side_px)
        width_px = max(1, round(width * shown.across * scale))
        size = {"height": 10_000_000, "size": "down"}
        if is_tiff(master) or not shape.is_square:
            # Image.thumbnail uses levels of a pyramid, and treats any extra sample as alpha.
            full = on_white(open_image(master, access="sequential"), alpha_of(master))
            image = shape.squared(full).thumbnail_image(width_px, **size)
        else:
            image = on_white(
                pyvips.Image.thumbnail(str(master), width_px, **size), FIRST_EXTRA_SAMPLE
            )
        copy_dpi = round(min(resolution_dpi * scale, dpi)) if resolution_dpi else dpi
        grey = image.colourspace("b-w").cast("uchar")
        if grey.bands > 1:
            grey = grey[0]
        per_mm = copy_dpi / MM_PER_INCH
        grey.copy(xres=per_mm, yres=per_mm).tiffsave(str(target), keep="none")
    return GreyCopy(image.width, image.height, copy_dpi, width, height)


def _displayed_size(path: Path) -> tuple[int, int, bool]:
    """Width and height as displayed, and whether the image is rotated by 90 degrees for it."""
    image = open_image(path, access="sequential")
    if image.get_typeof("orientation") and image.get("orientation") >= 5:
        return image.height, image.width, True
    return image.width, image.height, False


def _scale(
    long_side: float, resolution_dpi: float | None, dpi: int, max_long_side_px: int
) -> float:
    if resolution_dpi and resolution_dpi <= FILM_DPI:
        return min(1.0, dpi / min(resolution_dpi, long_side / SHORTEST_PAGE_INCHES))
    return min(1.0, max_long_side_px / long_side)


@contextmanager
def decoding(path: Path) -> Iterator[None]:
    """Turns errors of libvips into Undecodable, MemoryError or OSError."""
    try:
        yield
    except DamagedHeader as damage:
        raise Undecodable(str(damage)) from None
    except pyvips.Error as error:
        raise failure(error, path) from None


def failure(error: pyvips.Error, path: Path) -> Undecodable:
    """What an error of libvips means. Raises MemoryError and OSError."""
    message = _decoder_message(error, path)
    unsupported = bool(_UNSUPPORTED.search(message)) and not _DAMAGED.search(message)
    return Undecodable(message, unsupported=unsupported)


def _decoder_message(error: pyvips.Error, path: Path) -> str:
    """The decoder's message without the path. Raises MemoryError and OSError."""
    lines = str(error.detail or "").replace(str(path), "the file").splitlines()
    # Decoders repeat messages.
    message = "; ".join(dict.fromkeys(line.strip() for line in lines if line.strip()))
    if _NO_MEMORY.search(message):
        raise MemoryError(message) from error
    if _NO_DISK.search(message):
        raise OSError(message) from error
    return message[:500] or _UNKNOWN_LOCATION

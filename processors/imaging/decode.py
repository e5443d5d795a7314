"""Decodes images with libvips: checks every pixel, and makes grey copies for text recognition."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyvips

from processors.imaging.alpha import FIRST_EXTRA_SAMPLE, alpha_of, on_white
from processors.imaging.header import Header
from processors.imaging.jpeg_scan import JpegScanSource
from processors.imaging.tiff_directory import is_tiff
from processors.imaging.twelve_bits import BITS, open_twelve_bits

pyvips.concurrency_set(1)  # One thread per page: a worker processes several pages at once.
pyvips.cache_set_max(0)  # Each page is read once; a cache would only use memory.
pyvips.block_untrusted_set(True)  # Loaders that libvips calls unsafe for untrusted files.

_UNSUPPORTED = re.compile(r"not supported|unsupported|unable to call|unimplemented", re.IGNORECASE)
_NO_MEMORY = re.compile(r"out of memory|unable to allocate", re.IGNORECASE)
_NO_DISK = re.compile(r"input/output error|no space left|write error|write failed", re.IGNORECASE)
MM_PER_INCH = 25.4
FILM_DPI = 1200
"""A higher resolution is that of a film or slide, not of the page that it shows."""
_UNKNOWN_LOCATION = "damaged pixels at an unknown location"
_SELF_CHECKING = ("none", "lzw", "deflate")
"""Compressions whose damage is always an error of the decoder; its warnings are about tags."""


class Undecodable(Exception):
    """The pixels cannot be decoded; `found` is what the decoder reported."""

    def __init__(self, found: str, *, unsupported: bool = False) -> None:
        super().__init__(found)
        self.found = found
        self.unsupported = unsupported
        """The file may be intact, but the decoder does not support its kind."""


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
    """The image in a file, also with 12 bits per sample. Raises pyvips.Error."""
    unpacked = open_twelve_bits(path)
    return pyvips.Image.new_from_file(str(path), **how) if unpacked is None else unpacked


def decode_all_pixels(path: Path, header: Header, family: str) -> str | None:
    """The decoder's message about the first image if every pixel could be decoded, or None.

    Raises Undecodable."""
    if header.bits_per_sample == BITS and open_twelve_bits(path) is None:
        found = "12 bits per sample are supported only in uncompressed strips of greyscale or RGB"
        raise Undecodable(found, unsupported=True)
    if family == "jpeg":
        scan = JpegScanSource(path)
        _decode(scan.source(), path, header, "warning")
        if scan.unread_bytes():
            found = f"at least {scan.unread_bytes()} bytes of the scan belong to no pixel"
            raise Undecodable(found)
        return None
    try:
        # "warning" is the only level at which libvips reports holes in JPEG and CCITT scans.
        _decode(path, path, header, "warning")
    except Undecodable as warning:
        if header.compression not in _SELF_CHECKING:
            raise
        _decode(path, path, header, "error")
        return "invalid tags" if warning.found == _UNKNOWN_LOCATION else warning.found
    return None


def _decode(origin: Path | pyvips.Source, path: Path, header: Header, fail_on: str) -> None:
    try:
        # Opened sequentially: a large master is streamed, so memory stays flat.
        how = {"access": "sequential", "fail_on": fail_on}
        if isinstance(origin, Path):
            image = open_image(origin, **how)
        else:
            image = pyvips.Image.new_from_source(origin, "", **how)
    except pyvips.Error as error:
        message = _decoder_message(error, path)
        raise Undecodable(message, unsupported=bool(_UNSUPPORTED.search(message))) from None
    with decoding(path):
        image.avg()
    if (image.width, image.height) != (header.width_px, header.height_px):
        found = (
            f"the header states {header.width_px} x {header.height_px} pixels, the decoder found"
        )
        raise Undecodable(f"{found} {image.width} x {image.height}")


def write_grey_copy(
    master: Path, target: Path, *, resolution_dpi: float | None, dpi: int, max_long_side_px: int
) -> GreyCopy:
    """Write the master as an uncompressed grey TIFF of at most `dpi`, upright and on white.

    If the resolution is unknown, the copy is limited to `max_long_side_px` instead."""
    with decoding(master):
        width, height = _displayed_size(master)
        scale = _scale(max(width, height), resolution_dpi, dpi, max_long_side_px)
        width_px = max(1, round(width * scale))
        size = {"height": 10_000_000, "size": "down"}
        if is_tiff(master):
            # Image.thumbnail uses levels of a pyramid, and treats any extra sample as alpha.
            full = on_white(open_image(master, access="sequential"), alpha_of(master))
            image = full.thumbnail_image(width_px, **size)
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


def _displayed_size(path: Path) -> tuple[int, int]:
    image = open_image(path, access="sequential")
    sideways = image.get_typeof("orientation") and image.get("orientation") >= 5
    return (image.height, image.width) if sideways else (image.width, image.height)


def _scale(long_side: int, resolution_dpi: float | None, dpi: int, max_long_side_px: int) -> float:
    if resolution_dpi and resolution_dpi <= FILM_DPI:
        return min(1.0, dpi / resolution_dpi)
    return min(1.0, max_long_side_px / long_side)


@contextmanager
def decoding(path: Path) -> Iterator[None]:
    """Turns errors of libvips into Undecodable, MemoryError or OSError."""
    try:
        yield
    except pyvips.Error as error:
        raise Undecodable(_decoder_message(error, path)) from None


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

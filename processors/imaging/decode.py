"""Images through libvips: whole decoding that finds damage, and the grey copies that are read."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyvips

from processors.imaging.alpha import FIRST, alpha_of, on_white
from processors.imaging.header import Header
from processors.imaging.jpeg_scan import WatchedScan
from processors.imaging.twelve_bits import BITS, open_twelve_bits

pyvips.concurrency_set(1)  # One thread a page: several pages are worked on at the same time.
pyvips.cache_set_max(0)  # Every page is seen once; a cache would only hold memory.
pyvips.block_untrusted_set(True)  # Loaders that libvips itself calls unsafe with strangers' files.

_UNSUPPORTED = re.compile(r"not supported|unsupported|unable to call|unimplemented", re.IGNORECASE)
_NO_MEMORY = re.compile(r"out of memory|unable to allocate", re.IGNORECASE)
_NO_DISK = re.compile(r"input/output error|no space left|write error|write failed", re.IGNORECASE)
MM_PER_INCH = 25.4
FILM_DPI = 1200
"""Higher figures are those of a film or slide, and say nothing of the page that it shows."""
_WORDLESS = "damaged pixels at an unknown location"
_CHECKED_BY_CODING = ("none", "lzw", "deflate")
"""Compressions whose damage is an error to the decoder, so that warnings are about tags alone."""


class Undecodable(Exception):
    """The pixels cannot be decoded; `found` says what the decoder reported."""

    def __init__(self, found: str, *, unsupported: bool = False) -> None:
        super().__init__(found)
        self.found = found
        self.unsupported = unsupported
        """The file may be intact, but the decoder does not support its kind."""


@dataclass(frozen=True)
class GreyCopy:
    """The image that is read instead of the master."""

    width_px: int
    height_px: int
    dpi: int
    """What the recogniser is told."""
    master_width_px: int
    """Width of the master as displayed, its orientation tag obeyed."""
    master_height_px: int


def vips_version() -> str:
    """The version of libvips in use."""
    return ".".join(str(pyvips.version(part)) for part in range(3))


def opened(path: Path, **how: Any) -> pyvips.Image:
    """The image in a file, also where libvips alone could not read it. Raises pyvips.Error."""
    unpacked = open_twelve_bits(path)
    return pyvips.Image.new_from_file(str(path), **how) if unpacked is None else unpacked


def decode_whole(path: Path, header: Header, family: str) -> str | None:
    """Decode every pixel of the first image and throw them away. Raises Undecodable.

    What the decoder complained of, if every pixel is sound all the same; else None."""
    if header.bits_per_sample == BITS and open_twelve_bits(path) is None:
        found = "12 bits per sample are supported only in uncompressed strips of greyscale or RGB"
        raise Undecodable(found, unsupported=True)
    if family == "jpeg":
        scan = WatchedScan(path)
        _decode(scan.source(), path, header, "warning")
        if scan.left_over():
            found = f"at least {scan.left_over()} bytes of the scan belong to no pixel"
            raise Undecodable(found)
        return None
    try:
        # "warning" is the only level at which libvips tells of holes in JPEG and CCITT scans.
        _decode(path, path, header, "warning")
    except Undecodable as complaint:
        if header.compression not in _CHECKED_BY_CODING:
            raise
        _decode(path, path, header, "error")
        return "invalid tags" if complaint.found == _WORDLESS else complaint.found
    return None


def _decode(origin: Path | pyvips.Source, path: Path, header: Header, fail_on: str) -> None:
    try:
        # Opened sequentially: a large master is streamed, so memory stays flat.
        how = {"access": "sequential", "fail_on": fail_on}
        if isinstance(origin, Path):
            image = opened(origin, **how)
        else:
            image = pyvips.Image.new_from_source(origin, "", **how)
    except pyvips.Error as error:
        told = _told(error, path)
        raise Undecodable(told, unsupported=bool(_UNSUPPORTED.search(told))) from None
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
    """Write the master as an uncompressed grey TIFF of at most `dpi`, upright, on white ground.

    A master of unknown resolution keeps its pixels, up to a longest side."""
    with decoding(master):
        width, height = _displayed_size(master)
        scale = _scale(max(width, height), resolution_dpi, dpi, max_long_side_px)
        width_px = max(1, round(width * scale))
        size = {"height": 10_000_000, "size": "down"}
        if _is_tiff(master):
            # Not the file's own thumbnail: that takes sizes of a pyramid for the page, and any
            # further sample for transparency.
            whole = on_white(opened(master, access="sequential"), alpha_of(master))
            image = whole.thumbnail_image(width_px, **size)
        else:
            image = on_white(pyvips.Image.thumbnail(str(master), width_px, **size), FIRST)
        told = round(min(resolution_dpi * scale, dpi)) if resolution_dpi else dpi
        grey = image.colourspace("b-w").cast("uchar")
        if grey.bands > 1:
            grey = grey[0]
        per_mm = told / MM_PER_INCH
        grey.copy(xres=per_mm, yres=per_mm).tiffsave(str(target), keep="none")
    return GreyCopy(image.width, image.height, told, width, height)


def _is_tiff(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(2) in (b"II", b"MM")


def _displayed_size(path: Path) -> tuple[int, int]:
    image = opened(path, access="sequential")
    turned = image.get_typeof("orientation") and image.get("orientation") >= 5
    return (image.height, image.width) if turned else (image.width, image.height)


def _scale(long_side: int, resolution_dpi: float | None, dpi: int, max_long_side_px: int) -> float:
    if resolution_dpi and resolution_dpi <= FILM_DPI:
        return min(1.0, dpi / resolution_dpi)
    return min(1.0, max_long_side_px / long_side)


@contextmanager
def decoding(path: Path) -> Iterator[None]:
    """What libvips says becomes Undecodable, or MemoryError and OSError for its own."""
    try:
        yield
    except pyvips.Error as error:
        raise Undecodable(_told(error, path)) from None


def _told(error: pyvips.Error, path: Path) -> str:
    """The decoder's words without the file's place. Raises MemoryError and OSError for its own."""
    lines = str(error.detail or "").replace(str(path), "the file").splitlines()
    # Told once each: decoders repeat themselves.
    told = "; ".join(dict.fromkeys(line.strip() for line in lines if line.strip()))
    if _NO_MEMORY.search(told):
        raise MemoryError(told) from error
    if _NO_DISK.search(told):
        raise OSError(told) from error
    return told[:500] or _WORDLESS

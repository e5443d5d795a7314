"""Reads the header of an image file of a known format."""

import mmap
from collections.abc import Callable
from pathlib import Path

from processors.imaging import jpeg_header, png_header, tiff_header, tiff_structure
from processors.imaging.header import Buffer, DamagedHeader, Header

FAMILIES: dict[str, Callable[[Buffer], Header]] = {
    "tiff": tiff_header.read,
    "bigtiff": tiff_header.read,
    "jpeg": jpeg_header.read,
    "png": png_header.read,
}
"""The readers of the formats that a profile may accept."""


def irregularities(path: Path, family: str) -> tuple[str, ...]:
    """Structural problems of a file that lose no pixels.

    Raises DamagedHeader if pixels are missing, and OSError."""
    checks = {
        "tiff": tiff_structure.check,
        "bigtiff": tiff_structure.check,
        "png": png_header.irregularities,
    }
    if family not in checks:
        return ()
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return checks[family](data)


def ambiguities(path: Path, family: str) -> tuple[str, ...]:
    """Why a file does not say what its pixels show. Raises DamagedHeader and OSError."""
    if family not in ("tiff", "bigtiff"):
        return ()
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return tiff_structure.ambiguities(data)


def read_header(path: Path, family: str, number: int = 1) -> Header:
    """The header of a file of a known family, or of one of several images in it.

    Raises DamagedHeader and OSError."""
    read = FAMILIES[family]
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        header = tiff_header.read(data, number) if read is tiff_header.read else read(data)
    if header.width_px < 1 or header.height_px < 1:
        raise DamagedHeader(f"the image is {header.width_px} x {header.height_px} pixels")
    return header

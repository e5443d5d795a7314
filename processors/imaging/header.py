"""What an image says of itself before anything is decoded."""

import mmap
from dataclasses import dataclass
from pathlib import Path

from processors.imaging.resolution import Resolution

Buffer = bytes | mmap.mmap


class DamagedHeader(Exception):
    """The structure of the file cannot be followed; the text says where it breaks."""


@dataclass(frozen=True)
class Header:
    """Size, kind of pixels and statements of one image."""

    width_px: int
    height_px: int
    bits_per_sample: int
    samples_per_pixel: int
    colour_space: str
    """bitonal, greyscale, rgb, cmyk or other."""
    compression: str
    lossy: bool = False
    resolutions: tuple[Resolution, ...] = ()
    """All that the file says about its resolution, in the order of precedence."""
    icc: bytes | None = None
    """The embedded profile; empty where one is announced and cannot be had."""
    orientation: int = 1
    """Exif orientation, 1 when the image stands upright."""
    images: int = 1
    """Full images in the file; reduced copies and masks are not counted."""
    photometric: str | None = None
    """min-is-white, min-is-black, rgb, palette, separated, ycbcr or cielab."""
    byte_order: str | None = None
    """little-endian or big-endian, where the format leaves the choice."""


def irregularities(path: Path, family: str) -> tuple[str, ...]:
    """What is unusual about a file's structure, though nothing is missing. Raises DamagedHeader
    where pixels cannot be had, and OSError."""
    from processors.imaging import png_header, tiff_structure

    judges = {
        "tiff": tiff_structure.check,
        "bigtiff": tiff_structure.check,
        "png": png_header.irregularities,
    }
    if family not in judges:
        return ()
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return judges[family](data)


def read_header(path: Path, family: str) -> Header:
    """The header of a file of a known family. Raises DamagedHeader and OSError."""
    # Imported here: each reader builds a Header.
    from processors.imaging import jpeg_header, png_header, tiff_header

    read = {
        "tiff": tiff_header.read,
        "bigtiff": tiff_header.read,
        "jpeg": jpeg_header.read,
        "png": png_header.read,
    }[family]
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        header = read(data)
    if header.width_px < 1 or header.height_px < 1:
        raise DamagedHeader(f"the image is {header.width_px} x {header.height_px} pixels")
    return header

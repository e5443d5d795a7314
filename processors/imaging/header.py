"""What an image says of itself before anything is decoded."""

import mmap
from dataclasses import dataclass

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

"""Properties of an image that its header states."""

import mmap
from dataclasses import dataclass

from processors.imaging.resolution import StatedResolution

Buffer = bytes | mmap.mmap


class DamagedHeader(Exception):
    """The structure of a file is damaged; the message says where."""


@dataclass(frozen=True)
class Header:
    """The header of an image."""

    width_px: int
    height_px: int
    bits_per_sample: int
    samples_per_pixel: int
    colour_space: str
    """bitonal, greyscale, rgb, cmyk or other."""
    compression: str
    lossy: bool = False
    resolutions: tuple[StatedResolution, ...] = ()
    """All resolutions that the file states, in order of precedence."""
    icc: bytes | None = None
    """The embedded profile; empty if it cannot be read."""
    orientation: int = 1
    """Exif orientation; 1 is upright."""
    images: int = 1
    """Number of full images, without reduced copies and masks."""
    photometric: str | None = None
    """min-is-white, min-is-black, rgb, palette, separated, ycbcr or cielab."""
    separate_planes: bool = False
    """Whether each colour is stored in a plane of its own."""
    byte_order: str | None = None
    """little-endian or big-endian, if the format allows both."""

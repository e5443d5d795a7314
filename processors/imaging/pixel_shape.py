"""Makes the pixels of an image square if its horizontal and vertical resolutions differ."""

from dataclasses import dataclass
from pathlib import Path

import pyvips

from processors.imaging.file_identification import identify_file
from processors.imaging.header import DamagedHeader
from processors.imaging.header_readers import FAMILIES, read_header
from processors.imaging.resolution import agreed_resolution


@dataclass(frozen=True)
class PixelShape:
    """By how much an image is enlarged in one direction, so that its pixels are square."""

    across: float = 1.0
    down: float = 1.0

    @property
    def is_square(self) -> bool:
        """Whether nothing is enlarged."""
        return self.across == self.down == 1.0

    @property
    def sideways(self) -> "PixelShape":
        """The shape after a rotation by 90 degrees."""
        return PixelShape(self.down, self.across)

    def squared(self, image: pyvips.Image) -> pyvips.Image:
        """The image with square pixels; the direction with the lower resolution is enlarged."""
        if self.is_square:
            return image
        # Enlarging reads rows more than once; such images, of fax machines, are small.
        return image.copy_memory().resize(self.across, vscale=self.down)


SQUARE = PixelShape()


def pixel_shape_of(path: Path) -> PixelShape:
    """The shape that the resolution in a file states; square if it is unknown. Raises OSError."""
    format_ = identify_file(path)
    if format_ is None or format_.family not in FAMILIES:
        return SQUARE
    try:
        agreed = agreed_resolution(read_header(path, format_.family).resolutions)
    except DamagedHeader:
        return SQUARE
    if not agreed.dpi or not agreed.vertical_dpi or agreed.dpi == agreed.vertical_dpi:
        return SQUARE
    finest = max(agreed.dpi, agreed.vertical_dpi)
    return PixelShape(finest / agreed.dpi, finest / agreed.vertical_dpi)

"""The image of a page in a PDF: a baseline JPEG, whose bytes are copied unchanged."""

from dataclasses import dataclass
from pathlib import Path

import pyvips

from processors.imaging.decode import decoding
from processors.imaging.decoding_result import Undecodable
from processors.pdf.file import PdfFile
from processors.pdf.syntax import Name, Reference

COLOUR_SPACES = {1: "DeviceGray", 3: "DeviceRGB"}
"""Colour spaces by number of channels; the output intent of the file makes RGB sRGB."""


@dataclass(frozen=True)
class PageImage:
    """A JPEG file, in sRGB or grey."""

    path: Path
    width_px: int
    height_px: int
    channels: int

    @classmethod
    def of(cls, path: Path) -> "PageImage":
        """The image in a file. Raises Undecodable if it is not a JPEG in colour or grey."""
        with decoding(path):
            image = pyvips.Image.new_from_file(str(path), access="sequential")
            channels = image.bands
        if channels not in COLOUR_SPACES or image.get("vips-loader") != "jpegload":
            raise Undecodable(f"it has {channels} channels, expected a JPEG with 1 or 3")
        return cls(path, image.width, image.height, channels)

    def write(self, file: PdfFile) -> Reference:
        """Write the image."""
        return file.add_stream_of(
            self.path,
            {
                "Type": Name("XObject"),
                "Subtype": Name("Image"),
                "Width": self.width_px,
                "Height": self.height_px,
                "ColorSpace": Name(COLOUR_SPACES[self.channels]),
                "BitsPerComponent": 8,
                "Filter": Name("DCTDecode"),
            },
        )

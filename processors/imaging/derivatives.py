"""Makes reading images: upright, on white, 8 bit, without metadata except the sRGB profile."""

import struct
from dataclasses import dataclass
from pathlib import Path

import pyvips

from processors.imaging.alpha import alpha_of, on_white
from processors.imaging.colour import PROFILE, Colour, colour_of
from processors.imaging.decode import MM_PER_INCH, decoding, open_image
from processors.imaging.pixel_shape import pixel_shape_of
from processors.imaging.pyramid import clear_resolution_unit, save_pyramid
from processors.profile import Pyramid, ReadingImage

MEDIA_TYPES = {"pyramid": "image/tiff", "access": "image/jpeg", "thumbnail": "image/jpeg"}
UPRIGHT, MIRRORED = 1, 2
TILE_PX = 256


@dataclass(frozen=True)
class Derivative:
    """A reading image as written."""

    width_px: int
    height_px: int
    content: Path | bytes


class Master:
    """A master from which reading images are made; each call reads its pixels again."""

    def __init__(self, path: Path, *, resolution_dpi: float | None, negative: bool) -> None:
        self._path = path
        self._shape = pixel_shape_of(path)
        self._resolution_dpi = resolution_dpi and resolution_dpi * self._shape.across
        self.alpha = alpha_of(path)
        image = self._pixels()
        self.long_side_px: int = max(
            round(image.width * self._shape.across), round(image.height * self._shape.down)
        )
        self.orientation = _orientation(image)
        self.has_alpha = image.hasalpha()
        self.colour: Colour = colour_of(on_white(image, self.alpha), negative=negative)

    def screen_image(self, long_side_px: int) -> pyvips.Image:
        """The master in memory, reduced to a long side of at most `long_side_px`."""
        with decoding(self._path):
            image = self._pixels(_jpeg_shrink(self.long_side_px / long_side_px))
            flat = self._shape.squared(on_white(image, self.alpha))
            small = fitted(flat, self.long_side_px, long_side_px)
            return _with_srgb_profile(
                self.colour.rendition(small).copy_memory().autorot(), self.colour
            )

    def write_pyramid(self, target: Path, rule: Pyramid) -> Derivative:
        """Write a tiled TIFF with the full size and each half of it down to one tile."""
        with decoding(self._path):
            image = self.colour.rendition(on_white(self._pixels(), self.alpha))
            image = self._shape.squared(image)
            if self.orientation > MIRRORED:
                image = _with_random_access(image, target.with_suffix(".turning"))
            image = _with_srgb_profile(image.autorot(), self.colour)
            per_mm = (self._resolution_dpi or MM_PER_INCH) / MM_PER_INCH
            image = image.copy(xres=per_mm, yres=per_mm)
            save_pyramid(image, target, rule)
        if not self._resolution_dpi:
            clear_resolution_unit(target)
        return Derivative(image.width, image.height, target)

    def dpi_at(self, long_side_px: int) -> float | None:
        """Resolution of a reading image of that size; None if that of the master is unknown."""
        if not self._resolution_dpi:
            return None
        return self._resolution_dpi * long_side_px / self.long_side_px

    def _pixels(self, shrink: int = 1) -> pyvips.Image:
        with decoding(self._path):
            # Opened sequentially: a large master is streamed, so memory stays flat.
            options = {"access": "sequential", "fail_on": "error"}
            image = open_image(self._path, **options)
            if shrink > 1 and _is_jpeg(image):
                image = pyvips.Image.new_from_file(str(self._path), shrink=shrink, **options)
            return image


def fitted(image: pyvips.Image, full_px: int, long_side_px: int) -> pyvips.Image:
    """The image reduced to `long_side_px`; `full_px` is the long side of the master."""
    scale = min(1.0, long_side_px / full_px)
    factor = full_px / max(image.width, image.height)
    width = max(1, round(image.width * factor * scale))
    height = max(1, round(image.height * factor * scale))
    if (width, height) == (image.width, image.height):
        return image
    # Resizing before the colour conversion looks the same and takes a tenth of the time.
    return image.resize(width / image.width, vscale=height / image.height, kernel="lanczos3")


def jpeg(image: pyvips.Image, rule: ReadingImage, dpi: float | None) -> Derivative:
    """The image as baseline JPEG with a JFIF header."""
    keep = "icc" if image.get_typeof(PROFILE) else "none"
    content = image.jpegsave_buffer(Q=rule.quality, optimize_coding=True, keep=keep)
    density = max(1, min(65535, round(dpi))) if dpi else 1
    # libvips removes JFIF with the other metadata (JFIF 1.02; unit 1 is the inch).
    jfif = struct.pack(
        ">HH5sHBHHBB", 0xFFE0, 16, b"JFIF\0", 0x0102, bool(dpi), density, density, 0, 0
    )
    return Derivative(image.width, image.height, content[:2] + jfif + content[2:])


def _with_random_access(image: pyvips.Image, path: Path) -> pyvips.Image:
    """The image with random access, which rotation needs; tiles on disk keep memory flat."""
    image.tiffsave(str(path), tile=True, tile_width=TILE_PX, tile_height=TILE_PX, bigtiff=True)
    return pyvips.Image.new_from_file(str(path))


def _with_srgb_profile(image: pyvips.Image, colour: Colour) -> pyvips.Image:
    """The image with the sRGB profile if it has colours; grey has no profile."""
    if colour.grey or image.get_typeof(PROFILE):
        return image
    tagged = image.copy()
    tagged.set_type(pyvips.GValue.blob_type, PROFILE, srgb_profile())
    return tagged


def srgb_profile() -> bytes:
    """The sRGB profile of libvips."""
    pixel = pyvips.Image.black(1, 1, bands=3).copy(interpretation="srgb")
    profile: bytes = pixel.icc_transform("srgb", input_profile="srgb").get(PROFILE)
    return profile


def _orientation(image: pyvips.Image) -> int:
    stated = image.get("orientation") if image.get_typeof("orientation") else UPRIGHT
    return stated if UPRIGHT <= stated <= 8 else UPRIGHT


def _is_jpeg(image: pyvips.Image) -> bool:
    loader = image.get_typeof("vips-loader") and image.get("vips-loader")
    return bool(loader) and loader.startswith("jpegload")


def _jpeg_shrink(factor: float) -> int:
    """By how much the JPEG decoder shrinks; a better filter does at least the last factor of 2."""
    return next((shrink for shrink in (8, 4, 2) if factor >= 2 * shrink), 1)

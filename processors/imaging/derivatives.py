"""Reading images of a master: upright, on white, 8 bit, without metadata but the sRGB profile."""

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path

import pyvips

from processors.imaging.alpha import alpha_of, on_white
from processors.imaging.colour import PROFILE, Colour, colour_of
from processors.imaging.decode import MM_PER_INCH, decoding
from processors.imaging.twelve_bits import open_twelve_bits
from processors.profile import Pyramid, ReadingImage

CLASSIC_TIFF_BYTES = 4_000_000_000
MEDIA_TYPES = {"pyramid": "image/tiff", "access": "image/jpeg", "thumbnail": "image/jpeg"}
RESOLUTION_UNIT_TAG = 296
UPRIGHT, MIRRORED = 1, 2
TILE_PX = 256


@dataclass(frozen=True)
class Made:
    """One reading image as it was written."""

    width_px: int
    height_px: int
    content: Path | bytes


class Master:
    """A master whose reading images are made; its pixels are read anew for each need."""

    def __init__(self, path: Path, *, resolution_dpi: float | None, negative: bool) -> None:
        self._path = path
        self._resolution_dpi = resolution_dpi
        self.alpha = alpha_of(path)
        image = self._pixels()
        self.long_side_px: int = max(image.width, image.height)
        self.orientation = _orientation(image)
        self.has_alpha = image.hasalpha()
        self.colour: Colour = colour_of(on_white(image, self.alpha), negative=negative)

    def screen_image(self, long_side_px: int) -> pyvips.Image:
        """The master for the screen in memory, no side longer than asked, never enlarged."""
        with decoding(self._path):
            image = self._pixels(_jpeg_shrink(self.long_side_px / long_side_px))
            small = fitted(on_white(image, self.alpha), self.long_side_px, long_side_px)
            return _tagged(self.colour.rendition(small).copy_memory().autorot(), self.colour)

    def write_pyramid(self, target: Path, rule: Pyramid) -> Made:
        """Write a tiled TIFF with the master's size and all halves of it down to one tile."""
        with decoding(self._path):
            image = self.colour.rendition(on_white(self._pixels(), self.alpha))
            if self.orientation > MIRRORED:
                image = _for_any_order(image, target.with_suffix(".turning"))
            image = _tagged(image.autorot(), self.colour)
            per_mm = (self._resolution_dpi or MM_PER_INCH) / MM_PER_INCH
            image = image.copy(xres=per_mm, yres=per_mm)
            _save_pyramid(image, target, rule)
        if not self._resolution_dpi:
            _without_unit(target)
        return Made(image.width, image.height, target)

    def dpi_at(self, long_side_px: int) -> float | None:
        """Resolution of an image of that size; None when that of the master is unknown."""
        if not self._resolution_dpi:
            return None
        return self._resolution_dpi * long_side_px / self.long_side_px

    def _pixels(self, shrink: int = 1) -> pyvips.Image:
        with decoding(self._path):
            unpacked = open_twelve_bits(self._path)
            if unpacked is not None:
                return unpacked
            # Opened sequentially: a large master is streamed, so memory stays flat.
            how = {"access": "sequential", "fail_on": "error"}
            image = pyvips.Image.new_from_file(str(self._path), **how)
            if shrink > 1 and image.get("vips-loader").startswith("jpegload"):
                image = pyvips.Image.new_from_file(str(self._path), shrink=shrink, **how)
            return image


def fitted(image: pyvips.Image, full_px: int, long_side_px: int) -> pyvips.Image:
    """The image with a long side of at most so many pixels; `full_px` is that of the master."""
    scale = min(1.0, long_side_px / full_px)
    factor = full_px / max(image.width, image.height)
    width = max(1, round(image.width * factor * scale))
    height = max(1, round(image.height * factor * scale))
    if (width, height) == (image.width, image.height):
        return image
    # Before the conversion of colours: the same to the eye, for a tenth of the work.
    return image.resize(width / image.width, vscale=height / image.height, kernel="lanczos3")


def jpeg(image: pyvips.Image, rule: ReadingImage, dpi: float | None) -> Made:
    """The image as baseline JPEG with a JFIF header."""
    keep = "icc" if image.get_typeof(PROFILE) else "none"
    content = image.jpegsave_buffer(Q=rule.quality, optimize_coding=True, keep=keep)
    density = max(1, min(65535, round(dpi))) if dpi else 1
    # libvips leaves JFIF out with the rest of the metadata (JFIF 1.02; unit 1 is the inch).
    jfif = struct.pack(
        ">HH5sHBHHBB", 0xFFE0, 16, b"JFIF\0", 0x0102, bool(dpi), density, density, 0, 0
    )
    return Made(image.width, image.height, content[:2] + jfif + content[2:])


def _for_any_order(image: pyvips.Image, path: Path) -> pyvips.Image:
    """The image with pixels that can be had in any order, for turning; tiles keep memory flat."""
    image.tiffsave(str(path), tile=True, tile_width=TILE_PX, tile_height=TILE_PX, bigtiff=True)
    return pyvips.Image.new_from_file(str(path))


def _save_pyramid(image: pyvips.Image, target: Path, rule: Pyramid) -> None:
    size = image.width * image.height * image.bands * 4 // 3
    how: dict[str, object] = {"compression": rule.compression, "keep": "none"}
    if rule.compression == "jpeg":
        how["Q"] = rule.quality
    else:
        how |= {"predictor": "horizontal", "bigtiff": size > CLASSIC_TIFF_BYTES}
    if image.get_typeof(PROFILE):
        how["keep"] = "icc"
    tile = {"tile": True, "tile_width": rule.tile_px, "tile_height": rule.tile_px}
    image.tiffsave(str(target), pyramid=True, region_shrink="mean", resunit="inch", **tile, **how)


def _tagged(image: pyvips.Image, colour: Colour) -> pyvips.Image:
    """The image with the profile of sRGB when it has colours; grey carries none."""
    if colour.grey or image.get_typeof(PROFILE):
        return image
    tagged = image.copy()
    tagged.set_type(pyvips.GValue.blob_type, PROFILE, srgb_profile())
    return tagged


def srgb_profile() -> bytes:
    """The profile that every coloured reading image carries."""
    pixel = pyvips.Image.black(1, 1, bands=3).copy(interpretation="srgb")
    profile: bytes = pixel.icc_transform("srgb", input_profile="srgb").get(PROFILE)
    return profile


def _orientation(image: pyvips.Image) -> int:
    stated = image.get("orientation") if image.get_typeof("orientation") else UPRIGHT
    return stated if UPRIGHT <= stated <= 8 else UPRIGHT


def _jpeg_shrink(factor: float) -> int:
    """How far the JPEG decoder may shrink: at least half of the way is left to the better way."""
    return next((shrink for shrink in (8, 4, 2) if factor >= 2 * shrink), 1)


def _without_unit(path: Path) -> None:
    """Say in every directory of a TIFF that the resolution has no unit, as libvips cannot."""
    with path.open("r+b") as stream, mmap.mmap(stream.fileno(), 0) as data:
        order = "<" if data[:2] == b"II" else ">"
        big = struct.unpack_from(order + "H", data, 2) == (43,)
        offset_form, count_form = (order + "Q", order + "Q") if big else (order + "I", order + "H")
        entry_size, value_at = (20, 12) if big else (12, 8)
        (offset,) = struct.unpack_from(offset_form, data, 8 if big else 4)
        while offset:
            (count,) = struct.unpack_from(count_form, data, offset)
            start = offset + struct.calcsize(count_form)
            after = start + count * entry_size
            for place in range(start, after, entry_size):
                if struct.unpack_from(order + "H", data, place) == (RESOLUTION_UNIT_TAG,):
                    struct.pack_into(order + "H", data, place + value_at, 1)
            (offset,) = struct.unpack_from(offset_form, data, after)

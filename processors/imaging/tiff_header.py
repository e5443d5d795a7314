"""Reads the header of the main image of a TIFF or BigTIFF file."""

from collections.abc import Mapping

from processors.imaging import tiff_directory
from processors.imaging.header import Buffer, DamagedHeader, Header
from processors.imaging.jpeg_markers import LOSSLESS
from processors.imaging.jpeg_stream import stream_of
from processors.imaging.resolution import INCH_PER_CM, StatedResolution, in_dpi
from processors.imaging.tiff_directory import (
    ICC_PROFILE,
    Directory,
    Value,
)
from processors.imaging.tiff_parts import parts_of

COMPRESSIONS = {
    1: "none",
    2: "ccitt-rle",
    3: "ccitt-g3",
    4: "ccitt-g4",
    5: "lzw",
    6: "old-jpeg",
    7: "jpeg",
    8: "deflate",
    32773: "packbits",
    32946: "deflate",
    34712: "jpeg2000",
    34887: "lerc",
    34925: "lzma",
    50000: "zstd",
    50001: "webp",
}
LOSSLESS_JPEG = "jpeg-lossless"
HEAD_BYTES = 65536
"""The frame header of a JPEG strip is in its first bytes."""
LOSSY = ("old-jpeg", "jpeg", "webp", "jpeg2000", "lerc")
COLOUR_SPACES = {0: "greyscale", 1: "greyscale", 2: "rgb", 3: "rgb", 5: "cmyk", 6: "rgb"}
PHOTOMETRICS = {
    0: "min-is-white",
    1: "min-is-black",
    2: "rgb",
    3: "palette",
    5: "separated",
    6: "ycbcr",
    8: "cielab",
}
UPRIGHT, LAST_ORIENTATION = 1, 8


def read(data: Buffer, number: int = 1) -> Header:
    """The header of a full image, by default of the main one; all directories are read.

    Raises DamagedHeader."""
    found = list(tiff_directory.directories(data))
    full = [each for each in found if tiff_directory.is_full_image(each)]
    if not found:
        raise DamagedHeader("the file has no image directory")
    first = full[number - 1] if number <= len(full) else found[0]
    bits, samples = int(first.one(258, 1)), int(first.one(277, 1))
    code, photometric = int(first.one(259, 1)), int(first.one(262, -1))
    compression = COMPRESSIONS.get(code, f"number {code}")
    if compression == "jpeg" and _is_lossless_jpeg(first):
        compression = LOSSLESS_JPEG
    colour = COLOUR_SPACES.get(photometric if 262 in first else 1, "other")
    if first.one(339, 1) not in (1, 4):
        colour = "other"
    return Header(
        width_px=int(_required(first, 256, "width")),
        height_px=int(_required(first, 257, "height")),
        bits_per_sample=bits,
        samples_per_pixel=samples,
        colour_space="bitonal" if bits == samples == 1 and colour == "greyscale" else colour,
        compression=compression,
        lossy=compression in LOSSY,
        resolutions=resolutions(first, "tiff"),
        icc=_icc(first),
        orientation=orientation(first),
        images=max(1, len(full)),
        photometric=PHOTOMETRICS.get(photometric),
        byte_order="little-endian" if first.layout.order == "<" else "big-endian",
    )


def _is_lossless_jpeg(first: Directory) -> bool:
    """Whether the first strip or tile is in the lossless process of JPEG (ITU-T T.81, annex H)."""
    parts = parts_of(first)
    start = int(parts.offsets[0])
    length = int(parts.lengths[0]) if parts.lengths else HEAD_BYTES
    frame = stream_of(bytes(first.data[start : start + min(length, HEAD_BYTES)])).frame
    return frame is not None and frame.marker in LOSSLESS


def resolutions(directory: Mapping[int, Value], source: str) -> tuple[StatedResolution, ...]:
    """The resolution in a directory; empty if it states no unit of length."""
    inches = {2: 1.0, 3: INCH_PER_CM}.get(int(_number(directory, 296, 2)))
    if inches is None or 282 not in directory or 283 not in directory:
        return ()
    x, y = (in_dpi(_number(directory, tag, 0.0), inches) for tag in (282, 283))
    return (StatedResolution(source, x, y),)


def orientation(directory: Mapping[int, Value]) -> int:
    """The orientation tag; 1 (upright) if it is missing or invalid."""
    stated = int(_number(directory, 274, UPRIGHT))
    return stated if UPRIGHT <= stated <= LAST_ORIENTATION else UPRIGHT


def _icc(directory: Directory) -> bytes | None:
    """The embedded profile; empty if the tag has another type."""
    value = directory.get(ICC_PROFILE)
    return value if value is None or isinstance(value, bytes) else b""


def _number(directory: Mapping[int, Value], tag: int, default: float) -> float:
    value = directory.get(tag)
    return value[0] if isinstance(value, tuple) and value else default


def _required(directory: Directory, tag: int, name: str) -> float:
    value = directory.get(tag)
    if not value or isinstance(value, bytes):
        raise DamagedHeader(f"the image has no {name}")
    return value[0]

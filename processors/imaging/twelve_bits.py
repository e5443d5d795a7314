"""Reads uncompressed TIFF with 12 bits per sample, which libvips does not support, as 16 bits."""

import mmap
from pathlib import Path

import pyvips

from processors.imaging.header import DamagedHeader
from processors.imaging.tiff_directory import ICC_PROFILE, Directory, is_tiff, main_directory
from processors.imaging.tiff_header import orientation
from processors.imaging.tiff_parts import ONE_STRIP, SEPARATE_PLANES, UNCOMPRESSED, parts_of

BITS = 12
MM_PER_UNIT = {2: 25.4, 3: 10.0}
KINDS = {(0, 1): "grey16", (1, 1): "grey16", (2, 3): "rgb16"}
"""Supported images: libvips interpretation by photometric interpretation and samples."""
FULL = 65535
MAX_PIXELS_PER_MM = 1e6
"""Maximum resolution in libvips."""


def open_twelve_bits(path: Path) -> pyvips.Image | None:
    """The image with 16 bits per sample and the full range of values; None for other files."""
    if not is_tiff(path):
        return None
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            first = main_directory(data)
            if first.one(258, 1) != BITS or not _is_supported(first):
                return None
            return _with_metadata(first, _unpacked(first))
        except DamagedHeader:
            return None


def _is_supported(first: Directory) -> bool:
    kind = first.one(262, 1), first.one(277, 1)
    planes = first.one(284, 1) if first.one(277, 1) > 1 else 1
    in_strips = 324 not in first and first.one(266, 1) == 1
    return (
        first.one(259, 1) == UNCOMPRESSED
        and kind in KINDS
        and planes != SEPARATE_PLANES
        and in_strips
    )


def _unpacked(first: Directory) -> pyvips.Image:
    """Two samples are packed in three bytes, high bits first; each row begins at a byte."""
    width, height, samples = (int(first.one(tag, 1)) for tag in (256, 257, 277))
    row_bytes = -(-width * samples * BITS // 8)
    packed = _packed(first, height, row_bytes)
    rows = pyvips.Image.new_from_memory(packed, row_bytes, height, 1, "uchar")
    triples = rows.embed(0, 0, -(-row_bytes // 3) * 3, height).bandfold(factor=3)
    high, middle, low = triples.bandsplit()
    pairs = (high * 16 + (middle >> 4)).bandjoin((middle & 15) * 256 + low).cast("ushort")
    flat = pairs.bandunfold().crop(0, 0, width * samples, height)
    # The upper four bits are repeated below, so that 4095 becomes 65535.
    full = (flat * 16 + (flat >> 8)).cast("ushort")
    image = full.bandfold(factor=samples)
    return FULL - image if first.one(262, 1) == 0 else image


def _packed(first: Directory, height: int, row_bytes: int) -> bytes:
    """The rows of all strips, without padding. Raises DamagedHeader."""
    offsets = parts_of(first).offsets
    rows = min(int(first.one(278, ONE_STRIP)), height)
    lengths = [min(rows, height - top) * row_bytes for top in range(0, height, rows)]
    strips = [
        first.data[int(offset) : int(offset) + length]
        for offset, length in zip(offsets, lengths, strict=False)
    ]
    if [len(strip) for strip in strips] != lengths:
        raise DamagedHeader("the strips do not hold all rows")
    return b"".join(strips)


def _with_metadata(first: Directory, image: pyvips.Image) -> pyvips.Image:
    """The image with interpretation, resolution, orientation and profile."""
    kind = KINDS[int(first.one(262, 1)), int(first.one(277, 1))]
    mm = MM_PER_UNIT.get(int(first.one(296, 2)), 0.0)
    stated = {"xres": 282, "yres": 283} if mm else {}
    scale = {name: min(first.one(tag, 0) / mm, MAX_PIXELS_PER_MM) for name, tag in stated.items()}
    tagged = image.cast("ushort").copy(interpretation=kind, **scale)
    tagged.set_type(pyvips.GValue.gint_type, "orientation", orientation(first))
    profile = first.get(ICC_PROFILE)
    if isinstance(profile, bytes):
        tagged.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
    return tagged

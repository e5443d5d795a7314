"""Writes a pyramid: a tiled TIFF with the full size of an image and each half of it."""

import mmap
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyvips

from processors.imaging.colour import PROFILE
from processors.imaging.tiff_directory import CODES, Directory, Entry, directories
from processors.profile import Pyramid

CLASSIC_TIFF_BYTES = 4_000_000_000
JPEG_BLOCK = 16
"""Side of the blocks of a JPEG whose colours have half the resolution."""
WIDTH, HEIGHT, RESOLUTION_UNIT, TILE_OFFSETS, TILE_LENGTHS = 256, 257, 296, 324, 325
Size = tuple[int, int]


def save_pyramid(image: pyvips.Image, target: Path, rule: Pyramid) -> None:
    """Write the pyramid of an image, which is read once."""
    size = image.width, image.height
    levels = list(_levels(size, rule.tile_px))
    padded = _padded(levels, rule.tile_px) if rule.compression == "jpeg" else size
    if padded != size:
        # libvips fills the tiles at the edge with black, which JPEG mixes into the last pixels.
        image = image.embed(0, 0, *padded, extend="copy")
    options: dict[str, object] = {"compression": rule.compression, "keep": "none"}
    if rule.compression == "jpeg":
        options["Q"] = rule.quality
    else:
        bytes_ = image.width * image.height * image.bands * 4 // 3
        options |= {"predictor": "horizontal", "bigtiff": bytes_ > CLASSIC_TIFF_BYTES}
    if image.get_typeof(PROFILE):
        options["keep"] = "icc"
    tile = {"tile": True, "tile_width": rule.tile_px, "tile_height": rule.tile_px}
    image.tiffsave(
        str(target), pyramid=True, region_shrink="mean", resunit="inch", **tile, **options
    )
    if padded != size:
        _trim(target, levels, rule.tile_px)


def clear_resolution_unit(path: Path) -> None:
    """Set the resolution unit of every directory of a TIFF to none, which libvips cannot do."""
    with _writable(path) as data:
        for directory in list(directories(data)):
            unit = directory.by_tag.get(RESOLUTION_UNIT)
            if unit is not None:
                struct.pack_into(directory.layout.order + "H", data, unit.at, 1)


def _levels(size: Size, tile_px: int) -> Iterator[Size]:
    """The size of each level, down to one tile."""
    yield size
    while max(size) > tile_px:
        size = max(1, size[0] // 2), max(1, size[1] // 2)
        yield size


def _padded(levels: list[Size], tile_px: int) -> Size:
    """A size at which the last pixels of every level lie in complete blocks of JPEG."""
    across, down = (
        max(_in_blocks(size[axis], tile_px) << level for level, size in enumerate(levels))
        for axis in (0, 1)
    )
    return across, down


def _in_blocks(side: int, tile_px: int) -> int:
    """A side with complete blocks, and one more pixel, since decoders mix neighbouring colours;
    except at the edge of a tile."""
    return side if side % tile_px == 0 else (side // JPEG_BLOCK + 1) * JPEG_BLOCK


def _trim(path: Path, levels: list[Size], tile_px: int) -> None:
    """Set every level to its own size and tiles, and end the list after the last one."""
    with _writable(path) as data:
        found = list(directories(data))
        for directory, size in zip(found, levels, strict=False):
            _trim_tiles(data, directory, size, tile_px)
            for tag, value in ((WIDTH, size[0]), (HEIGHT, size[1])):
                _write(data, directory, directory.by_tag[tag], [value])
        last = found[len(levels) - 1]
        data[last.end - last.layout.inline : last.end] = bytes(last.layout.inline)


def _trim_tiles(data: mmap.mmap, directory: Directory, size: Size, tile_px: int) -> None:
    across = -(-int(directory.one(WIDTH, 0)) // tile_px)
    columns, rows = (-(-side // tile_px) for side in size)
    for tag in (TILE_OFFSETS, TILE_LENGTHS):
        values = [int(value) for value in directory[tag]]
        kept = [values[row * across + column] for row in range(rows) for column in range(columns)]
        _write(data, directory, directory.by_tag[tag], kept)


def _write(data: mmap.mmap, directory: Directory, entry: Entry, values: list[int]) -> None:
    """Replace the values of an entry by at most as many."""
    layout = directory.layout
    raw = struct.pack(f"{layout.order}{len(values)}{CODES[entry.kind]}", *values)
    at = entry.start + 4 + layout.inline if len(raw) <= layout.inline else entry.at
    struct.pack_into(layout.offset, data, entry.start + 4, len(values))
    data[at : at + len(raw)] = raw


@contextmanager
def _writable(path: Path) -> Iterator[mmap.mmap]:
    with path.open("r+b") as stream, mmap.mmap(stream.fileno(), 0) as data:
        yield data

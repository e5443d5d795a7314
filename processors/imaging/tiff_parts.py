"""Checks the strips and tiles of a TIFF image: their number, location and length."""

from dataclasses import dataclass

from processors.imaging.header import DamagedHeader
from processors.imaging.tiff_directory import Directory

STRIPS, TILES = (273, 279, "strip"), (324, 325, "tile")
Region = tuple[int, int, str, int]
"""Start, end, name and number (0: none) of a region in use."""
ONE_STRIP = 2**32 - 1
MAX_TILE_BYTES = 1 << 30
PADDING = 4
"""Maximum number of bytes that writers add to align the next part."""
MAX_OVERLAPS_LISTED = 20
SEPARATE_PLANES, YCBCR, UNCOMPRESSED, TILE_WIDTH = 2, 6, 1, 322


@dataclass(frozen=True)
class Parts:
    """The location of the pixels of one image."""

    name: str
    offsets: tuple[float, ...]
    lengths: tuple[float, ...]
    needed: int
    """Number of parts that the size of the image requires."""
    pixel_bytes: int | None
    """Total length of uncompressed parts; None for a compressed image."""
    planes: int
    part_rows: int
    """Rows of a part; the last strip of a plane may have fewer."""
    row_bytes: int
    """Length of a row of a part before compression; not of subsampled YCbCr."""
    rows_of_plane: int
    """Rows of all parts below each other in a plane."""

    def rows_of(self, number: int) -> int:
        """Rows of a part; parts are numbered from 0."""
        if self.name == "tile":
            return self.part_rows
        above = number % (self.needed // self.planes) * self.part_rows
        return min(self.part_rows, self.rows_of_plane - above)


def parts_of(directory: Directory) -> Parts:
    """The strips or tiles of a directory. Raises DamagedHeader if there are none."""
    in_tiles = TILES[0] in directory or TILE_WIDTH in directory
    offsets_tag, lengths_tag, name = TILES if in_tiles else STRIPS
    if in_tiles and tiles_in_strip_tags(directory):
        offsets_tag, lengths_tag, _ = STRIPS
    offsets = directory.get(offsets_tag, ())
    lengths = directory.get(lengths_tag, ())
    if not offsets or isinstance(offsets, bytes) or isinstance(lengths, bytes):
        raise DamagedHeader("the directory has neither strips nor tiles")
    width, height = int(directory.one(256, 0)), int(directory.one(257, 0))
    samples = int(directory.one(277, 1))
    apart = directory.one(284, 1) == SEPARATE_PLANES
    planes, together = (samples, 1) if apart else (1, samples)
    if name == "tile":
        across, down = int(directory.one(322, 0)), int(directory.one(323, 0))
    else:
        across, down = width, min(int(directory.one(278, ONE_STRIP)), height)
    if across < 1 or down < 1:
        raise DamagedHeader(f"each {name} has {across} x {down} pixels")
    row_bytes = -(-across * together * int(directory.one(258, 1)) // 8)
    if name == "tile" and row_bytes * down > MAX_TILE_BYTES:
        raise DamagedHeader(f"each tile has {across} x {down} pixels")
    needed = -(-width // across) * -(-height // down) * planes
    rows = needed * down if name == "tile" else height * planes
    plain = directory.one(259, 1) == UNCOMPRESSED and directory.one(262, 0) != YCBCR
    pixel_bytes = row_bytes * rows if plain else None
    return Parts(name, offsets, lengths, needed, pixel_bytes, planes, down, row_bytes, height)


def tiles_in_strip_tags(directory: Directory) -> bool:
    """Whether the tiles are located by the tags of strips, as some writers do."""
    return TILE_WIDTH in directory and TILES[0] not in directory and STRIPS[0] in directory


def check(parts: Parts, size: int, header_bytes: int) -> list[str]:
    """The irregularities of the parts. Raises DamagedHeader when pixels are missing."""
    name, total = parts.name, len(parts.offsets)
    if total < parts.needed:
        raise DamagedHeader(f"the number of {name}s is {total}, expected {parts.needed}")
    if parts.lengths and len(parts.lengths) < total:
        found = f"the number of {name}s is {total}, that of their lengths {len(parts.lengths)}"
        raise DamagedHeader(found)
    for number, (offset, length) in enumerate(
        zip(parts.offsets, parts.lengths, strict=False), start=1
    ):
        if offset + length > size:
            found = f"{name} {number} of {total} ends at byte {int(offset + length)}"
            raise DamagedHeader(f"{found}, the file has {size} bytes")
        if length < 1 or offset < header_bytes:
            found = f"{name} {number} of {total} has {int(length)} bytes at byte {int(offset)}"
            raise DamagedHeader(found)
    return [*_numbers(parts), *_bytes(parts)]


def _numbers(parts: Parts) -> list[str]:
    name, total = parts.name, len(parts.offsets)
    if not parts.lengths:
        return [f"the lengths of the {name}s are missing"]
    found = []
    if total > parts.needed:
        found.append(f"the number of {name}s is {total}, expected {parts.needed}")
    if len(parts.lengths) > total:
        found.append(
            f"the number of {name}s is {total}, that of their lengths {len(parts.lengths)}"
        )
    return found


def _bytes(parts: Parts) -> list[str]:
    if parts.pixel_bytes is None or not parts.lengths:
        return []
    held = int(sum(parts.lengths[: parts.needed]))
    found = f"the {parts.name}s contain {held} bytes, the pixels require {parts.pixel_bytes}"
    if held < parts.pixel_bytes:
        raise DamagedHeader(found)
    return [found] if held > parts.pixel_bytes + PADDING * parts.needed else []


def overlapping(regions: list[Region]) -> list[str]:
    """Overlapping regions of a file."""
    regions.sort()
    furthest, found = regions[0], []
    for region in regions[1:]:
        if region[0] < furthest[1]:
            found.append(f"{_named(region)} at byte {region[0]} overlaps {_named(furthest)}")
            if len(found) == MAX_OVERLAPS_LISTED:
                break
        if region[1] > furthest[1]:
            furthest = region
    return found


def _named(region: Region) -> str:
    return f"{region[2]} {region[3]}" if region[3] else region[2]

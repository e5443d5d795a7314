"""Checks the structure of a TIFF or BigTIFF file by TIFF 6.0, beyond what a decoder checks."""

from collections.abc import Iterator

from processors.imaging import tiff_parts, tiff_tags
from processors.imaging.header import Buffer, DamagedHeader
from processors.imaging.tiff_directory import (
    RATIONAL,
    Directory,
    directories,
    directory_at,
    is_empty,
    is_full_image,
    main_directory,
    unpack,
)
from processors.imaging.tiff_parts import Region

RGB, PALETTE, CMYK = 2, 3, 5
COLOURS = {0: 1, 1: 1, RGB: 3, PALETTE: 1, 4: 1, CMYK: 4, 6: 3, 8: 3}
"""Samples of a pixel that are its colour, by photometric interpretation."""
TILE_STEP = 16
MAX_SUB_DIRECTORIES = 100
ALLOWED = {284: (1, 2), 296: (1, 2, 3), 274: tuple(range(1, 9)), 266: (1, 2)}
"""Tags with few permitted values."""


def check(data: Buffer) -> tuple[str, ...]:
    """The violations that lose no pixel; empty for a valid file.

    Raises DamagedHeader when the directories cannot be followed or an image is incomplete."""
    walk = _Walk()
    found: list[str] = []
    main = main_directory(data).offset
    for number, directory in enumerate(directories(data), start=1):
        try:
            of_image = _image(directory, len(data), walk.regions)
        except DamagedHeader as damage:
            if directory.offset == main:
                raise
            if _is_full_image(directory):
                raise DamagedHeader(f"image {number}: {damage}") from None
            of_image = [str(damage)]
        prefix = f"directory {number}: " if number > 1 else ""
        found += [prefix + each for each in (*of_image, *walk.follow(directory))]
        if is_empty(data, directory.layout, directory.following):
            found.append(f"{prefix}the next directory, at byte {directory.following}, is empty")
        if number == 1:
            walk.regions.append((0, directory.layout.header_bytes, "the header", 0))
        if directory.offset == main and number > 1:
            found.append(f"the image is in directory {number}, after a reduced copy")
    return (*found, *tiff_parts.overlapping(walk.regions))


def ambiguities(data: Buffer) -> tuple[str, ...]:
    """Why the tags do not say what the pixels of the main image show. Raises DamagedHeader."""
    main = main_directory(data)
    return (*_colours(main), *tiff_tags.contradictions(main))


def _is_full_image(directory: Directory) -> bool:
    return is_full_image(directory) and 256 in directory and (273 in directory or 324 in directory)


def _image(directory: Directory, size: int, regions: list[Region]) -> list[str]:
    parts = tiff_parts.parts_of(directory)
    found = tiff_parts.check(parts, size, directory.layout.header_bytes)
    regions += [
        (int(offset), int(offset + length), parts.name, number)
        for number, (offset, length) in enumerate(
            zip(parts.offsets, parts.lengths, strict=False), start=1
        )
    ]
    if tiff_parts.tiles_in_strip_tags(directory):
        found.append("the tags of strips (273, 279) locate tiles")
    return [*found, *_samples(directory), *_values(directory), *_odd_offsets(directory)]


class _Walk:
    """Follows directories into those that they point to, and records the regions in use."""

    def __init__(self) -> None:
        self.regions: list[Region] = []
        self._visited: set[int] = set()
        self._left = MAX_SUB_DIRECTORIES

    def follow(self, directory: Directory) -> list[str]:
        """The violations in the tags of a directory and of those that it points to."""
        self._visited.add(directory.offset)
        self.regions.append((directory.offset, directory.end, "a directory", 0))
        self.regions += [
            (entry.at, entry.at + entry.length, "the value of tag", entry.tag)
            for entry in directory.entries
            if not entry.inline and not entry.outside
        ]
        found = tiff_tags.violations(directory)
        for tag, name in tiff_tags.SUB_DIRECTORIES.items():
            entry = directory.by_tag.get(tag)
            if entry is None or entry.kind not in tiff_tags.POINTERS:
                continue
            for offset in directory[tag]:
                if not self._left:
                    return [*found, f"tags point to more than {MAX_SUB_DIRECTORIES} directories"]
                self._left -= 1
                found += self._pointed_to(directory, int(offset), name)
        return found

    def _pointed_to(self, above: Directory, offset: int, name: str) -> list[str]:
        if offset in self._visited:
            return [f"{name} points to the directory at byte {offset}, which is already in use"]
        try:
            directory = directory_at(above.data, above.layout, offset)
        except DamagedHeader as damage:
            return [f"{name} cannot be read: {damage}"]
        return [f"{name}: {each}" for each in self.follow(directory)]


def _samples(directory: Directory) -> Iterator[str]:
    """Whether bits and samples are consistent."""
    bits, samples = directory.get(258, ()), int(directory.one(277, 1))
    if bits and len(bits) != samples:
        yield f"tag 258 has {len(bits)} values, expected {samples}"
    extra = samples - COLOURS.get(int(directory.one(262, 1)), samples)
    if extra > len(directory.get(338, ())):
        yield f"the meaning of extra samples (tag 338) is missing for {extra}"
    if 320 in directory and directory.one(262, PALETTE) != PALETTE:
        yield f"photometric interpretation {directory.one(262, 0):g} contradicts the colour map"


def _colours(directory: Directory) -> Iterator[str]:
    """Whether the samples have a colour."""
    bits, samples = directory.get(258, ()), int(directory.one(277, 1))
    if isinstance(bits, tuple) and len(bits) == samples and len(set(bits)) > 1:
        yield "the samples have different bit depths"
    if 262 not in directory:
        yield "the photometric interpretation (tag 262) is missing"
        return
    photometric = int(directory.one(262, 1))
    if photometric not in COLOURS:
        yield f"the photometric interpretation is unknown: {photometric}"
    elif samples < COLOURS[photometric]:
        needed = COLOURS[photometric]
        yield f"photometric interpretation {photometric} requires {needed} samples, found {samples}"
    if photometric == PALETTE and 320 not in directory:
        yield "the image has a palette, and the colour map (tag 320) is missing"
    if 284 in directory and directory.one(284, 1) not in ALLOWED[284]:
        yield f"the planar configuration is unknown: {directory.one(284, 0):g}"


def _values(directory: Directory) -> Iterator[str]:
    for tag, allowed in ALLOWED.items():
        if tag in directory and directory.one(tag, 0) not in allowed:
            yield f"tag {tag} has the value {directory.one(tag, 0):g}"
    for tag in (282, 283):
        entry = directory.by_tag.get(tag)
        if entry and entry.kind == RATIONAL and entry.values:
            form = directory.layout.order + "II"
            above, below = unpack(directory.data, form, entry.at, "resolution")
            if not above or not below:
                yield f"the resolution in tag {tag} is {above}/{below}"
    for tag in (322, 323):
        if directory.one(tag, TILE_STEP) % TILE_STEP:
            side = directory.one(tag, 0)
            yield f"tag {tag} has the value {side:g}, which is not a multiple of {TILE_STEP}"


def _odd_offsets(directory: Directory) -> Iterator[str]:
    """Directories and values begin at even offsets (TIFF 6.0, section 2)."""
    if directory.offset % 2:
        yield f"the directory begins at the odd offset {directory.offset}"
    for entry in directory.entries:
        if not entry.inline and entry.at % 2:
            yield f"the value of tag {entry.tag} begins at the odd offset {entry.at}"

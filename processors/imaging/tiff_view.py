"""Shows a decoder the first image of a TIFF file without the tags that readers do not need.

libtiff reports irregular tags and holes in the pixels in the same way, without words. What it still
reports about this view is about pixels."""

import mmap
import struct
from pathlib import Path
from typing import Any

import pyvips

from processors.imaging import tiff_parts, tiff_tags
from processors.imaging.header import DamagedHeader
from processors.imaging.tiff_directory import (
    ICC_PROFILE,
    PIXEL_TAGS,
    Directory,
    Entry,
    first_offset,
    is_empty,
    main_directory,
)

ORIENTATION, RESOLUTION_UNIT = 274, 296
DEFINED = {ORIENTATION: range(1, 9), RESOLUTION_UNIT: range(1, 4)}
"""Values of tags of display; libtiff takes any other for an error."""
STRIPS_AS_TILES = {273: 324, 279: 325}
TILE_WIDTH, TILE_LENGTH, ROWS_PER_STRIP = 322, 323, 278
DISPLAY_TAGS = (274, 282, 283, 296, ICC_PROFILE)
"""Orientation, resolution and colours."""


def needs_view(path: Path) -> bool:
    """Whether a TIFF has tags on which libtiff stumbles; False for a damaged one.

    Raises OSError."""
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            first = main_directory(data)
            return (
                first.offset != first_offset(data)
                or bool(tiff_tags.violations(first))
                or tiff_parts.tiles_in_strip_tags(first)
                or _has_undefined_display(first)
                or is_empty(first.data, first.layout, first.following)
            )
        except DamagedHeader:
            return False


def open_view(path: Path, **how: Any) -> pyvips.Image:
    """The main image; the file is not changed. Raises pyvips.Error, DamagedHeader and OSError."""
    view, main = _mapped(path)
    return _opened(view, main, _entries(main), how)


def open_tiles_as_strips(path: Path, **how: Any) -> pyvips.Image:
    """All tiles of the main image one below the other, as strips: libtiff then decodes them, where
    libvips ignores what its own decoder of tiles reports.

    Raises pyvips.Error, DamagedHeader and OSError."""
    view, main = _mapped(path)
    kept = _entries(main)
    parts = tiff_parts.parts_of(main)
    width, height = int(main.one(TILE_WIDTH, 0)), int(main.one(TILE_LENGTH, 0))
    rows = height * parts.needed // parts.planes
    numbers = {256: width, 257: rows, ROWS_PER_STRIP: height}
    strips = {273: kept[324], 279: kept[325]}
    others = {tag: raw for tag, raw in kept.items() if tag not in (*range(322, 326), *numbers)}
    long = {tag: main.layout.long_entry(number) for tag, number in numbers.items()}
    return _opened(view, main, {**others, **strips, **long}, how)


def open_strip(path: Path, offset: int, length: int, rows: int, **how: Any) -> pyvips.Image:
    """One strip as an image of this many rows. Raises pyvips.Error, DamagedHeader and OSError."""
    view, main = _mapped(path)
    numbers = {257: rows, 273: offset, ROWS_PER_STRIP: rows, 279: length}
    long = {tag: main.layout.long_entry(number) for tag, number in numbers.items()}
    return _opened(view, main, {**_entries(main), **long}, how)


def _mapped(path: Path) -> tuple[mmap.mmap, Directory]:
    # A private mapping: what is changed in it is a copy of a few kilobytes in memory. It is closed
    # when the image is no longer used.
    with path.open("rb") as stream:
        view = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_COPY)
    return view, main_directory(view)


def _opened(
    view: mmap.mmap, main: Directory, entries: dict[int, bytes], how: dict[str, Any]
) -> pyvips.Image:
    """The image with these entries, in the place of the old ones, of which there were as many."""
    made = struct.pack(main.layout.count, len(entries))
    for tag, raw in sorted(entries.items()):
        made += struct.pack(main.layout.order + "H", tag) + raw
    made += bytes(main.layout.inline)
    if len(entries) > len(main.entries):
        raise DamagedHeader("the directory has too few entries")
    view[main.offset : main.offset + len(made)] = made
    view[4 : main.layout.header_bytes] = _pointer(main)
    return pyvips.Image.new_from_source(pyvips.Source.new_from_memory(view), "", **how)


def _pointer(main: Directory) -> bytes:
    if main.layout.big:
        return struct.pack(main.layout.order + "HHQ", 8, 0, main.offset)
    return struct.pack(main.layout.order + "I", main.offset)


def _entries(main: Directory) -> dict[int, bytes]:
    """The kept entries without their tag."""
    size = main.layout.entry_size
    return {
        tag: bytes(main.data[entry.start + 2 : entry.start + size])
        for tag, entry in _kept(main).items()
    }


def _kept(main: Directory) -> dict[int, Entry]:
    kept = {tag: entry for tag, entry in main.by_tag.items() if tag in PIXEL_TAGS}
    for tag in DISPLAY_TAGS:
        entry = main.by_tag.get(tag)
        if entry and not tiff_tags.of_entry(main, entry) and not _is_undefined(main, tag):
            kept[tag] = entry
    if TILE_WIDTH in kept:
        # Some writers name the tiles in the tags of strips.
        for strip_tag, tile_tag in STRIPS_AS_TILES.items():
            if strip_tag in kept:
                kept.setdefault(tile_tag, kept.pop(strip_tag))
    return kept


def _has_undefined_display(main: Directory) -> bool:
    return any(_is_undefined(main, tag) for tag in DEFINED)


def _is_undefined(main: Directory, tag: int) -> bool:
    """Whether a tag of display has a value that TIFF 6.0 does not define."""
    return tag in main and tag in DEFINED and main.one(tag, 0) not in DEFINED[tag]

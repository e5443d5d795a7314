"""Takes one image out of a TIFF file with several."""

import mmap
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from processors.imaging import tiff_parts, tiff_tags
from processors.imaging.header import DamagedHeader
from processors.imaging.tiff_directory import Directory, directory_at, full_images, is_tiff

MAX_SUB_DIRECTORIES = 100
OLD_JPEG = 6
"""A compression whose tables are anywhere in the file (TIFF 6.0, section 22)."""
WITH_OFFSETS = frozenset({37500, 513, 519, 520, 521})
"""Maker notes, and tables of old JPEG: values that may contain offsets."""
COPIED_AT_ONCE = 16 << 20
Region = tuple[int, int]


def count_images(path: Path) -> int:
    """Number of full images of a file, without reduced copies and masks; 1 of another format.

    If a directory cannot be read, what is behind it counts as one image. Raises OSError."""
    if not is_tiff(path):
        return 1
    found = 0
    try:
        with _mapped(path) as data:
            for _ in full_images(data):
                found += 1
    except DamagedHeader:
        found += 1
    return max(1, found)


@contextmanager
def image_alone(path: Path, number: int | None, scratch: Path) -> Iterator[Path]:
    """A file that contains only the image with this number, in a folder that is then removed; the
    file itself without a number.

    Raises DamagedHeader if there is no such image, and OSError."""
    if number is None:
        yield path
        return
    with TemporaryDirectory(dir=scratch) as folder:
        target = Path(folder) / "image.tif"
        _extract(path, number, target)
        yield target


@contextmanager
def _mapped(path: Path) -> Iterator[mmap.mmap]:
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        yield data


def _extract(path: Path, number: int, target: Path) -> None:
    if not is_tiff(path):
        raise DamagedHeader(f"image {number} is missing: the file is no TIFF with several images")
    with _mapped(path) as data:
        chosen = _chosen(data, number)
        with target.open("wb") as out:
            # Everything keeps its offset. What is not written takes no space on disk.
            out.truncate(len(data))
            for start, end in _regions(chosen):
                out.seek(start)
                for at in range(start, end, COPIED_AT_ONCE):
                    out.write(data[at : min(at + COPIED_AT_ONCE, end)])
            _point_at(out, chosen)


def _chosen(data: mmap.mmap, number: int) -> Directory:
    found = list(islice(full_images(data), number))
    if len(found) < number:
        raise DamagedHeader(f"image {number} is missing: the number of images is {len(found)}")
    return found[-1]


def _point_at(out: BinaryIO, chosen: Directory) -> None:
    """Make this directory the first and the last one."""
    layout = chosen.layout
    out.seek(layout.header_bytes - layout.inline)
    out.write(struct.pack(layout.offset, chosen.offset))
    out.seek(chosen.end - layout.inline)
    out.write(bytes(layout.inline))


def _regions(chosen: Directory) -> Iterator[Region]:
    """The parts of the file that an image needs."""
    family = list(_with_sub_directories(chosen))
    everything = 0, len(chosen.data)
    if chosen.one(259, 1) == OLD_JPEG or any(WITH_OFFSETS & set(one) for one in family):
        yield everything
        return
    try:
        parts = tiff_parts.parts_of(chosen)
    except DamagedHeader:
        yield everything
        return
    if len(parts.lengths) < len(parts.offsets):
        yield everything
        return
    yield 0, chosen.layout.header_bytes
    for one in family:
        yield one.offset, one.end
        yield from ((e.at, e.at + e.length) for e in one.entries if not (e.inline or e.outside))
    for offset, length in zip(parts.offsets, parts.lengths, strict=False):
        yield min(int(offset), len(chosen.data)), min(int(offset + length), len(chosen.data))


def _with_sub_directories(chosen: Directory) -> Iterator[Directory]:
    """A directory and those that its tags point to."""
    waiting, seen = [chosen], {chosen.offset}
    while waiting:
        one = waiting.pop()
        yield one
        for tag in tiff_tags.SUB_DIRECTORIES:
            entry = one.by_tag.get(tag)
            if entry is None or entry.kind not in tiff_tags.POINTERS:
                continue
            for offset in map(int, one[tag]):
                if offset not in seen and len(seen) < MAX_SUB_DIRECTORIES:
                    seen.add(offset)
                    try:
                        waiting.append(directory_at(one.data, one.layout, offset))
                    except DamagedHeader:
                        continue  # The check of the structure reports it.

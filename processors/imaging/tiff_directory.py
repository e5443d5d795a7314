"""Reads the directories of a TIFF or BigTIFF file (TIFF 6.0, section 2), within bounds."""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from processors.imaging.header import Buffer, DamagedHeader

SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
SIZES |= {16: 8, 17: 8, 18: 8}  # BigTIFF
CODES = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I"}
CODES |= {16: "Q", 17: "q", 18: "Q"}
ASCII, RATIONAL, UNDEFINED, SIGNED_RATIONAL = 2, 5, 7, 10
MAX_DIRECTORIES = 20_000
MAX_ENTRIES = 400_000
"""Total of all directories; overlapping directories could repeat entries without end."""
MAX_VALUES = 2_000_000
MAX_BYTES = 64 * 1024 * 1024
"""Maximum size of a value."""
ICC_PROFILE = 34675
SUBFILE_TYPE, REDUCED_OR_MASK = 254, 0b101
OLD_SUBFILE_TYPE, OLD_REDUCED = 255, 2
WIDTH, EXIF_PREVIEW = 256, 513
PIXEL_TAGS = frozenset(
    {*(256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 292, 293, 317, 320, 322, 323)}
    | {*(324, 325, 332, 338, 339, 347, 530, 531, 532)}
)
"""Tags without which pixels cannot be decoded, and those of their colours."""
BYTE_ORDERS = {b"II": "<", b"MM": ">"}
Value = tuple[float, ...] | bytes


class Entry(NamedTuple):
    """An entry of a directory."""

    tag: int
    kind: int
    values: int
    """Number of values."""
    at: int
    """Offset of the value."""
    length: int
    """Length of the value in bytes; 0 for an unknown type."""
    inline: bool
    start: int
    """Offset of the entry."""
    outside: bool
    """Whether the value exceeds the file."""


@dataclass(frozen=True)
class Layout:
    """Byte order and offset size of a file."""

    order: str
    big: bool

    @property
    def offset(self) -> str:
        """Struct format of an offset."""
        return self.order + ("Q" if self.big else "I")

    @property
    def count(self) -> str:
        """Struct format of the number of entries."""
        return self.order + ("Q" if self.big else "H")

    @property
    def entry_size(self) -> int:
        """Length of an entry in bytes."""
        return 20 if self.big else 12

    @property
    def inline(self) -> int:
        """Maximum length of a value inside an entry; also the length of an offset."""
        return 8 if self.big else 4

    def long_entry(self, number: int) -> bytes:
        """An entry with one number as its value, without its tag."""
        kind, form = (16, "HQQ") if self.big else (4, "HII")
        return struct.pack(self.order + form, kind, 1, number)

    @property
    def header_bytes(self) -> int:
        """Length of the file header."""
        return 16 if self.big else 8


@dataclass(frozen=True)
class Directory(Mapping[int, Value]):
    """A directory; values are read on access. Of a duplicate tag the first entry counts."""

    data: Buffer
    layout: Layout
    offset: int
    entries: tuple[Entry, ...]
    following: int
    """Offset of the next directory, 0 after the last."""

    @property
    def end(self) -> int:
        """End of the directory, after the pointer to the next one."""
        start = self.offset + struct.calcsize(self.layout.count)
        return start + len(self.entries) * self.layout.entry_size + self.layout.inline

    @cached_property
    def by_tag(self) -> dict[int, Entry]:
        """The entry of each tag. Values that exceed the file count as absent, except of pixels."""
        return {
            entry.tag: entry
            for entry in reversed(self.entries)
            if not entry.outside or entry.tag in PIXEL_TAGS
        }

    def __getitem__(self, tag: int) -> Value:
        return self._value(self.by_tag[tag])

    def __iter__(self) -> Iterator[int]:
        return iter(self.by_tag)

    def __len__(self) -> int:
        return len(self.by_tag)

    def one(self, tag: int, default: float) -> float:
        """The first number of a tag, or the default."""
        value = self.get(tag)
        return value[0] if isinstance(value, tuple) and value else default

    def raw(self, entry: Entry) -> bytes:
        """The bytes of a value. Raises DamagedHeader if it exceeds the file or MAX_BYTES."""
        if entry.outside:
            raise DamagedHeader(outside(entry, len(self.data)))
        if entry.length > MAX_BYTES:
            raise DamagedHeader(f"the value of tag {entry.tag} has {entry.length} bytes")
        return bytes(self.data[entry.at : entry.at + entry.length])

    def _value(self, entry: Entry) -> Value:
        kind, count, order = entry.kind, entry.values, self.layout.order
        if kind in (ASCII, UNDEFINED) or (kind == 1 and entry.tag == ICC_PROFILE):
            return self.raw(entry)
        if count > MAX_VALUES:
            raise DamagedHeader(f"tag {entry.tag} has {count} values")
        raw = self.raw(entry)
        if kind in (RATIONAL, SIGNED_RATIONAL):
            pairs = struct.unpack(f"{order}{2 * count}{'I' if kind == RATIONAL else 'i'}", raw)
            return tuple(n / d if d else 0.0 for n, d in zip(pairs[::2], pairs[1::2], strict=True))
        return struct.unpack(f"{order}{count}{CODES[kind]}", raw) if kind in CODES else raw


def is_tiff(path: Path) -> bool:
    """Whether a file begins with a byte order mark of TIFF. Raises OSError."""
    with path.open("rb") as stream:
        return stream.read(2) in BYTE_ORDERS


def layout_of(data: Buffer) -> Layout:
    """Byte order and offset size of a file. Raises DamagedHeader."""
    order = BYTE_ORDERS.get(bytes(data[:2]))
    if order is None:
        raise DamagedHeader("the byte order mark is missing")
    (version,) = unpack(data, order + "H", 2, "header")
    if version not in (42, 43):
        raise DamagedHeader(f"the version number is {version}, not 42 or 43")
    return Layout(order, big=version == 43)


def first_offset(data: Buffer) -> int:
    """Offset of the first directory. Raises DamagedHeader."""
    layout = layout_of(data)
    (offset,) = unpack(data, layout.offset, 8 if layout.big else 4, "header")
    return offset


def directories(data: Buffer) -> Iterator[Directory]:
    """The directories of a file in order, up to an empty one. Raises DamagedHeader."""
    layout, offset = layout_of(data), first_offset(data)
    seen: set[int] = set()
    entries = 0
    while offset:
        if offset in seen or len(seen) >= MAX_DIRECTORIES:
            raise DamagedHeader(f"the directories form a loop at byte {offset}")
        seen.add(offset)
        if len(seen) > 1 and is_empty(data, layout, offset):
            return  # Some writers end the list of directories with an empty one.
        directory = directory_at(data, layout, offset)
        entries += len(directory.entries)
        if entries > MAX_ENTRIES:
            raise DamagedHeader(f"the directories have more than {MAX_ENTRIES} tags")
        yield directory
        offset = directory.following


def main_directory(data: Buffer) -> Directory:
    """The directory of the image to show: the first that is neither a reduced copy nor a mask, else
    the first. Raises DamagedHeader."""
    first: Directory | None = None
    for each in directories(data):
        first = first or each
        if is_full_image(each):
            return each
    if first is None:
        raise DamagedHeader("the file has no image directory")
    return first


def is_full_image(directory: Directory) -> bool:
    """Whether a directory has an image of its own: no reduced copy, mask or preview of EXIF."""
    if SUBFILE_TYPE in directory:
        return not int(directory.one(SUBFILE_TYPE, 0)) & REDUCED_OR_MASK
    if EXIF_PREVIEW in directory and WIDTH not in directory:
        return False
    return directory.one(OLD_SUBFILE_TYPE, 0) != OLD_REDUCED


def full_images(data: Buffer) -> Iterator[Directory]:
    """The directories of the full images of a file, in order. Raises DamagedHeader."""
    return filter(is_full_image, directories(data))


def is_empty(data: Buffer, layout: Layout, offset: int) -> bool:
    """Whether there is a directory without entries at an offset other than 0."""
    form = layout.count
    return bool(offset) and bytes(data[offset : offset + struct.calcsize(form)]) == struct.pack(
        form, 0
    )


def directory_at(data: Buffer, layout: Layout, offset: int) -> Directory:
    """The directory at an offset. Raises DamagedHeader if it exceeds the file."""
    if offset < layout.header_bytes:
        raise DamagedHeader(f"a directory is expected at byte {offset}, which is in the header")
    (count,) = unpack(data, layout.count, offset, "directory")
    start = offset + struct.calcsize(layout.count)
    after = start + count * layout.entry_size
    if not count or after > len(data):
        raise DamagedHeader(f"the directory at byte {offset} with {count} entries exceeds the file")
    if count > MAX_ENTRIES:
        raise DamagedHeader(f"the directory at byte {offset} has {count} tags")
    (following,) = unpack(data, layout.offset, after, "end of the directory")
    form = layout.order + ("HHQQ" if layout.big else "HHII")
    table = struct.iter_unpack(form, data[start:after])
    entries = tuple(
        _entry(len(data), layout, start + number * layout.entry_size, *fields)
        for number, fields in enumerate(table)
    )
    return Directory(data, layout, offset, entries, following)


def _entry(
    size: int, layout: Layout, start: int, tag: int, kind: int, count: int, pointer: int
) -> Entry:
    length = count * SIZES.get(kind, 0)
    inline = length <= layout.inline
    at = start + 4 + layout.inline if inline else pointer
    return Entry(tag, kind, count, at, length, inline, start, outside=at + length > size)


def outside(entry: Entry, size: int) -> str:
    """The message about a value that exceeds the file."""
    return f"tag {entry.tag} points to byte {entry.at + entry.length}, the file has {size} bytes"


def unpack(data: Buffer, form: str, at: int, what: str) -> tuple[int, ...]:
    """Numbers at an offset. Raises DamagedHeader if the file ends before them."""
    try:
        return struct.unpack_from(form, data, at)
    except (struct.error, OverflowError):
        raise DamagedHeader(f"the file ends at byte {len(data)}, inside the {what}") from None

"""Reads the directories of a TIFF or BigTIFF file (TIFF 6.0, section 2), strict on structure."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from processors.imaging.header import Buffer, DamagedHeader, Header
from processors.imaging.resolution import INCH_PER_CM, Resolution, in_dpi

SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
SIZES |= {16: 8, 17: 8, 18: 8}  # BigTIFF
CODES = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I"}
CODES |= {16: "Q", 17: "q", 18: "Q"}
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
LOSSY = ("old-jpeg", "jpeg", "webp", "jpeg2000", "lerc")
COLOUR_SPACES = {0: "greyscale", 1: "greyscale", 2: "rgb", 3: "rgb", 5: "cmyk", 6: "rgb"}
MOST_DIRECTORIES = 20_000
REDUCED_OR_MASK = 0b101
Value = tuple[float, ...] | bytes


@dataclass(frozen=True)
class _Layout:
    """Where things stand in a file of one byte order and offset size."""

    order: str
    big: bool

    @property
    def offset(self) -> str:
        return self.order + ("Q" if self.big else "I")

    @property
    def count(self) -> str:
        return self.order + ("Q" if self.big else "H")

    @property
    def entry_size(self) -> int:
        return 20 if self.big else 12

    @property
    def inline(self) -> int:
        return 8 if self.big else 4


def read(data: Buffer) -> Header:
    """The header of the first image; every directory is followed. Raises DamagedHeader."""
    found = list(directories(data))
    if not found:
        raise DamagedHeader("the file has no image directory")
    first = found[0]
    full = [each for each in found if not int(_one(each, 254, 0)) & REDUCED_OR_MASK]
    _check_parts(first, len(data))
    bits, samples = int(_one(first, 258, 1)), int(_one(first, 277, 1))
    code, photometric = int(_one(first, 259, 1)), int(_one(first, 262, 1))
    compression = COMPRESSIONS.get(code, f"number {code}")
    colour = COLOUR_SPACES.get(photometric, "other")
    if _one(first, 339, 1) not in (1, 4):
        colour = "other"
    icc = first.get(34675)
    return Header(
        width_px=int(_required(first, 256, "width")),
        height_px=int(_required(first, 257, "height")),
        bits_per_sample=bits,
        samples_per_pixel=samples,
        colour_space="bitonal" if bits == samples == 1 and colour == "greyscale" else colour,
        compression=compression,
        lossy=compression in LOSSY,
        resolutions=resolutions(first, "tiff"),
        icc=icc if isinstance(icc, bytes) else None,
        orientation=int(_one(first, 274, 1)),
        images=max(1, len(full)),
    )


def resolutions(directory: dict[int, Value], source: str) -> tuple[Resolution, ...]:
    """What a directory says of the resolution; nothing when it names no unit of length."""
    inches = {2: 1.0, 3: INCH_PER_CM}.get(int(_one(directory, 296, 2)))
    if inches is None or 282 not in directory or 283 not in directory:
        return ()
    x, y = (in_dpi(_one(directory, tag, 0.0), inches) for tag in (282, 283))
    return (Resolution(source, x, y),)


def directories(data: Buffer) -> Iterator[dict[int, Value]]:
    """The directories of a file in order, each as its tags. Raises DamagedHeader."""
    layout = _layout(data)
    (offset,) = _unpack(data, layout.offset, 8 if layout.big else 4, "header")
    seen: set[int] = set()
    while offset:
        if offset in seen or len(seen) >= MOST_DIRECTORIES:
            raise DamagedHeader(f"the directories run in a circle at byte {offset}")
        seen.add(offset)
        entries, after = _entries(data, layout, offset)
        yield entries
        (offset,) = _unpack(data, layout.offset, after, "end of the directory")


def _layout(data: Buffer) -> _Layout:
    order = {b"II": "<", b"MM": ">"}.get(bytes(data[:2]))
    if order is None:
        raise DamagedHeader("the byte order mark is missing")
    (version,) = _unpack(data, order + "H", 2, "header")
    if version not in (42, 43):
        raise DamagedHeader(f"the version number is {version}, not 42 or 43")
    return _Layout(order, big=version == 43)


def _entries(data: Buffer, layout: _Layout, offset: int) -> tuple[dict[int, Value], int]:
    (count,) = _unpack(data, layout.count, offset, "directory")
    start = offset + struct.calcsize(layout.count)
    after = start + count * layout.entry_size
    if not count or after > len(data):
        raise DamagedHeader(f"the directory at byte {offset} with {count} entries does not fit")
    values: dict[int, Value] = {}
    for place in range(start, after, layout.entry_size):
        tag, kind = _unpack(data, layout.order + "HH", place, "entry")
        values[tag] = _value(data, layout, tag, kind, place)
    return values, after


def _value(data: Buffer, layout: _Layout, tag: int, kind: int, place: int) -> Value:
    (count,) = _unpack(data, layout.offset, place + 4, "entry")
    length = count * SIZES.get(kind, 0)
    at = place + 4 + layout.inline
    if length > layout.inline:
        (at,) = _unpack(data, layout.offset, at, "entry")
    if at + length > len(data):
        raise DamagedHeader(f"tag {tag} points to byte {at + length}, the file has {len(data)}")
    raw = bytes(data[at : at + length])
    if kind in (5, 10):
        pairs = struct.unpack(f"{layout.order}{2 * count}{'I' if kind == 5 else 'i'}", raw)
        return tuple(n / d if d else 0.0 for n, d in zip(pairs[::2], pairs[1::2], strict=True))
    if kind in CODES and not (kind == 1 and tag == 34675):
        return struct.unpack(f"{layout.order}{count}{CODES[kind]}", raw)
    return raw


def _check_parts(directory: dict[int, Value], size: int) -> None:
    """See that every strip or tile lies within the file."""
    for offsets_tag, counts_tag, name in ((273, 279, "strip"), (324, 325, "tile")):
        offsets, counts = directory.get(offsets_tag, ()), directory.get(counts_tag, ())
        parts = zip(offsets, counts, strict=False)
        for number, (offset, length) in enumerate(parts, start=1):
            if offset + length > size:
                end = int(offset + length)
                found = f"{name} {number} of {len(offsets)} ends at byte {end}"
                raise DamagedHeader(f"{found}, the file has {size} bytes")
    if 273 not in directory and 324 not in directory:
        raise DamagedHeader("the directory names neither strips nor tiles")


def _one(directory: dict[int, Value], tag: int, default: float) -> float:
    value = directory.get(tag)
    return value[0] if isinstance(value, tuple) and value else default


def _required(directory: dict[int, Value], tag: int, name: str) -> float:
    if not directory.get(tag) or isinstance(directory[tag], bytes):
        raise DamagedHeader(f"the image has no {name}")
    return _one(directory, tag, 0)


def _unpack(data: Buffer, form: str, at: int, what: str) -> tuple[int, ...]:
    try:
        return struct.unpack_from(form, data, at)
    except struct.error:
        raise DamagedHeader(f"the file ends at byte {len(data)}, within the {what}") from None

"""Finds damage in the compressed pixels of a TIFF that its decoder does not report."""

import mmap
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy

from processors.imaging import jpeg_scan
from processors.imaging.header import Buffer, Header
from processors.imaging.jpeg_stream import stream_of
from processors.imaging.tiff_directory import Directory, main_directory
from processors.imaging.tiff_parts import YCBCR, parts_of

JPEG_TABLES = 347
ZEROS, ONES = bytes(64), b"\xff" * 64
JUDGED = (
    "jpeg",
    "jpeg-lossless",
    "lzw",
    "deflate",
    "packbits",
    "ccitt-g3",
    "ccitt-g4",
    "ccitt-rle",
)
"""Compressions that have redundancy, so that holes are noticed."""
FULLY_JUDGED = ("deflate", "packbits")
"""Compressions that are followed here to the last byte of each strip or tile."""
PACKED_AT_ONCE, INFLATED_AT_ONCE = 1 << 20, 16 << 20
PADDING = 4
"""Maximum number of bytes that writers add to align the next part."""
RUN, HALF = 64, 32
SINGLE_LITERALS = 16
"""No encoder writes so many literals of one byte in a row."""


class Part(NamedTuple):
    """A strip or tile."""

    start: int
    end: int
    rows: int
    decoded: int
    """Length before compression."""
    name: str

    @property
    def length(self) -> int:
        """Number of bytes."""
        return self.end - self.start


def found(main: Directory, header: Header) -> str | None:
    """The damage in the strips or tiles, or None if the decoder judges them. Raises
    DamagedHeader."""
    checks = {
        "jpeg": _jpeg,
        "jpeg-lossless": _jpeg,
        "lzw": _lzw,
        "packbits": _packbits,
        "deflate": _deflate,
    }
    check = checks.get(header.compression)
    return None if check is None else next(check(main), None)


def unjudged(main: Directory, header: Header) -> str | None:
    """The part of the pixels in which damage cannot be detected. Raises DamagedHeader."""
    if header.compression in JUDGED:
        return None
    size = sum(part.length for part in _parts(main))
    if header.compression == "none":
        return f"{size} bytes of uncompressed pixels, which have no redundancy"
    return f"{size} bytes of compression {header.compression}"


def with_ones(path: Path) -> tuple[Part, ...]:
    """The strips with a run of bytes 255. Raises DamagedHeader and OSError."""
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return tuple(_with(ONES, main_directory(data)))


def _parts(main: Directory) -> Iterator[Part]:
    parts = parts_of(main)
    pairs = list(zip(parts.offsets, parts.lengths, strict=False))[: parts.needed]
    for number, (offset, length) in enumerate(pairs):
        rows, name = parts.rows_of(number), f"{parts.name} {number + 1} of {len(pairs)}"
        yield Part(int(offset), int(offset + length), rows, rows * parts.row_bytes, name)


def _with(run: bytes, main: Directory) -> Iterator[Part]:
    """The strips or tiles with a run of equal bytes."""
    if main.data.find(run) >= 0:
        yield from (part for part in _parts(main) if main.data.find(run, part.start, part.end) >= 0)


def _jpeg(main: Directory) -> Iterator[str]:
    tables = main.get(JPEG_TABLES)
    for part in _with(ZEROS, main):
        common = stream_of(tables) if isinstance(tables, bytes) else None
        damaged = jpeg_scan.hole(stream_of(bytes(main.data[part.start : part.end])), common)
        if damaged:
            yield f"{part.name} at byte {part.start} has {damaged}"


def _lzw(main: Directory) -> Iterator[str]:
    """An LZW encoder has a longer code for what it repeats, so it never repeats a byte often."""
    for part in _parts(main):
        at = _repeated(main.data, part)
        if at is not None:
            value = main.data[at]
            what = "zeros" if value == 0 else f"a run of bytes {value}"
            yield f"{part.name} has {what} at byte {at}, which no encoder writes"


def _repeated(data: Buffer, part: Part) -> int | None:
    """Where the first run of RUN equal bytes begins."""
    for start in range(part.start, part.end, PACKED_AT_ONCE):
        piece = numpy.frombuffer(data[start : min(start + PACKED_AT_ONCE + RUN, part.end)], "u1")
        # Every run has a whole block of half its length.
        blocks = piece[: len(piece) // HALF * HALF].reshape(-1, HALF)
        for block in numpy.flatnonzero((blocks == blocks[:, :1]).all(axis=1)).tolist():
            first = max(0, block * HALF - HALF)
            near = piece[first : block * HALF + RUN] == piece[block * HALF]
            inside = bytes(near).find(b"\1" * RUN)
            if inside >= 0:
                return int(start + first + inside)
    return None


def _deflate(main: Directory) -> Iterator[str]:
    """libtiff stops when it has all pixels, before the checksum behind them."""
    exact = main.one(262, 0) != YCBCR
    for part in _parts(main):
        damaged = _inflated(main.data, part, part.decoded if exact else None)
        if damaged:
            yield f"{part.name} at byte {part.start}: {damaged}"


def _inflated(data: Buffer, part: Part, decoded: int | None) -> str | None:
    """Inflates a part in small pieces, so that memory stays flat."""
    stream, size = zlib.decompressobj(), 0
    try:
        for at in range(part.start, part.end, PACKED_AT_ONCE):
            piece = data[at : min(at + PACKED_AT_ONCE, part.end)]
            while piece and not stream.eof:
                size += len(stream.decompress(piece, INFLATED_AT_ONCE))
                piece = stream.unconsumed_tail
            if stream.eof or (decoded is not None and size > decoded + INFLATED_AT_ONCE):
                break
        size += len(stream.flush())  # What was inflated and did not fit into the last piece.
    except zlib.error as damage:
        return str(damage)
    if decoded is not None and size < decoded:
        return f"it contains {size} bytes, the pixels require {decoded}"
    if not stream.eof and size != decoded:
        return "the end of its compressed data is missing"
    return None


def _packbits(main: Directory) -> Iterator[str]:
    """libtiff ignores what is left when it has all pixels."""
    for part in _parts(main):
        damaged = _unpacked(main.data[part.start : part.end], part.decoded)
        if damaged:
            yield f"{part.name} at byte {part.start}: {damaged}"


def _unpacked(packed: bytes, decoded: int) -> str | None:
    """Follows the lengths of runs and literals (TIFF 6.0, section 9)."""
    at, size, single, end = 0, 0, 0, len(packed)
    while size < decoded and at < end:
        length = packed[at]
        if length < 128:
            single = 0 if length else single + 1
            if single > SINGLE_LITERALS:
                return f"literals of one byte at byte {at}, which no encoder writes"
            at += length + 2
            size += length + 1
        else:
            single = 0
            at += 2 if length > 128 else 1
            size += 257 - length if length > 128 else 0
    if size != decoded or at > end:
        return f"its runs contain {size} bytes, the pixels require {decoded}"
    return f"{end - at} bytes belong to no pixel" if end - at > PADDING else None

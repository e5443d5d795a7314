"""Decodes a JPEG file so that damage in its scan is noticed, and says what cannot be judged."""

import re

import pyvips

from processors.imaging.header import Buffer
from processors.imaging.jpeg_markers import (
    ARITHMETIC,
    END_OF_IMAGE,
    HUFFMAN_TABLES,
    PROGRESSIVE,
    START_OF_SCAN,
)
from processors.imaging.jpeg_stream import MARKER, JpegStream, Segment

SINGLE_BYTES = 64
"""The last bytes before the end-of-image marker are passed one by one, so that the count of unread
bytes is exact."""
ZEROS = bytes(64)
"""As many zero bytes are 512 bits: several blocks without a change of value."""
_PADDING = re.compile(rb"\x00*\xff*")
TABLE_HEAD = 17
"""A class and number, and the number of codes of each length."""
DC, AC, LONG_RUN_OF_ZEROS = 0, 1, 0xF0
NOTHING = b"\0"


class JpegScanSource:
    """A JPEG image as a source of libvips that records how far the decoder has read.

    A hole of zeros is valid Huffman code. After it the decoder has too few bits, which it reports,
    or too many, which it does not: libvips never lets it read to the end of the image."""

    def __init__(self, content: bytearray, end: int | None) -> None:
        """`end` is the offset of the end-of-image marker."""
        self._content = content
        self._position = 0
        self._end = end if end is not None else _last_end(content)

    def source(self) -> pyvips.SourceCustom:
        """The source from which libvips loads the image."""
        source = pyvips.SourceCustom()
        source.on_read(self._read)
        return source

    def unread_bytes(self) -> int:
        """Number of bytes of the scan that the decoder did not read, without padding."""
        end = len(self._content) if self._end is None else self._end
        if self._position >= end:
            return 0
        marker = MARKER.search(self._content, self._position, end)
        rest = self._content[self._position : marker.start() if marker else end]
        return 0 if _PADDING.fullmatch(rest) else len(rest)

    def _read(self, size: int) -> bytearray:
        start = self._position
        self._position = min(start + self._allowed(start, size), len(self._content))
        return self._content[start : self._position]

    def _allowed(self, start: int, size: int) -> int:
        end = self._end
        if end is None or start > end:
            return size
        return 1 if end - start <= SINGLE_BYTES else min(size, end - start - SINGLE_BYTES)


def _last_end(content: bytearray) -> int | None:
    """The last end-of-image marker, for an image whose own is missing or hidden by damage."""
    last = content.rfind(bytes((0xFF, END_OF_IMAGE)))
    return None if last < 0 else last


def hole(stream: JpegStream, tables: JpegStream | None = None) -> str | None:
    """A run of zero bytes that no encoder writes into a scan, or None; `tables` contains the
    Huffman tables of an abbreviated stream.

    The decoder cannot notice every hole: if zeros happen to be code for exactly as many blocks as
    were lost, everything after them is in its place."""
    symbols = {} if tables is None else _symbols(tables.content, tables.segments)
    for each in stream.segments:
        if each.marker == HUFFMAN_TABLES:
            symbols |= _symbols(stream.content, (each,))
        elif each.marker == START_OF_SCAN:
            at = stream.content.find(ZEROS, each.end, each.data_end)
            if at >= 0 and not _zeros_are_code(stream, each, symbols):
                return f"zeros at byte {at} of the scan, which no encoder writes"
    return None


def unjudged_bytes(stream: JpegStream) -> int:
    """Number of bytes in scans without redundancy: refined DC values, and arithmetic code."""
    frame = stream.frame
    if frame is None:
        return 0
    return sum(
        each.data_end - each.end
        for each in stream.scans
        if frame.marker in ARITHMETIC
        or (
            frame.marker in PROGRESSIVE
            and _spectrum(stream, each)[0] == 0
            and _refines(stream, each)
        )
    )


def _symbols(content: Buffer, segments: tuple[Segment, ...]) -> dict[tuple[int, int], bytes]:
    """The symbols by class and number of a table; the first one has a code of zero bits."""
    found = {}
    for each in segments:
        at = each.start
        while each.marker == HUFFMAN_TABLES and at + TABLE_HEAD < each.end:
            count = sum(content[at + 1 : at + TABLE_HEAD])
            after = at + TABLE_HEAD + count
            found[content[at] >> 4, content[at] & 15] = bytes(content[at + TABLE_HEAD : after])
            at = after
    return found


def _zeros_are_code(
    stream: JpegStream, scan: Segment, symbols: dict[tuple[int, int], bytes]
) -> bool:
    """Whether an encoder may write many zero bits: the code of blocks without change."""
    frame = stream.frame
    if frame is None or frame.marker in ARITHMETIC:
        return True
    first, last = _spectrum(stream, scan)
    if first == 0 and _refines(stream, scan):
        return True
    progressive = frame.marker in PROGRESSIVE
    tables = stream.content[scan.start + 2 : scan.end - 3 : 2]
    return all(
        (first > 0 or (symbols.get((DC, table >> 4)) or NOTHING)[0] == 0)
        and (last == 0 or _ends_blocks(symbols.get((AC, table & 15)) or NOTHING, progressive))
        for table in tables
    )


def _ends_blocks(symbols: bytes, progressive: bool) -> bool:
    """Whether the code of zero bits ends a block. An encoder that has codes for the end of several
    blocks uses them, instead of many for one (G.1.2.2)."""
    ends = [each for each in symbols if each & 15 == 0 and each < LONG_RUN_OF_ZEROS]
    return symbols[0] in ends and (not progressive or symbols[0] == max(ends))


def _spectrum(stream: JpegStream, scan: Segment) -> tuple[int, int]:
    """First and last coefficient of a scan; of a sequential one always all, of a lossless one 0."""
    frame = stream.frame
    assert frame is not None
    if frame.marker in PROGRESSIVE:
        return stream.content[scan.end - 3], stream.content[scan.end - 2]
    return (0, 63) if frame.marker in (0xC0, 0xC1) else (0, 0)


def _refines(stream: JpegStream, scan: Segment) -> bool:
    frame = stream.frame
    progressive = frame is not None and frame.marker in PROGRESSIVE
    return progressive and stream.content[scan.end - 1] >> 4 > 0

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
_TABLE_HEAD = 17
_LOSSLESS_OR_DC, _AC = 0, 1
_END_OF_BLOCKS = range(0, 0xF0, 0x10)


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
    zero_code = {} if tables is None else _zero_codes(tables.content, tables.segments)
    for each in stream.segments:
        if each.marker == HUFFMAN_TABLES:
            zero_code |= _zero_codes(stream.content, (each,))
        elif each.marker == START_OF_SCAN:
            at = stream.content.find(ZEROS, each.end, each.data_end)
            if at >= 0 and not _zeros_are_code(stream, each, zero_code):
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


def _zero_codes(content: Buffer, segments: tuple[Segment, ...]) -> dict[tuple[int, int], int]:
    """The symbol whose code has only zero bits, the first one, by class and number of a table."""
    found = {}
    for each in segments:
        at = each.start
        while each.marker == HUFFMAN_TABLES and at + _TABLE_HEAD < each.end:
            found[content[at] >> 4, content[at] & 15] = content[at + _TABLE_HEAD]
            at += _TABLE_HEAD + sum(content[at + 1 : at + _TABLE_HEAD])
    return found


def _zeros_are_code(
    stream: JpegStream, scan: Segment, zero_code: dict[tuple[int, int], int]
) -> bool:
    """Whether an encoder may write many zero bits: the code of blocks without change."""
    frame = stream.frame
    if frame is None or frame.marker in ARITHMETIC or _refines(stream, scan):
        return True
    first, last = _spectrum(stream, scan)
    tables = stream.content[scan.start + 2 : scan.end - 3 : 2]
    allowed = _END_OF_BLOCKS if frame.marker in PROGRESSIVE else (0,)
    return all(
        (first > 0 or zero_code.get((_LOSSLESS_OR_DC, table >> 4), 0) == 0)
        and (last == 0 or zero_code.get((_AC, table & 15), 0) in allowed)
        for table in tables
    )


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

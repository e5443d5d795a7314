"""Records how far a JPEG decoder reads: unread bytes show damage that it does not report."""

import re
from pathlib import Path

import pyvips

from processors.imaging.jpeg_header import END_OF_IMAGE, STANDALONE

SINGLE_BYTES = 64
"""The last bytes before the end-of-image marker are passed one by one, so that the count of unread
bytes is exact."""
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_PADDING = re.compile(rb"\x00*\xff*")


class JpegScanSource:
    """A JPEG file as a source of libvips that records how far the decoder has read.

    A hole of zeros is valid Huffman code. After it the decoder has too few bits, which it reports,
    or too many, which it does not: libvips never lets it read to the end of the image."""

    def __init__(self, path: Path) -> None:
        self._content = path.read_bytes()
        self._position = 0
        self._end = _end_of_image(self._content)

    def source(self) -> pyvips.SourceCustom:
        """The source from which libvips loads the image."""
        source = pyvips.SourceCustom()
        source.on_read(self._read)
        return source

    def unread_bytes(self) -> int:
        """Number of bytes of the scan that the decoder did not read, without padding."""
        marker = _MARKER.search(self._content, self._position)
        end = marker.start() if marker else len(self._content)
        rest = self._content[self._position : end]
        return 0 if _PADDING.fullmatch(rest) else len(rest)

    def _read(self, size: int) -> bytes:
        start = self._position
        self._position = min(start + self._allowed(start, size), len(self._content))
        return self._content[start : self._position]

    def _allowed(self, start: int, size: int) -> int:
        end = self._end
        if end is None or start > end:
            return size
        return 1 if end - start <= SINGLE_BYTES else min(size, end - start - SINGLE_BYTES)


def _end_of_image(content: bytes) -> int | None:
    """Position of the end-of-image marker; the last one in the file if the markers are broken.

    Segments are skipped by their lengths, because comments may contain the same bytes."""
    at = 2
    while found := _MARKER.search(content, at):
        at, marker = found.start(), content[found.start() + 1]
        if marker == END_OF_IMAGE:
            return at
        at += 2 if marker in STANDALONE else 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    last = content.rfind(bytes((0xFF, END_OF_IMAGE)))
    return None if last < 0 else last

"""Watches a JPEG decoder read its scan: what it leaves over tells of damage it did not notice."""

import re
from pathlib import Path

import pyvips

from processors.imaging.jpeg_header import ALONE, END_OF_IMAGE

WATCHED = 64
"""Bytes before the end-of-image marker that are handed over one by one, so that each unread one
shows."""
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_PADDING = re.compile(rb"\x00*\xff*")


class WatchedScan:
    """A JPEG file as a source of libvips that knows how far the decoder came.

    A hole of zeros is valid Huffman code. The decoder finds too few bits after it, and warns, or
    too many, and says nothing: libvips never asks it to read up to the end of the image."""

    def __init__(self, path: Path) -> None:
        self._content = path.read_bytes()
        self._position = 0
        self._end = _end_of_image(self._content)

    def source(self) -> pyvips.SourceCustom:
        """What to load the image from."""
        source = pyvips.SourceCustom()
        source.on_read(self._read)
        return source

    def left_over(self) -> int:
        """Bytes of the scan that no pixel needed, padding not counted."""
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
        return 1 if end - start <= WATCHED else min(size, end - start - WATCHED)


def _end_of_image(content: bytes) -> int | None:
    """Where the image ends, by its markers; the last place that looks so, where they lead nowhere.

    Comments may be full of what looks like an end, and watching each would take for ever."""
    at = 2
    while found := _MARKER.search(content, at):
        at, marker = found.start(), content[found.start() + 1]
        if marker == END_OF_IMAGE:
            return at
        at += 2 if marker in ALONE else 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    last = content.rfind(bytes((0xFF, END_OF_IMAGE)))
    return None if last < 0 else last

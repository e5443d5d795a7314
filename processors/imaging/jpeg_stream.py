"""Finds the parts of a JPEG stream: segments, scans and the end of its image (ITU-T T.81, annex B).

A file may contain more than one stream: previews of cameras follow the end of the image."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from processors.imaging.header import Buffer
from processors.imaging.jpeg_markers import (
    ADOBE,
    END_OF_IMAGE,
    FRAMES,
    JFIF,
    MULTIPLE_PASSES,
    STANDALONE,
    START_OF_SCAN,
)

MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
"""A marker that ends a scan: neither a stuffed byte, nor fill, nor a restart."""
MCU_BLOCK = 8
MAX_HEIGHT = 65500
"""Maximum of the decoder."""
LAST_JFIF = 1
FULL_SPECTRUM = b"\x00\x3f\x00"
"""Ss, Se and Ah/Al of a sequential scan (B.2.3)."""
UNKNOWN_TRANSFORM, YCBCR, YCCK = 2, 1, 2
START = b"\xff\xd8\xff"


@dataclass(frozen=True)
class Segment:
    """A marker with its parameters; for a scan also its entropy-coded data."""

    marker: int
    start: int
    """Offset of the parameters, after their length."""
    end: int
    """End of the parameters; also the start of the data of a scan."""
    data_end: int
    """End of the data of a scan, else `end`."""


@dataclass(frozen=True)
class JpegStream:
    """The segments of one image."""

    content: Buffer
    segments: tuple[Segment, ...]
    end: int | None
    """Offset of the end-of-image marker; None if it is missing."""

    @property
    def frame(self) -> Segment | None:
        """The frame header."""
        return next((each for each in self.segments if each.marker in FRAMES), None)

    @property
    def scans(self) -> tuple[Segment, ...]:
        """All scans, in order."""
        return tuple(each for each in self.segments if each.marker == START_OF_SCAN)

    @property
    def height(self) -> int:
        """Number of rows that the frame header states; 0 without frame."""
        frame = self.frame
        if frame is None:
            return 0
        return int.from_bytes(self.content[frame.start + 1 : frame.start + 3], "big")

    @property
    def sampling(self) -> tuple[tuple[int, int], ...]:
        """Horizontal and vertical sampling factors of each component; empty without frame."""
        frame = self.frame
        if frame is None or frame.end - frame.start < 6:
            return ()
        factors = self.content[frame.start + 7 : frame.end : 3]
        return tuple((each >> 4, each & 15) for each in factors)

    @property
    def is_in_one_pass(self) -> bool:
        """Whether one sequential scan contains all components, so that rows are decoded in turn."""
        frame, scans = self.frame, self.scans
        if frame is None or not scans or frame.marker in MULTIPLE_PASSES:
            return False
        return self.content[scans[0].start] == len(self.sampling)


def stream_of(content: Buffer, start: int = 0) -> JpegStream:
    """The stream whose start-of-image marker is at `start`; it ends where the file ends or a
    segment exceeds it."""
    segments: list[Segment] = []
    at, size = start + 2, len(content)
    while found := MARKER.search(content, at):
        at, marker = found.start(), content[found.start() + 1]
        if marker == END_OF_IMAGE:
            return JpegStream(content, tuple(segments), at)
        if marker in STANDALONE:
            at += 2
            continue
        after = at + 2 + int.from_bytes(content[at + 2 : at + 4], "big")
        if after > size:
            break
        data_end = after
        if marker == START_OF_SCAN:
            following = MARKER.search(content, after)
            data_end = following.start() if following else size
        segments.append(Segment(marker, at + 4, after, data_end))
        at = data_end
    return JpegStream(content, tuple(segments), None)


def irregularities(stream: JpegStream) -> tuple[str, ...]:
    """What is unusual and loses no pixels."""
    found = [text for _, _, text in _harmless(stream)]
    if stream.end is not None:
        found += _behind(bytes(stream.content[stream.end + 2 :]))
    return tuple(found)


def _behind(rest: bytes) -> Iterator[str]:
    if rest.strip(b"\0\xff"):
        kind = ", beginning with another JPEG image" if rest.lstrip(b"\0").startswith(START) else ""
        yield f"{len(rest)} bytes follow the end of the image{kind}"


def pixel_view(content: bytes) -> tuple[bytearray, JpegStream, int]:
    """The first image of a file, so that every warning of the decoder is about its pixels; its
    stream, and its height.

    The height is that of complete blocks, and of one more row of blocks where the decoder would
    not report problems in the last one: it reports them when it begins the next eight rows."""
    stream = stream_of(content)
    view = bytearray(content if stream.end is None else content[: stream.end + 2])
    for at, value, _ in _harmless(stream):
        view[at : at + len(value)] = value
    frame = stream.frame
    if frame is None or not stream.sampling or not stream.is_in_one_pass:
        # Several passes are decoded before the first row, so nothing is reported too late.
        return view, stream, stream.height
    if len(stream.sampling) == 1:
        # The factors of a single component have no effect (A.2.2).
        view[frame.start + 7] = 0x11
        block = MCU_BLOCK
    else:
        block = MCU_BLOCK * max(1, max(vertical for _, vertical in stream.sampling))
    full = -(-stream.height // block) * block
    shown = full + block if block == MCU_BLOCK else full
    if not 0 < shown <= MAX_HEIGHT:
        return view, stream, stream.height
    view[frame.start + 1 : frame.start + 3] = shown.to_bytes(2, "big")
    return view, stream, full


def _harmless(stream: JpegStream) -> Iterator[tuple[int, bytes, str]]:
    """Offset, regular value and description of irregular parameters that readers ignore."""
    content, components = stream.content, len(stream.sampling)
    for each in stream.segments:
        body = content[each.start : min(each.end, each.start + 16)]
        if each.marker == JFIF and body.startswith(b"JFIF\0") and body[5:6] > bytes((LAST_JFIF,)):
            yield each.start + 5, bytes((LAST_JFIF,)), f"JFIF version {body[5]}.{body[6]:02d}"
        if each.marker == ADOBE and body.startswith(b"Adobe") and len(body) >= 12:
            known = {3: (0, YCBCR), 4: (0, YCCK)}.get(components)
            if known and body[11] not in known:
                text = f"the Adobe marker states the colour transform {body[11]}"
                yield each.start + 11, bytes((known[1],)), text
        if each.marker == START_OF_SCAN and _is_sequential(stream):
            stated = content[each.end - 3 : each.end]
            if stated != FULL_SPECTRUM:
                text = "/".join(str(value) for value in stated)
                yield each.end - 3, FULL_SPECTRUM, f"the scan states the coefficients {text}"


def _is_sequential(stream: JpegStream) -> bool:
    return stream.frame is not None and stream.frame.marker in (0xC0, 0xC1)

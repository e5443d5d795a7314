"""Plants holes into the compressed pixels of an image."""

import mmap
from pathlib import Path

import numpy

from processors.imaging.jpeg_stream import stream_of
from processors.imaging.tiff_directory import main_directory
from processors.imaging.tiff_parts import parts_of

SMALLEST = 300
"""Bytes of a hole; a lost sector or page of a disk is larger."""
EDGE = 4
"""Bytes of compressed data that are left before and after a hole."""
FILLS = ("zeros", "ones", "random")
Range = tuple[int, int]


def pixel_ranges(path: Path) -> list[Range]:
    """Where the compressed pixels are; refined values of a progressive JPEG are left out, since they
    have no redundancy."""
    content = path.read_bytes()
    if content[:2] == b"\xff\xd8":
        stream = stream_of(content)
        return [
            (scan.end, scan.data_end)
            for scan in stream.scans
            if stream.frame is None
            or stream.frame.marker != 0xC2
            or not (content[scan.end - 3] == 0 and content[scan.end - 1] >> 4)
        ]
    if content[:4] == b"\x89PNG":
        return _chunks(content)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        parts = parts_of(main_directory(data))
        pairs = zip(parts.offsets, parts.lengths, strict=True)
        return sorted((int(start), int(start + length)) for start, length in pairs)


def _chunks(content: bytes) -> list[Range]:
    at, found = 8, []
    while at + 12 <= len(content):
        length = int.from_bytes(content[at : at + 4], "big")
        if content[at + 4 : at + 8] == b"IDAT":
            found.append((at + 8, at + 8 + length))
        at += 12 + length
    return found


def with_hole(path: Path, draw: numpy.random.Generator, fill: str) -> tuple[bytes, str] | None:
    """The file with a hole, and what it is; None if the pixels have no room for it."""
    content = bytearray(path.read_bytes())
    room = [each for each in pixel_ranges(path) if each[1] - each[0] >= SMALLEST + 2 * EDGE]
    if not room:
        return None
    start, end = room[int(draw.integers(len(room)))]
    length = int(draw.integers(SMALLEST, min(end - start - 2 * EDGE, 4096) + 1))
    at = int(draw.integers(start + EDGE, end - EDGE - length + 1))
    before = bytes(content[at : at + length])
    content[at : at + length] = {
        "zeros": bytes(length),
        "ones": b"\xff" * length,
        "random": draw.bytes(length),
        "elsewhere": bytes(content[start : start + length]),
    }[fill]
    if bytes(content[at : at + length]) == before:
        return None
    return bytes(content), f"{length} bytes of {fill} at byte {at}"

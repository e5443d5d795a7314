"""Makes a small copy of a page for the screen, without libraries for images."""

import mmap
import shutil
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from processors.imaging.header import Buffer, DamagedHeader, Header
from processors.imaging.tiff_directory import main_directory
from processors.imaging.tiff_parts import Parts, parts_of

LONG_SIDE_PX = 800
MIN_IS_WHITE = "min-is-white"
PNG_HEADER = b"\x89PNG\r\n\x1a\n"
COLOUR_TYPES = {1: 0, 3: 2}
"""PNG's colour type by samples per pixel."""


def make_preview(page: Path, family: str, header: Header, target: Path) -> Path | None:
    """Write a preview named like `target` and return its path, or None for a file that cannot be
    read without a decoder. A JPEG or PNG is its own preview: every viewer shows it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if family in ("jpeg", "png"):
        copy = target.with_suffix(f".{family}")
        shutil.copyfile(page, copy)
        return copy
    with page.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            parts = parts_of(main_directory(data))
            content = _png(data, parts, header)
        except (DamagedHeader, struct.error):
            content = None
    if content is None:
        return None
    path = target.with_suffix(".png")
    path.write_bytes(content)
    return path


def _png(data: Buffer, parts: Parts, header: Header) -> bytes | None:
    """Every n-th pixel of every n-th row of an image in uncompressed strips, as PNG."""
    samples = header.samples_per_pixel
    plain = parts.pixel_bytes is not None and parts.name == "strip" and parts.planes == 1
    if not plain or samples not in COLOUR_TYPES or header.bits_per_sample not in (1, 8, 16):
        return None
    step = max(1, -(-max(header.width_px, header.height_px) // LONG_SIDE_PX))
    columns = range(0, header.width_px, step)
    rows = [_reduced(row, header, step) for row in _rows(data, parts, header, step)]
    size = struct.pack(">IIBBBBB", len(columns), len(rows), 8, COLOUR_TYPES[samples], 0, 0, 0)
    pixels = b"".join(b"\0" + row for row in rows)
    return (
        PNG_HEADER
        + _chunk(b"IHDR", size)
        + _chunk(b"IDAT", zlib.compress(pixels, 6))
        + _chunk(b"IEND", b"")
    )


def _rows(data: Buffer, parts: Parts, header: Header, step: int) -> Iterator[bytes]:
    for row in range(0, header.height_px, step):
        strip, inside = divmod(row, parts.part_rows)
        start = int(parts.offsets[strip]) + inside * parts.row_bytes
        yield bytes(data[start : start + parts.row_bytes])


def _reduced(row: bytes, header: Header, step: int) -> bytes:
    """The samples of every n-th pixel of a row, in 8 bits."""
    if header.bits_per_sample == 1:
        black = 1 if header.photometric == MIN_IS_WHITE else 0
        bits = ((row[at >> 3] >> (7 - at % 8)) & 1 for at in range(0, header.width_px, step))
        return bytes(0 if bit == black else 255 for bit in bits)
    if header.bits_per_sample == 16:
        # The more significant byte of each sample.
        row = row[1::2] if header.byte_order == "little-endian" else row[::2]
    samples = header.samples_per_pixel
    channels = [row[channel :: samples * step] for channel in range(samples)]
    reduced = bytearray(len(channels[0]) * samples)
    for channel, values in enumerate(channels):
        reduced[channel::samples] = values
    if header.photometric == MIN_IS_WHITE:
        return bytes(reduced).translate(bytes(range(255, -1, -1)))
    return bytes(reduced)


def _chunk(kind: bytes, body: bytes) -> bytes:
    check = zlib.crc32(kind + body)
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", check)

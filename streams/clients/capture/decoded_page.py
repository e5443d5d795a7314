"""Decodes the file of a page on a station, with Pillow and numpy instead of libvips."""

import mmap
import struct
import warnings
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from processors.imaging.header import DamagedHeader, Header
from processors.imaging.tiff_directory import Directory, main_directory
from processors.imaging.tiff_parts import Parts, parts_of

MAX_PIXELS = 150_000_000
"""Larger images are left to the line: a station has the memory of a laptop."""
MIN_IS_WHITE, PALETTE = "min-is-white", "palette"
TIFF = ("tiff", "bigtiff")
COMPRESSION, ROWS_PER_STRIP, FILL_ORDER, PREDICTOR = 259, 278, 266, 317
HORIZONTAL = 2
"""Predictor: each sample is the difference from the one on its left."""
SHORT, LONG = 3, 4
UNREADABLE = (OSError, SyntaxError, ValueError, TypeError, struct.error, DamagedHeader)
"""What Pillow raises for an image that it cannot decode, and our own readers."""
Samples = NDArray[np.uint8] | NDArray[np.uint16]


@dataclass(frozen=True)
class DecodedPage:
    """The pixels of a page as height x width x samples, in which 0 is black except in CMYK.

    The orientation tag and the ICC profile are not applied."""

    samples: Samples
    """As stored: 8 bits, or 16; bitonal images have 0 and 255."""
    full_depth: bool = True
    """Whether no bit of a sample is lost."""

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """The same with 8 bits per sample."""
        if self.samples.dtype == np.uint8:
            return self.samples.astype(np.uint8, copy=False)
        return (self.samples >> 8).astype(np.uint8)


def decode_page(
    path: Path, family: str, header: Header, longest_px: int | None = None
) -> DecodedPage | None:
    """The pixels of the main image of a file, or None for a layout that is left to the line.

    A JPEG may be decoded smaller, but not below `longest_px`."""
    if header.width_px * header.height_px > MAX_PIXELS:
        return None
    try:
        samples = _tiff(path, header) if family in TIFF else None
        if samples is None:
            samples = _by_pillow(path, longest_px)
    except UNREADABLE:
        return None
    if samples is None:
        return None
    return DecodedPage(samples, samples.dtype.itemsize * 8 >= header.bits_per_sample)


def _tiff(path: Path, header: Header) -> Samples | None:
    """The samples of a TIFF, or None if Pillow has to decode it."""
    if header.photometric == PALETTE or header.bits_per_sample not in (1, 8, 16):
        return None
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        directory = main_directory(data)
        parts, fill_order = parts_of(directory), int(directory.one(FILL_ORDER, 1))
        if parts.name != "strip":
            return None
        if parts.pixel_bytes is not None:
            rows = np.frombuffer(_strips(data, parts), dtype=np.uint8)
        elif header.bits_per_sample == 16 and parts.planes == 1:
            rows = _bytes_of_rows(data, directory, parts)
        else:
            return None
    return _shaped(rows, header, parts, fill_order)


def _strips(data: mmap.mmap, parts: Parts) -> bytes:
    """The content of uncompressed strips, without what follows the last row of each."""
    return b"".join(
        data[int(offset) : int(offset) + parts.rows_of(number) * parts.row_bytes]
        for number, offset in enumerate(parts.offsets[: parts.needed])
    )


def _shaped(rows: NDArray[np.uint8], header: Header, parts: Parts, fill_order: int) -> Samples:
    """Rows of bytes as height x width x samples."""
    table = rows.reshape(parts.planes, header.height_px, parts.row_bytes)
    samples: Any = table
    if header.bits_per_sample == 1:
        bits = np.unpackbits(table, axis=2, bitorder="little" if fill_order == 2 else "big")
        samples = bits[:, :, : header.width_px * header.samples_per_pixel // parts.planes] * 255
    elif header.bits_per_sample == 16:
        order = ">u2" if header.byte_order == "big-endian" else "<u2"
        samples = table.view(order).astype(np.uint16)
    if header.photometric == MIN_IS_WHITE:
        samples = ~samples
    if parts.planes > 1:
        return np.ascontiguousarray(samples.transpose(1, 2, 0))
    shape = header.height_px, header.width_px, header.samples_per_pixel
    return np.ascontiguousarray(samples.reshape(shape))


def _bytes_of_rows(data: mmap.mmap, directory: Directory, parts: Parts) -> NDArray[np.uint8]:
    """The rows of 16-bit samples in compressed strips, for which Pillow has no mode: it gets each
    byte as a grey pixel, and the predictor is undone here."""
    view = BytesIO(_tiff_of_bytes(data, directory, parts))
    with Image.open(view) as image:
        rows = np.asarray(image)
    if directory.one(PREDICTOR, 1) != HORIZONTAL:
        return rows
    samples = int(directory.one(277, 1))
    order = directory.layout.order + "u2"
    steps = np.ascontiguousarray(rows).view(order).reshape(rows.shape[0], -1, samples)
    values = np.cumsum(steps, axis=1, dtype=np.uint16).astype(order)
    return values.reshape(rows.shape[0], -1).view(np.uint8)


def _tiff_of_bytes(data: mmap.mmap, directory: Directory, parts: Parts) -> bytes:
    """A TIFF with the same compressed strips, whose pixels are the bytes of each row."""
    spans = list(zip(parts.offsets, parts.lengths, strict=False))[: parts.needed]
    strips = [data[int(start) : int(start) + int(size)] for start, size in spans]
    order, count = directory.layout.order, len(strips)
    tags = 9
    table_at = 8 + 2 + 12 * tags + 4
    first = table_at + 8 * count
    starts = [first + sum(map(len, strips[:number])) for number in range(count)]
    entries = (
        (256, LONG, 1, parts.row_bytes),
        (257, LONG, 1, parts.rows_of_plane),
        (258, SHORT, 1, 8),
        (COMPRESSION, SHORT, 1, int(directory.one(COMPRESSION, 1))),
        (262, SHORT, 1, 1),
        (273, LONG, count, starts[0] if count == 1 else table_at),
        (277, SHORT, 1, 1),
        (ROWS_PER_STRIP, LONG, 1, parts.part_rows),
        (279, LONG, count, len(strips[0]) if count == 1 else table_at + 4 * count),
    )
    mark = b"II" if order == "<" else b"MM"
    head = mark + struct.pack(order + "HIH", 42, 8, tags)
    body = b"".join(_entry(order, *entry) for entry in entries) + struct.pack(order + "I", 0)
    table = struct.pack(f"{order}{2 * count}I", *starts, *map(len, strips))
    return head + body + table + b"".join(strips)


def _entry(order: str, tag: int, kind: int, count: int, value: int) -> bytes:
    form = "HHIHxx" if kind == SHORT else "HHII"
    return struct.pack(order + form, tag, kind, count, value)


def _by_pillow(path: Path, longest_px: int | None) -> Samples | None:
    with warnings.catch_warnings():
        # Pillow warns of images that are larger than those of most people.
        warnings.simplefilter("ignore")
        with Image.open(path) as image:
            if longest_px is not None:
                share = longest_px / max(image.size)
                image.draft(None, (int(image.width * share), int(image.height * share)))
            if image.mode == "P":
                return _samples(image.convert("RGB"))
            return _samples(image)


def _samples(image: Image.Image) -> Samples | None:
    if image.mode not in ("1", "L", "LA", "RGB", "RGBA", "RGBX", "CMYK", "I;16", "I;16B"):
        return None
    values = np.asarray(image)
    if image.mode == "1":
        values = values.astype(np.uint8) * 255
    elif values.dtype != np.uint8:
        values = values.astype(np.uint16)
    return values.reshape(*values.shape[:2], -1)

"""Writes an image in the memory form of Windows, a device-independent bitmap, as TIFF."""

import ctypes as ct
import struct
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from streams.clients.scanners.scanner_driver import ScannerProblem

HEADER = struct.Struct("<IiiHHIIiiII")
UNCOMPRESSED = 0
GREYS = bytes(range(256))
MAX_BYTES = 4 * 1024**3 - 2**20
"""A TIFF has offsets of 32 bits."""
SHORT, LONG, RATIONAL, UNDEFINED = 3, 4, 5, 7
SIZES = {SHORT: 2, LONG: 4, RATIONAL: 8, UNDEFINED: 1}


@dataclass(frozen=True)
class Raster:
    """Rows of pixels as TIFF has them, from the top."""

    width: int
    height: int
    bits: int
    samples: int
    photometric: int
    """0: min is white, 1: min is black, 2: RGB."""
    pixels: bytes


def read_dib(address: int) -> Raster:
    """The image of a bitmap at an address. Raises ScannerProblem for one of another form."""
    size, width, height, _, bits, compression, _, _, _, used, _ = HEADER.unpack(
        ct.string_at(address, HEADER.size)
    )
    stride = (width * bits + 31) // 32 * 4
    known = bits in (1, 8, 24) and compression == UNCOMPRESSED and width > 0 and height != 0
    if not known or stride * abs(height) > MAX_BYTES:
        found = f"a bitmap of {width} x {height} pixels, {bits} bits, compression {compression}"
        raise ScannerProblem("scanner.answer-invalid", found)
    colours = (used or 1 << bits) if bits <= 8 else used
    palette = ct.string_at(address + size, 4 * colours)
    content = ct.string_at(address + size + 4 * colours, stride * abs(height))
    rows = [content[at : at + stride] for at in range(0, len(content), stride)]
    if height > 0:  # The usual order is from the bottom.
        rows.reverse()
    return _raster(width, bits, palette, [row[: (width * bits + 7) // 8] for row in rows])


def _raster(width: int, bits: int, palette: bytes, rows: list[bytes]) -> Raster:
    pixels, height = b"".join(rows), len(rows)
    if bits == 24:
        return Raster(width, height, 8, 3, 2, _reversed_samples(pixels))
    blue, green, red = palette[0::4], palette[1::4], palette[2::4]
    if bits == 1:
        return Raster(width, height, 1, 1, 0 if green[:1] > green[1:2] else 1, pixels)
    table = [channel.ljust(256, b"\0") for channel in (red, green, blue)]
    if red == green == blue:
        grey = pixels if green == GREYS else pixels.translate(table[1])
        return Raster(width, height, 8, 1, 1, grey)
    coloured = bytearray(3 * len(pixels))
    for channel, values in enumerate(table):
        coloured[channel::3] = pixels.translate(values)
    return Raster(width, height, 8, 3, 2, bytes(coloured))


def _reversed_samples(pixels: bytes) -> bytes:
    """Red, green, blue in the place of blue, green, red."""
    turned = bytearray(pixels)
    turned[0::3], turned[2::3] = pixels[2::3], pixels[0::3]
    return bytes(turned)


def write_tiff(path: Path, raster: Raster, dpi: tuple[float, float], icc: bytes | None) -> None:
    """Write an image as an uncompressed TIFF of one strip, with its resolution and profile."""
    x, y = (Fraction(one).limit_denominator(10_000) for one in dpi)
    entries: list[tuple[int, int, list[int] | bytes]] = [
        (256, LONG, [raster.width]),
        (257, LONG, [raster.height]),
        (258, SHORT, [raster.bits] * raster.samples),
        (259, SHORT, [1]),
        (262, SHORT, [raster.photometric]),
        (273, LONG, [8]),
        (277, SHORT, [raster.samples]),
        (278, LONG, [raster.height]),
        (279, LONG, [len(raster.pixels)]),
        (282, RATIONAL, [x.numerator, x.denominator]),
        (283, RATIONAL, [y.numerator, y.denominator]),
        (296, SHORT, [2]),
    ]
    if icc is not None:
        entries.append((34675, UNDEFINED, icc))
    padding = b"\0" * (len(raster.pixels) % 2)
    at = 8 + len(raster.pixels) + len(padding)
    with path.open("wb") as file:
        file.write(struct.pack("<2sHI", b"II", 42, at) + raster.pixels + padding)
        file.write(_directory(entries, at))


def _directory(entries: list[tuple[int, int, list[int] | bytes]], at: int) -> bytes:
    """A directory that begins at an offset, with the values behind it."""
    table, behind = struct.pack("<H", len(entries)), b""
    first = at + 2 + 12 * len(entries) + 4
    for tag, kind, values in entries:
        content = values if isinstance(values, bytes) else _packed(kind, values)
        inline = content.ljust(4, b"\0")
        if len(content) > 4:
            inline = struct.pack("<I", first + len(behind))
            behind += content + b"\0" * (len(content) % 2)
        table += struct.pack("<HHI", tag, kind, len(content) // SIZES[kind]) + inline
    return table + struct.pack("<I", 0) + behind


def _packed(kind: int, values: list[int]) -> bytes:
    return b"".join(value.to_bytes(2 if kind == SHORT else 4, "little") for value in values)

"""Reads the chunks of a PNG file up to its pixels (PNG, third edition, section 5)."""

import struct
import zlib
from collections.abc import Iterator

from processors.imaging.header import Buffer, DamagedHeader, Header
from processors.imaging.jpeg_header import exif
from processors.imaging.resolution import INCH_PER_METRE, StatedResolution, in_dpi

SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
COLOUR_SPACES = {0: "greyscale", 2: "rgb", 3: "rgb", 4: "greyscale", 6: "rgb"}
PHOTOMETRICS = {0: "min-is-black", 2: "rgb", 3: "palette", 4: "min-is-black", 6: "rgb"}
PIXEL_CHUNKS = (b"IHDR", b"PLTE", b"IDAT", b"tRNS")
MAX_PROFILE_BYTES = 32 * 1024 * 1024


def read(data: Buffer) -> Header:
    """The header of a PNG file. Raises DamagedHeader."""
    chunks = dict(_chunks(data))
    if data.rfind(b"IEND") < 0:
        raise DamagedHeader("the IEND chunk is missing, so the file is truncated")
    start = chunks.get(b"IHDR", b"")
    if len(start) != 13:
        raise DamagedHeader("the first chunk is not a complete IHDR")
    width, height, bits, colour = struct.unpack_from(">IIBB", start)
    if colour not in SAMPLES:
        raise DamagedHeader(f"the colour type {colour} is not defined")
    stated, orientation = exif(chunks[b"eXIf"]) if b"eXIf" in chunks else ((), 1)
    bitonal = bits == 1 and colour == 0
    return Header(
        width_px=width,
        height_px=height,
        bits_per_sample=bits,
        samples_per_pixel=SAMPLES[colour],
        colour_space="bitonal" if bitonal else COLOUR_SPACES[colour],
        compression="deflate",
        resolutions=(*stated, *_phys(chunks.get(b"pHYs", b""))),
        icc=_icc(chunks[b"iCCP"]) if b"iCCP" in chunks else None,
        orientation=orientation,
        photometric=PHOTOMETRICS[colour],
    )


def irregularities(data: Buffer) -> tuple[str, ...]:
    """Reports data after the end of the image."""
    after = len(data) - data.rfind(b"IEND") - 8
    return (f"{after} bytes follow the end of the image",) if after > 0 else ()


def damaged_chunk(data: Buffer) -> str | None:
    """The first chunk whose checksum differs, of those that hold pixels, or None."""
    at, size = 8, len(data)
    while at + 12 <= size:
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > size:
            return f"the chunk at byte {at} exceeds the file of {size} bytes"
        if kind in PIXEL_CHUNKS:
            (stated,) = struct.unpack_from(">I", data, end - 4)
            if zlib.crc32(data[at + 4 : end - 4]) != stated:
                return f"the checksum of the {kind.decode()} chunk at byte {at} differs"
        if kind == b"IEND":
            break
        at = end
    return None


def _phys(body: bytes) -> Iterator[StatedResolution]:
    if len(body) == 9 and body[8] == 1:
        x, y = struct.unpack_from(">II", body)
        yield StatedResolution("phys", in_dpi(x, INCH_PER_METRE), in_dpi(y, INCH_PER_METRE))


def _icc(body: bytes) -> bytes:
    packed = body.partition(b"\0")[2][1:]
    try:
        return zlib.decompressobj().decompress(packed, MAX_PROFILE_BYTES)
    except zlib.error:
        return b""


def _chunks(data: Buffer) -> Iterator[tuple[bytes, bytes]]:
    at, size = 8, len(data)
    while at + 8 <= size:
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"IDAT":
            return
        if at + 12 + length > size:
            raise DamagedHeader(f"the chunk at byte {at} exceeds the file of {size} bytes")
        yield kind, bytes(data[at + 8 : at + 8 + length])
        at += 12 + length
    raise DamagedHeader(f"the file ends at byte {size}, before the pixels")

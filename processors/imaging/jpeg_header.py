"""Reads the markers of a JPEG file up to its first scan (ITU-T T.81, annex B)."""

import struct
from collections.abc import Iterator, Mapping

from processors.imaging import tiff_header
from processors.imaging.header import Buffer, DamagedHeader, Header
from processors.imaging.jpeg_markers import (
    END_OF_IMAGE,
    FRAMES,
    LOSSLESS,
    STANDALONE,
    START_OF_SCAN,
)
from processors.imaging.resolution import INCH_PER_CM, StatedResolution, in_dpi
from processors.imaging.tiff_directory import Value, directories

COLOUR_SPACES = {1: "greyscale", 3: "rgb", 4: "cmyk"}
PHOTOMETRICS = {1: "min-is-black", 3: "ycbcr", 4: "separated"}
JFIF_UNITS = {1: 1.0, 2: INCH_PER_CM}


def read(data: Buffer) -> Header:
    """The header of a JPEG file. Raises DamagedHeader."""
    frame: tuple[int, bytes] | None = None
    resolutions: list[StatedResolution] = []
    icc: list[tuple[int, bytes]] = []
    orientation, adobe_rgb = 1, False
    for marker, body in _segments(data):
        if marker in FRAMES and frame is None:
            frame = marker, body
        elif marker == 0xE0 and body.startswith(b"JFIF\0") and len(body) >= 12:
            resolutions += _jfif(body)
        elif marker == 0xE1 and body.startswith(b"Exif\0\0"):
            stated, orientation = exif(body[6:])
            resolutions += stated
        elif marker == 0xE2 and body.startswith(b"ICC_PROFILE\0") and len(body) > 14:
            icc.append((body[12], body[14:]))
        elif marker == 0xEE and body.startswith(b"Adobe") and len(body) >= 12:
            # The transform flag: 0 means that three components are RGB (ITU-T T.872, 6.5.3).
            adobe_rgb = body[11] == 0
    if frame is None or len(frame[1]) < 6:
        raise DamagedHeader("the file has no frame header before the scan")
    bits, height, width, samples = struct.unpack_from(">BHHB", frame[1])
    lossless = frame[0] in LOSSLESS
    return Header(
        width_px=width,
        height_px=height,
        bits_per_sample=bits,
        samples_per_pixel=samples,
        colour_space=COLOUR_SPACES.get(samples, "other"),
        compression="jpeg-lossless" if lossless else "jpeg",
        lossy=not lossless,
        resolutions=tuple(resolutions),
        icc=b"".join(part for _, part in sorted(icc)) or None,
        orientation=orientation,
        photometric="rgb" if samples == 3 and adobe_rgb else PHOTOMETRICS.get(samples),
    )


def exif(block: bytes) -> tuple[tuple[StatedResolution, ...], int]:
    """Resolutions and orientation in an Exif block; the defaults if the block is damaged."""
    try:
        first: Mapping[int, Value] = next(directories(block), {})
        return tiff_header.resolutions(first, "exif"), tiff_header.orientation(first)
    except DamagedHeader:
        return (), 1


def _jfif(body: bytes) -> Iterator[StatedResolution]:
    unit, x, y = struct.unpack_from(">BHH", body, 7)
    if unit in JFIF_UNITS:
        yield StatedResolution("jfif", in_dpi(x, JFIF_UNITS[unit]), in_dpi(y, JFIF_UNITS[unit]))


def _segments(data: Buffer) -> Iterator[tuple[int, bytes]]:
    at, size = 2, len(data)
    while at + 4 <= size:
        if data[at] != 0xFF:
            raise DamagedHeader(f"a marker is missing at byte {at}")
        marker = data[at + 1]
        if marker == 0xFF or marker in STANDALONE:
            at += 1 if marker == 0xFF else 2
            continue
        if marker in (START_OF_SCAN, END_OF_IMAGE):
            return
        (length,) = struct.unpack_from(">H", data, at + 2)
        if length < 2 or at + 2 + length > size:
            raise DamagedHeader(f"the segment at byte {at} exceeds the file of {size} bytes")
        yield marker, bytes(data[at + 4 : at + 2 + length])
        at += 2 + length
    raise DamagedHeader(f"the file ends at byte {size}, before the scan")

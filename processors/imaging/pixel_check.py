"""Decodes every pixel of a master, and says what was damaged and what cannot be judged."""

import mmap
from collections.abc import Callable
from pathlib import Path

import pyvips

from processors.imaging import jpeg_scan, tiff_damage
from processors.imaging.decode import decoding, open_image
from processors.imaging.decoding_result import Decoded, Undecodable
from processors.imaging.header import Header
from processors.imaging.jpeg_stream import irregularities, pixel_view
from processors.imaging.png_header import damaged_chunk
from processors.imaging.tiff_directory import main_directory
from processors.imaging.tiff_parts import parts_of
from processors.imaging.tiff_view import open_strip, open_tiles_as_strips, open_view
from processors.imaging.twelve_bits import BITS, open_twelve_bits

Opener = Callable[..., pyvips.Image]
UNKNOWN_LOCATION = "damaged pixels at an unknown location"
FAX_MODE = "Uncompressed data (not supported)"
"""What libtiff reports about the uncompressed mode of fax, which a hole looks like."""
FAX_OPTIONS, FAX_MODE_BIT = (292, 293), 2
"""T4Options and T6Options: whether the mode may occur (TIFF 6.0, section 11)."""
INVALID_TAGS = "the decoder reported invalid tags"


def decode_all_pixels(path: Path, header: Header, family: str) -> Decoded:
    """The decoder's message about the first image, if every pixel could be decoded.

    Raises Undecodable."""
    if header.bits_per_sample == BITS and open_twelve_bits(path) is None:
        found = "12 bits per sample are supported only in uncompressed strips of greyscale or RGB"
        raise Undecodable(found, unsupported=True)
    if family == "jpeg":
        return _jpeg(path, header)
    if family == "png":
        return _png(path, header)
    return _tiff(path, header)


def _jpeg(path: Path, header: Header) -> Decoded:
    view, stream, full_height = pixel_view(path.read_bytes())
    scan = jpeg_scan.JpegScanSource(view, stream.end)
    with decoding(path):
        how = {"access": "sequential", "fail_on": "warning"}
        image = pyvips.Image.new_from_source(scan.source(), "", **how)
    _compare_size(image.width, stream.height, header)
    with decoding(path):
        image.crop(0, 0, image.width, full_height).avg()
    if scan.unread_bytes():
        raise Undecodable(f"at least {scan.unread_bytes()} bytes of the scan belong to no pixel")
    with decoding(path):
        if image.height > full_height:
            # The decoder reports what it found in the last row of blocks.
            image.crop(0, full_height, image.width, 1).avg()
    hole = jpeg_scan.hole(stream)
    if hole:
        raise Undecodable(hole)
    size = jpeg_scan.unjudged_bytes(stream)
    reason = "of refined or arithmetically coded values, which have no redundancy"
    return Decoded(irregularities(stream), f"{size} bytes {reason}" if size else None)


def _png(path: Path, header: Header) -> Decoded:
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        damaged = damaged_chunk(data)
    if damaged:
        raise Undecodable(damaged)
    _decode(open_image, path, header, "error")
    return Decoded()


def _tiff(path: Path, header: Header) -> Decoded:
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        main = main_directory(data)
        in_tiles = parts_of(main).name == "tile"
        may_have_mode = any(int(main.one(tag, 0)) & FAX_MODE_BIT for tag in FAX_OPTIONS)
        damaged, unjudged = tiff_damage.found(main, header), tiff_damage.unjudged(main, header)
    if damaged:
        raise Undecodable(damaged)
    if header.compression in tiff_damage.FULLY_JUDGED:
        return Decoded(_reported(path, header, rows=1))
    if in_tiles and unjudged is None:
        with decoding(path):
            open_tiles_as_strips(path, access="sequential", fail_on="warning").avg()
        return Decoded(_reported(path, header, rows=0))
    try:
        # "warning" is the only level at which libvips reports holes in JPEG and CCITT scans.
        _decode(open_image, path, header, "warning")
    except Undecodable as warning:
        if warning.unsupported and not (FAX_MODE in warning.found and not may_have_mode):
            raise
        if warning.unsupported:
            raise Undecodable(warning.found) from None
        irregular: tuple[str, ...] = (_despite_tags(path, header, warning),)
    else:
        irregular = ()
    if header.compression == "ccitt-g4":
        _compare_rows(path)
    return Decoded(irregular, unjudged)


def _compare_rows(path: Path) -> None:
    """Raises Undecodable if a strip of G4 contains more rows than the image.

    A hole of ones is code for rows like the one above, which the decoder does not report."""
    for part in tiff_damage.with_ones(path):
        try:
            open_strip(path, part.start, part.length, part.rows + 1, fail_on="warning").avg()
        except pyvips.Error:
            continue
        raise Undecodable(f"{part.name} contains more rows than the image")


def _despite_tags(path: Path, header: Header, warning: Undecodable) -> str:
    """What the decoder reported if only the tags are irregular. Raises Undecodable."""
    of_pixels = _decode(open_view, path, header, "warning")
    if _decode(open_image, path, header, "error") != of_pixels:
        raise Undecodable("decoders disagree on the pixels because of irregular tags")
    return _about_tags(warning)


def _about_tags(warning: Undecodable) -> str:
    if warning.found == UNKNOWN_LOCATION:
        return INVALID_TAGS
    return f"the decoder reported {warning.found}"


def _reported(path: Path, header: Header, rows: int) -> tuple[str, ...]:
    """What the decoder reports about an image whose pixels are intact, from its first rows.

    Raises Undecodable."""
    try:
        _decode(open_image, path, header, "warning", rows)
    except Undecodable as warning:
        if warning.unsupported:
            raise
        _decode(open_image, path, header, "error", rows)
        return (_about_tags(warning),)
    return ()


def _decode(
    open_: Opener, path: Path, header: Header, fail_on: str, rows: int | None = None
) -> float:
    """The mean of all pixels; 0 if only the header and the first rows are decoded.

    Raises Undecodable."""
    with decoding(path):
        # Opened sequentially: a large master is streamed, so memory stays flat.
        image = open_(path, access="sequential", fail_on=fail_on)
        if rows:
            image.crop(0, 0, image.width, rows).avg()
        mean: float = image.avg() if rows is None else 0.0
    _compare_size(image.width, image.height, header)
    return mean


def _compare_size(width: int, height: int, header: Header) -> None:
    if (width, height) != (header.width_px, header.height_px):
        stated = f"{header.width_px} x {header.height_px}"
        raise Undecodable(
            f"the header states {stated} pixels, the decoder found {width} x {height}"
        )

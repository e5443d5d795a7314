"""Compressed strips are followed to their last byte, whatever their size."""

import zlib

import imagecodecs
import numpy
import pytest

from processors.imaging import tiff_damage
from processors.imaging.tiff_directory import main_directory
from processors.imaging.tiff_header import read
from tests.support.tiff_builders import LONG, SHORT, ATiff

SIDE = 5000
PLAIN = bytes(SIDE * SIDE)
DEFLATE, PACKBITS = 8, 32773


def a_strip(compression: int, packed: bytes, side: int = SIDE) -> bytes:
    sides = {tag: (LONG, [side]) for tag in (256, 257, 278)}
    tags = {**sides, 259: (SHORT, [compression]), 279: (LONG, [len(packed)])}
    return ATiff(pixels=packed, tags=tags).bytes()


def damage(content: bytes) -> str | None:
    return tiff_damage.found(main_directory(content), read(content))


@pytest.mark.parametrize("behind", [b"", b"\0\0", bytes(3_000_000)])
def test_a_strip_that_inflates_to_many_megabytes_is_intact(behind: bytes):
    assert damage(a_strip(DEFLATE, zlib.compress(PLAIN) + behind)) is None


def test_a_wrong_checksum_is_found():
    packed = bytearray(zlib.compress(PLAIN))
    packed[-1] ^= 1

    assert "incorrect data check" in (damage(a_strip(DEFLATE, bytes(packed))) or "")


def test_an_end_without_checksum_is_intact_only_with_exactly_all_pixels():
    packed = zlib.compress(PLAIN)[:-4]
    short = zlib.compress(PLAIN[:-1])[:-4]

    assert damage(a_strip(DEFLATE, packed)) is None
    assert "the pixels require 25000000" in (damage(a_strip(DEFLATE, short)) or "")


@pytest.mark.parametrize(
    ("packed", "found"),
    [
        (b"\xc1\7", None),
        (b"\xc1\7\0\0\0\0", None),
        (b"\x3f" + bytes(range(64)), None),
        (b"\xc2\7", "its runs contain 63 bytes, the pixels require 64"),
        (b"\xc0\7", "its runs contain 65 bytes, the pixels require 64"),
        (b"\xc1\7" + b"\xc1\7" * 3, "6 bytes belong to no pixel"),
        (b"\0\0" * 64, "literals of one byte"),
    ],
)
def test_runs_of_packbits_end_with_the_pixels(packed: bytes, found: str | None):
    reported = damage(a_strip(PACKBITS, packed, side=8))

    assert reported is None if found is None else found in (reported or "")


LZW = 5


def lzw_strip(hole: bytes, at: int = 40_000) -> bytes:
    noise = numpy.random.default_rng(7).integers(0, 256, (400, 400), dtype="u1")
    packed = bytearray(imagecodecs.lzw_encode(noise.tobytes()))
    packed[at : at + len(hole)] = hole
    return a_strip(LZW, bytes(packed), side=400)


@pytest.mark.parametrize("value", [0, 1, 0x55, 0xAA, 0xF6])
@pytest.mark.parametrize("at", [40_000, 40_013, 64])
def test_a_byte_that_is_often_repeated_in_lzw_is_damage(value: int, at: int):
    found = damage(lzw_strip(bytes([value]) * 64, at))

    what = "zeros" if value == 0 else f"a run of bytes {value}"
    assert f"has {what} at byte" in (found or "")


@pytest.mark.parametrize("value", [0, 255])
def test_an_even_image_in_lzw_is_intact(value: int):
    packed = imagecodecs.lzw_encode(bytes([value]) * SIDE * SIDE)

    assert damage(a_strip(LZW, packed)) is None
    assert damage(lzw_strip(b"")) is None

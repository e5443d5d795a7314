"""The structure of a TIFF is checked against the standard."""

import struct

import pytest

from processors.imaging import tiff_structure
from processors.imaging.header import DamagedHeader
from tests.support.tiff_builders import ASCII, IFD, LONG, PIXELS, RATIONAL, SHORT, ATiff

EXIF, SUB_IMAGES = 34665, 330


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_valid_file_has_no_violations(order: str, big: bool):
    assert tiff_structure.check(ATiff(order=order, big=big).bytes()) == ()


@pytest.mark.parametrize(
    ("tags", "reported"),
    [
        ({258: (SHORT, [8, 8])}, "tag 258 has 2 values, expected 1"),
        ({270: (ASCII, b"An open end")}, "the text in tag 270 does not end with a NUL byte"),
        ({270: (ASCII, b"")}, "tag 270 has no value"),
        ({274: (SHORT, [9])}, "tag 274 has the value 9"),
        ({282: (RATIONAL, [300, 0])}, "the resolution in tag 282 is 300/0"),
        ({283: (SHORT, [300])}, "tag 283 has the wrong type 3"),
        ({259: (SHORT, [1, 1])}, "tag 259 has 2 values, expected 1"),
        ({296: (SHORT, [7])}, "tag 296 has the value 7"),
        ({306: (ASCII, b"04.03.2010 09:59:17\0")}, "the date in tag 306 is not in the form"),
        ({320: (SHORT, [0] * 6)}, "photometric interpretation 1 contradicts the colour map"),
        ({50_000: (99, b"\1\2\3\4")}, "tag 50000 has the unknown type 99"),
        (
            {EXIF: (LONG, [0])},
            "the Exif directory cannot be read: a directory is expected at byte 0",
        ),
        ({EXIF: (LONG, [9_999_999])}, "the Exif directory cannot be read: the file ends at byte"),
        ({SUB_IMAGES: (LONG, [72])}, "SubIFDs points to the directory at byte 72, which is"),
        ({273: (LONG, [8, 8]), 279: (LONG, [64, 64])}, "the number of strips is 2, expected 1"),
        ({273: (LONG, [8, 8]), 279: (LONG, [64, 64])}, "strip 2 at byte 8 overlaps strip 1"),
    ],
)
def test_reports_violations_that_lose_no_pixel(tags, reported: str):
    found = tiff_structure.check(ATiff(tags=tags).bytes())

    assert any(reported in each for each in found), found


@pytest.mark.parametrize(
    ("tags", "without", "reported"),
    [
        ({262: (SHORT, [2])}, (), "photometric interpretation 2 requires 3 samples, found 1"),
        ({262: (SHORT, [99])}, (), "the photometric interpretation is unknown: 99"),
        ({}, (262,), "the photometric interpretation (tag 262) is missing"),
        (
            {262: (SHORT, [3])},
            (),
            "the image has a palette, and the colour map (tag 320) is missing",
        ),
        ({284: (SHORT, [3])}, (), "the planar configuration is unknown: 3"),
    ],
)
def test_an_image_whose_tags_do_not_say_what_it_shows_is_ambiguous(tags, without, reported: str):
    content = ATiff(tags=tags, without=without).bytes()

    assert tiff_structure.ambiguities(content) == (reported,)


def test_a_tag_of_the_pixels_with_two_values_is_ambiguous():
    made, _ = ATiff().made_entries()
    other = struct.pack("<HHII", 262, SHORT, 1, 0)
    twice = sorted([*made, other], key=lambda entry: struct.unpack_from("<H", entry))

    found = tiff_structure.ambiguities(ATiff(entries=twice).bytes())

    assert found == ("tag 262 occurs twice with different values",)


def test_a_text_outside_the_file_is_reported_and_the_pixels_are_used():
    made, _ = ATiff().made_entries()
    entries = [*made[:5], struct.pack("<HHII", 270, ASCII, 99, 9_999), *made[6:]]

    found = tiff_structure.check(ATiff(entries=entries).bytes())

    assert any(each.startswith("tag 270 points to byte 10098") for each in found), found


def test_an_empty_directory_ends_the_list():
    end = len(ATiff(following=1).bytes())
    content = ATiff(following=end).bytes() + bytes(8)

    assert tiff_structure.check(content) == (f"the next directory, at byte {end}, is empty",)


def test_a_second_image_without_all_pixels_is_damaged():
    plain = ATiff(following=1)
    end = len(plain.bytes())
    values = {256: 8, 257: 8, 259: 1, 262: 1, 273: 99_999, 278: 8, 279: 64}
    entries = [struct.pack("<HHII", tag, LONG, 1, value) for tag, value in values.items()]
    second = struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4)

    with pytest.raises(DamagedHeader, match="image 2: strip 1 of 1 ends at byte 100063"):
        tiff_structure.check(ATiff(following=end).bytes() + second)


@pytest.mark.parametrize("date", [b"2024:02:29 23:59:59\0", b"    :  :     :  :  \0"])
def test_accepts_dates_as_exif_writes_them(date: bytes):
    assert tiff_structure.check(ATiff(tags={306: (ASCII, date)}).bytes()) == ()


@pytest.mark.parametrize(
    ("tags", "without", "found"),
    [
        ({279: (LONG, [63])}, (), "the strips contain 63 bytes, the pixels require 64"),
        ({273: (LONG, [900])}, (), "strip 1 of 1 ends at byte 964"),
        ({273: (LONG, [4])}, (), "strip 1 of 1 has 64 bytes at byte 4"),
        ({279: (LONG, [0])}, (), "strip 1 of 1 has 0 bytes at byte 8"),
        ({278: (SHORT, [4])}, (), "the number of strips is 1, expected 2"),
        ({278: (SHORT, [0])}, (), "each strip has 8 x 0 pixels"),
        ({}, (273,), "has neither strips nor tiles"),
    ],
)
def test_refuses_an_image_with_missing_pixels(tags, without, found: str):
    with pytest.raises(DamagedHeader) as damage:
        tiff_structure.check(ATiff(tags=tags, without=without).bytes())

    assert found in str(damage.value)


def test_reports_duplicate_and_unordered_tags():
    made, _ = ATiff().made_entries()
    twice = [*made[:1], *made]

    assert "tag 256 occurs twice" in tiff_structure.check(ATiff(entries=twice).bytes())
    swapped = [made[1], made[0], *made[2:]]
    assert tiff_structure.check(ATiff(entries=swapped).bytes()) == ("tag 256 follows tag 257",)


def test_reports_overlapping_values_and_odd_offsets():
    made, behind = ATiff().made_entries()
    at = ATiff().strip + len(PIXELS) + 2 + 12 * len(made) + 4 + len(behind) - 16
    same = [struct.pack("<HHII", tag, RATIONAL, 1, at) for tag in (282, 283)]
    odd = [struct.pack("<HHII", 282, RATIONAL, 1, at - 1), made[-2]]

    (used_twice,) = tiff_structure.check(ATiff(entries=[*made[:10], *same, made[-1]]).bytes())
    found = tiff_structure.check(ATiff(entries=[*made[:10], *odd, made[-1]]).bytes())

    assert used_twice == f"the value of tag 283 at byte {at} overlaps the value of tag 282"
    assert f"the value of tag 282 begins at the odd offset {at - 1}" in found


def test_ends_if_sub_directories_point_at_each_other():
    plain = ATiff(tags={EXIF: (IFD, [0])})
    end = len(plain.bytes())
    pointing = struct.pack("<HHHIII", 1, EXIF, LONG, 1, end, 0)
    content = ATiff(tags={EXIF: (IFD, [end])}).bytes() + pointing

    (found,) = tiff_structure.check(content)

    assert found.startswith("the Exif directory: the Exif directory points to the directory")


def test_an_incomplete_second_image_is_reported_and_not_refused():
    plain = ATiff()
    end = len(plain.bytes())
    entries = [struct.pack("<HHII", tag, LONG, 1, 8) for tag in (256, 257)]
    second = struct.pack("<H", 2) + b"".join(entries) + bytes(4)

    (found,) = tiff_structure.check(ATiff(following=end).bytes() + second)

    assert found == "directory 2: the directory has neither strips nor tiles"

"""An ICC profile is checked for damage and mismatch."""

import pytest

from processors.imaging import icc
from tests.support.icc_builders import ADOBE_LIKE, grey_profile, matrix_profile_v2, to_xyz_d50

COLOUR = matrix_profile_v2("Adobe-like", to_xyz_d50(ADOBE_LIKE), 2.2)
GREY = grey_profile("Grey", 2.2)


def changed(at: int, value: bytes) -> bytes:
    return COLOUR[:at] + value + COLOUR[at + len(value) :]


@pytest.mark.parametrize("profile", [COLOUR, GREY, COLOUR + bytes(3)])
def test_an_intact_profile_has_no_damage(profile: bytes):
    assert icc.damage(profile) is None


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        (b"", "it has only 0 bytes"),
        (COLOUR[:100], "it has only 100 bytes"),
        (COLOUR[:-20], f"it states {len(COLOUR)} bytes and has {len(COLOUR) - 20}"),
        (COLOUR + b"more", f"it states {len(COLOUR)} bytes and has {len(COLOUR) + 4}"),
        (changed(36, b"\0\0\0\0"), "its signature is missing"),
        (changed(128, b"\x7f\0\0\0"), "it states 2130706432 tags"),
        (changed(136, b"\0\xff\xff\xff"), "its tag 'desc' ends at byte"),
    ],
)
def test_reports_where_a_profile_is_damaged(profile: bytes, expected: str):
    found = icc.damage(profile)

    assert found is not None
    assert expected in found


@pytest.mark.parametrize(
    ("profile", "colour_space", "expected"),
    [
        (COLOUR, "rgb", None),
        (GREY, "greyscale", None),
        (COLOUR, "bitonal", None),
        (COLOUR, "greyscale", "its colour space is 'RGB', the image is greyscale"),
        (GREY, "rgb", "its colour space is 'GRAY', the image is rgb"),
        (COLOUR, "cmyk", "its colour space is 'RGB', the image is cmyk"),
        (changed(12, b"link"), "rgb", "its class is 'link', which does not describe images"),
    ],
)
def test_reports_a_profile_for_other_images(profile: bytes, colour_space: str, expected: str):
    assert icc.mismatch(profile, colour_space) == expected

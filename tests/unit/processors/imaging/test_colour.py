"""Colours survive the way from the master to the screen; judged by arithmetic of our own."""

from collections.abc import Callable
from pathlib import Path

import pytest
import pyvips

from processors.derive_page import derive_page
from processors.imaging.colour import PROFILE, colour_of
from processors.outcome import Done
from tests.support import icc_builders as icc
from tests.support.derive_builders import a_master, acquired, contents
from tests.support.imaging_builders import memory_tools

PATCHES = (
    (37.99, 13.56, 14.06), (65.71, 18.13, 17.81), (49.93, -4.88, -21.93), (43.14, -13.10, 21.91),
    (55.11, 8.84, -25.40), (70.72, -33.40, -0.20), (62.66, 36.07, 57.10), (40.02, 10.41, -45.96),
    (51.12, 48.24, 16.25), (30.33, 22.98, -21.59), (72.53, -23.71, 57.26), (71.94, 19.36, 67.86),
    (28.78, 14.18, -50.30), (55.26, -38.34, 31.37), (42.10, 53.38, 28.19), (81.73, 4.04, 79.82),
    (51.94, 49.99, -14.57), (51.04, -22.00, -28.00), (96.54, -0.43, 1.19), (81.26, -0.64, -0.34),
    (66.77, -0.73, -0.50), (50.87, -0.15, -0.27), (35.66, -0.42, -1.23), (20.46, -0.08, -0.97),
)  # fmt: skip
"""CIELAB (D50) of the usual chart of 24 colours; its cyan is drawn in to what sRGB can hold."""
SIDE = 120
ADOBE = icc.to_xyz_d50(icc.ADOBE_LIKE)
ECI = icc.to_xyz_d50(icc.ECI_LIKE)
SPACES = {
    "AdobeRGB-like, version 2": (
        ADOBE,
        icc.adobe_curve,
        icc.matrix_profile_v2("Adobe-like", ADOBE, icc.ADOBE_GAMMA),
    ),
    "eciRGB-like, version 4": (
        ECI,
        icc.lstar_curve,
        icc.matrix_profile_v4_lstar("eci-like", ECI),
    ),
}


def chart(matrix: icc.Matrix, curve: Callable[[float], float], bits: int) -> pyvips.Image:
    """The patches in the numbers of a colour space, six in a row."""
    most = 2**bits - 1
    patches = []
    for lab in PATCHES:
        linear = icc.times(icc.inverse(matrix), icc.lab_to_xyz(lab))
        numbers = [round(most * min(1.0, curve(max(0.0, value)))) for value in linear]
        patches.append(pyvips.Image.black(SIDE, SIDE) + numbers)
    form, space = ("ushort", "rgb16") if bits == 16 else ("uchar", "srgb")
    return pyvips.Image.arrayjoin(patches, across=6).cast(form).copy(interpretation=space)


def differences(screen: pyvips.Image) -> list[float]:
    found = []
    side = screen.width / 6
    for number, lab in enumerate(PATCHES):
        left, top = (number % 6 + 0.25) * side, (number // 6 + 0.25) * side
        middle = screen.crop(round(left), round(top), round(side / 2), round(side / 2))
        seen = [middle[band].avg() for band in range(3)]
        found.append(icc.delta_e_2000(icc.srgb_to_lab(seen), lab))
    return found


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("name", SPACES)
def test_colours_are_within_two_delta_e_of_the_truth(tmp_path: Path, name: str, bits: int):
    tools = memory_tools(tmp_path)
    matrix, curve, profile = SPACES[name]
    master = a_master(chart(matrix, curve, bits), profile)
    rules = {"derivatives": {"access": {"long_side_px": 500, "quality": 85}}}

    outcome = derive_page(acquired(tools, master, rules=rules), tools)

    assert isinstance(outcome, Done), outcome
    files = contents(tools, outcome.facts[0])
    for use in ("access", "pyramid"):
        found = differences(pyvips.Image.new_from_buffer(files[use], ""))
        assert (sum(found) / 24 <= 1.0, max(found) <= 2.0) == (True, True), (use, found)


def test_without_its_profile_the_chart_would_fail(tmp_path: Path):
    matrix, curve, _ = SPACES["AdobeRGB-like, version 2"]

    found = differences(chart(matrix, curve, 8))

    assert max(found) > 5


def pixel(*numbers: int, form: str = "uchar", space: str = "srgb") -> pyvips.Image:
    return (pyvips.Image.black(1, 1) + list(numbers)).cast(form).copy(interpretation=space)


def with_profile(image: pyvips.Image, profile: bytes) -> pyvips.Image:
    tagged = image.copy()
    tagged.set_type(pyvips.GValue.blob_type, PROFILE, profile)
    return tagged


def shown(image: pyvips.Image, **how) -> list[float]:
    return colour_of(image, **how).rendition(image)(0, 0)


def test_colour_without_profile_is_taken_for_srgb_and_said_so():
    image = pixel(10, 100, 200)

    assert shown(image) == [10, 100, 200]
    assert colour_of(image).detail == "RGB without ICC profile, treated as sRGB"


def test_sixteen_bit_become_eight():
    assert shown(pixel(257 * 9, 257 * 99, 65535, form="ushort", space="rgb16")) == [9, 99, 255]
    assert shown(pixel(257 * 99, form="ushort", space="grey16")) == [99]


def test_a_profile_that_is_srgb_by_another_name_leaves_the_numbers():
    srgb = pixel(0, 0, 0).icc_transform("srgb", input_profile="srgb").get(PROFILE)
    image = with_profile(pixel(10, 100, 200), srgb)

    assert shown(image) == [10, 100, 200]
    assert "is sRGB, values unchanged" in colour_of(image).detail


def test_grey_stays_grey_and_moves_to_the_curve_of_srgb():
    image = with_profile(pixel(100, space="b-w"), icc.grey_profile("grey 1.8", 1.8))

    expected = 255 * icc.srgb_curve((100 / 255) ** 1.8)
    assert len(shown(image)) == 1
    assert shown(image)[0] == pytest.approx(expected, abs=1)
    assert colour_of(image).grey


def test_deep_grey_goes_through_its_profile_too():
    image = pixel(25700, form="ushort", space="grey16")

    found = shown(with_profile(image, icc.grey_profile("grey 1.8", 1.8)))

    assert found[0] == pytest.approx(255 * icc.srgb_curve((100 / 255) ** 1.8), abs=1)


def test_grey_with_a_profile_for_colours_is_a_neutral_of_it():
    profile = SPACES["eciRGB-like, version 4"][2]

    found = shown(with_profile(pixel(100, space="b-w"), profile))

    linear = icc.lab_to_xyz((100 * 100 / 255, 0, 0))[1]
    assert found == [pytest.approx(255 * icc.srgb_curve(linear), abs=1)]


@pytest.mark.parametrize("profile", [b"", b"no profile" * 30, icc.grey_profile("for grey", 2.2)])
def test_an_unusable_profile_is_named_and_colours_are_taken_for_srgb(profile: bytes):
    image = with_profile(pixel(10, 100, 200), profile)

    assert shown(image) == [10, 100, 200]
    assert colour_of(image).unusable is not None
    assert "not usable, RGB without ICC profile, treated as sRGB" in colour_of(image).detail


def test_cmyk_without_profile_is_printed_by_the_press_of_libvips():
    paper = shown(pixel(0, 0, 0, 0, space="cmyk"))
    cyan = shown(pixel(255, 0, 0, 0, space="cmyk"))

    assert min(paper) >= 250
    assert cyan[0] < 80 < cyan[2]
    assert "CMYK without ICC profile" in colour_of(pixel(0, 0, 0, 0, space="cmyk")).detail


def test_cmyk_goes_through_its_profile():
    press = pixel(0, 0, 0).icc_transform("cmyk", input_profile="srgb").get(PROFILE)
    image = with_profile(pixel(255, 0, 0, 0, space="cmyk"), press)

    assert shown(image)[0] < 80
    assert colour_of(image).detail.startswith("from '")


def test_the_darkest_that_a_device_knows_becomes_black():
    profile = icc.matrix_profile_v2("lifted", ADOBE, icc.ADOBE_GAMMA, floor=0.02)

    assert shown(with_profile(pixel(0, 0, 0), profile)) == [0, 0, 0]


def test_negatives_are_inverted_after_the_conversion():
    profile = SPACES["AdobeRGB-like, version 2"][2]
    image = with_profile(pixel(40, 160, 90), profile)

    assert shown(image, negative=True) == [255 - number for number in shown(image)]
    assert shown(pixel(0, space="b-w"), negative=True) == [255]
    assert colour_of(image, negative=True).detail.endswith("; inverted after conversion")

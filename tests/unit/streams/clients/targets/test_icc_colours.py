"""L*a*b* by ICC profiles of several forms."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from streams.clients.targets.icc_colours import (
    UnusableProfile,
    encoded_srgb,
    lab_of,
    to_d50,
)
from tests.support.captures import GREY_ICC, LINK_ICC, RGB_ICC
from tests.support.icc_builders import table_profile

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
TABLE = table_profile("Scanner with tables")
LAB = np.array([[95.0, 0, 0], [50, 0, 0], [20, 0, 0], [50, 40, 20], [60, -30, 30], [40, 10, -40]])


def test_colours_of_srgb_are_computed_back():
    samples = encoded_srgb(LAB)

    assert lab_of(samples, None) == pytest.approx(LAB, abs=0.01)
    # The profile of lcms has a parametric curve and a rounded matrix.
    assert lab_of(samples, SRGB) == pytest.approx(LAB, abs=0.1)


def test_a_matrix_profile_agrees_with_the_library_of_pillow():
    samples = np.random.default_rng(1).uniform(0.1, 0.9, (20, 3))
    transform = ImageCms.buildTransform(
        ImageCms.ImageCmsProfile(io.BytesIO(RGB_ICC)),
        ImageCms.createProfile("sRGB"),
        "RGB",
        "RGB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
    )
    levels = np.round(samples * 255).astype(np.uint8)
    converted = ImageCms.applyTransform(Image.fromarray(levels[None]), transform)
    assert converted is not None
    theirs = np.asarray(converted)[0] / 255
    inside = ((theirs > 0.02) & (theirs < 0.98)).all(axis=1)

    ours = lab_of(levels / 255, RGB_ICC)

    assert inside.sum() > 5
    assert ours[inside] == pytest.approx(lab_of(theirs, None)[inside], abs=0.6)


def test_a_grey_profile_gives_neutral_colours():
    found = lab_of(np.array([[1.0], [0.5], [0.0]]), GREY_ICC)

    assert found[:, 0] == pytest.approx([100, 53.6, 0], abs=0.5)
    assert np.abs(found[:, 1:]).max() < 0.1


def test_a_profile_with_tables_is_computed_by_the_library_to_half_a_unit():
    samples = encoded_srgb(LAB)

    found = lab_of(samples, TABLE)

    assert found == pytest.approx(LAB, abs=0.5)


@pytest.mark.parametrize("profile", [b"", RGB_ICC[:300], LINK_ICC[:200] + b"x" * 100])
def test_a_profile_that_cannot_be_used_is_reported(profile: bytes):
    with pytest.raises(UnusableProfile):
        lab_of(np.array([[0.5, 0.5, 0.5]]), profile)


def test_references_for_another_illuminant_are_adapted():
    assert to_d50(LAB[:3], "D65") == pytest.approx(LAB[:3], abs=0.05)
    assert to_d50(LAB[3:], "D65") != pytest.approx(LAB[3:], abs=0.5)

"""What is measured in a page follows what is done to it."""

import numpy as np
import pytest
from PIL import Image

from streams.clients.capture.page_measures import PageMeasures, distance, measure_page
from tests.support.text_pages import blank_page, blurred, exposed, text_page, turned

PAGE = text_page()


def measures(image: Image.Image, bits: int = 8, dpi: float | None = 150) -> PageMeasures:
    pixels = np.asarray(image)
    return measure_page(pixels.reshape(*pixels.shape[:2], -1), bits, dpi, image.mode == "CMYK")


def nearest(page: PageMeasures, other: str) -> int:
    return min(distance(one, other) for one in (page.hash, *page.shifted))


@pytest.mark.parametrize("degrees", [-5, -2, -0.5, 0, 0.3, 1, 3])
def test_the_angle_of_the_lines_is_measured_within_a_fifth_of_a_degree(degrees: float):
    skew = measures(turned(PAGE, degrees)).skew_degrees

    assert skew is not None
    assert abs(skew - degrees) <= 0.2


def test_a_page_without_lines_has_no_angle():
    noise = np.random.default_rng(3).integers(0, 256, (900, 700), dtype=np.uint8)

    assert measures(blank_page()).skew_degrees is None
    assert measures(Image.fromarray(noise)).skew_degrees is None


def test_sharpness_falls_with_blur_and_does_not_depend_on_exposure():
    found = [measures(blurred(PAGE, radius)).sharpness for radius in (0, 1, 1.5, 2, 3)]
    darker = measures(exposed(PAGE, 0.7)).sharpness

    assert found == sorted(found, reverse=True)
    assert found[0] - found[3] > 0.12
    assert darker == pytest.approx(found[0], abs=0.05)


def test_ink_is_measured_in_the_centre_and_not_at_the_edge_of_a_leaf():
    assert measures(blank_page()).ink == 0
    assert 0.05 < measures(PAGE).ink < 0.25


def test_paper_and_ink_without_tones_are_measured():
    good, light, dark = (
        measures(one) for one in (PAGE, exposed(PAGE, 1.3), exposed(PAGE, 1, -100))
    )

    assert (good.highlights, good.shadows) == (0, 0)
    assert light.highlights is not None and light.highlights > 0.8
    assert dark.shadows is not None and dark.shadows > 0.2


def test_white_around_a_leaf_is_not_paper_without_tones():
    on_a_lid = Image.new("L", (2000, 2400), 255)
    on_a_lid.paste(PAGE, (380, 300))

    assert measures(on_a_lid).highlights == 0


def test_text_at_an_edge_is_measured_and_a_margin_is_not():
    wide, high = PAGE.size

    assert measures(PAGE).cut_text == 0
    for left in (300, 400):
        assert measures(PAGE.crop((left, 0, wide, high))).cut_text > 0.4
        assert measures(PAGE.crop((0, 0, wide - left - 240, high))).cut_text > 0.4
    # Between two lines there is nothing to notice.
    through_lines = [150 + 42 * line + 12 for line in (5, 6, 7, 8)]
    assert max(measures(PAGE.crop((0, top, wide, high))).cut_text for top in through_lines) > 0.4


@pytest.mark.parametrize(
    "again",
    [
        lambda page: exposed(page, 0.9),
        lambda page: blurred(page, 1),
        lambda page: turned(page, 0.15),
        lambda page: page.resize((620, 877)),
        lambda page: page.transform(page.size, Image.Transform.AFFINE, (1, 0, 12, 0, 1, -15)),
    ],
)
def test_captures_of_one_page_have_similar_hashes_and_other_pages_do_not(again):
    own = measures(PAGE).hash

    assert nearest(measures(again(PAGE)), own) <= 24
    assert min(nearest(measures(text_page(seed)), own) for seed in range(2, 6)) > 24


@pytest.mark.parametrize("mode", ["RGB", "CMYK"])
def test_colours_and_other_samples_are_measured_like_grey(mode: str):
    found, grey = measures(PAGE.convert(mode)), measures(PAGE)

    assert found.ink == pytest.approx(grey.ink, abs=0.02)
    assert found.skew_degrees == pytest.approx(grey.skew_degrees, abs=0.1)


def test_transparency_is_not_measured():
    with_alpha = np.dstack([np.asarray(PAGE), np.zeros_like(np.asarray(PAGE))])

    assert measure_page(with_alpha, 8, 150, cmyk=False) == measures(PAGE)


def test_black_and_white_has_neither_sharpness_nor_tones():
    found = measures(PAGE.point(lambda value: 255 if value > 128 else 0), bits=1)

    assert (found.sharpness, found.highlights, found.shadows) == (None, None, None)
    assert found.skew_degrees == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("size", [(1, 1), (3, 400), (40, 30), (97, 99)])
def test_the_smallest_images_are_measured(size: tuple[int, int]):
    assert measures(Image.new("L", size, 200)).ink == 0

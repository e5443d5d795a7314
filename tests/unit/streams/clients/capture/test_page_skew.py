"""The angle of a page is that of its lines and of its upright edges, which may differ."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from streams.clients.capture.page_skew import skew_of, upright_of
from tests.support.text_pages import text_page, turned

PAGE = text_page().resize((620, 877))


def on_a_table(leaf: Image.Image) -> Image.Image:
    """A leaf on a dark table."""
    image = Image.new("L", (leaf.width + 120, leaf.height + 120), 60)
    image.paste(leaf, (60, 60))
    return image


def ink(image: Image.Image) -> np.ndarray:
    """The marks of text in the middle of a page."""
    marks = np.asarray(image) < 150
    marks[:90], marks[-90:], marks[:, :90], marks[:, -90:] = False, False, False, False
    return marks


def rotated(image: Image.Image, degrees: float) -> Image.Image:
    return image.rotate(-degrees, Image.Resampling.BICUBIC, fillcolor=60)


def rising(leaf: Image.Image, degrees: float) -> Image.Image:
    """A straight leaf whose lines rise, as those of a hand do."""
    shear = np.tan(np.radians(degrees))
    middle = shear * leaf.width / 2
    form = (1, 0, 0, shear, 1, -middle)
    return leaf.transform(leaf.size, Image.Transform.AFFINE, form, Image.Resampling.BICUBIC)


@pytest.mark.parametrize("degrees", [-5, -2.5, 0, 1, 4])
def test_a_leaf_at_an_angle_turns_its_lines_and_its_edges(degrees: float):
    page = rotated(on_a_table(PAGE), degrees)

    assert skew_of(ink(page)) == pytest.approx(degrees, abs=0.3)
    assert upright_of(np.asarray(page)) == pytest.approx(degrees, abs=0.3)


def test_lines_that_rise_on_a_straight_leaf_do_not_turn_its_edges():
    page = on_a_table(rising(PAGE, 4))

    assert skew_of(ink(page)) == pytest.approx(-4, abs=0.4)
    assert upright_of(np.asarray(page)) == pytest.approx(0, abs=0.3)


def test_a_page_without_lines_and_edges_has_no_angle():
    noise = np.random.default_rng(3).integers(0, 256, (900, 700), dtype=np.uint8)

    for page in (noise, np.full((900, 700), 220, np.uint8)):
        assert skew_of(page < 100) is None
        assert upright_of(page) is None


def test_an_angle_outside_the_range_is_not_guessed():
    page = rotated(on_a_table(PAGE), 8)

    assert skew_of(ink(page)) is None


def test_rules_and_frames_are_upright_edges():
    page = Image.new("L", (600, 800), 230)
    draw = ImageDraw.Draw(page)
    for left in (80, 240, 520):
        draw.line((left, 60, left, 740), fill=30, width=3)

    assert upright_of(np.asarray(turned(page, 3))) == pytest.approx(3, abs=0.3)

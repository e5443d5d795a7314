"""Ink is found on light and dark images of any size."""

import numpy as np
from PIL import Image, ImageOps

from processors.enrich.page_ink import LONG_SIDE, box_mean, components_of, ink_of
from tests.support.pages_to_look_at import paper, text_page


def test_a_negative_has_the_ink_of_the_positive():
    page = text_page()

    positive = ink_of(np.asarray(page))
    negative = ink_of(np.asarray(ImageOps.invert(page)))

    assert not positive.inverted
    assert negative.inverted
    assert np.mean(positive.ink != negative.ink) < 0.01


def test_a_large_image_is_reduced_and_the_factor_is_kept():
    page = ink_of(np.asarray(text_page().resize((2100, 2700))))

    assert max(page.ink.shape) == LONG_SIDE
    assert page.scale == 3.0


def test_text_is_found_on_faint_paper():
    faint = np.asarray(text_page()).astype(float) * 0.25 + 120

    share = ink_of(faint.astype(np.uint8)).ink.mean()

    assert 0.5 < share / ink_of(np.asarray(text_page())).ink.mean() < 1.5


def test_paper_has_almost_no_ink():
    assert ink_of(np.asarray(paper())).ink.mean() < 0.01


def test_components_have_their_boxes_and_areas():
    mask = np.zeros((20, 30), bool)
    mask[2:5, 3:9] = True
    mask[10:18, 20] = True

    labels, parts = components_of(mask)

    assert sorted(
        zip(parts.left, parts.top, parts.width, parts.height, parts.area, strict=True)
    ) == [
        (3, 2, 6, 3, 18),
        (20, 10, 1, 8, 8),
    ]
    assert (labels >= 0).sum() == 26


def test_the_mean_of_a_square_repeats_the_edges():
    plane = np.arange(12, dtype=np.float32).reshape(3, 4)

    assert box_mean(plane, 3)[1, 1] == plane[:3, :3].mean()
    assert np.isclose(box_mean(plane, 3)[0, 0], np.mean([0, 0, 1, 0, 0, 1, 4, 4, 5]))


def test_a_single_colour_is_a_page_without_ink():
    white = ink_of(np.asarray(Image.new("RGB", (50, 80), "white")))

    assert not white.ink.any()
    assert len(white.components) == 0

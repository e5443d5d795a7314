"""Measures of a patch depend on its strokes, neither on its size nor on its contrast."""

import numpy as np
from PIL import Image

from processors.enrich.page_ink import ink_of
from processors.enrich.writing_features import features_of, run_lengths
from processors.enrich.writing_patches import patches_of
from tests.support.pages_to_look_at import paper, text_page


def mean_features(image: Image.Image) -> np.ndarray:
    return np.mean([features_of(patch) for patch in patches_of(ink_of(np.asarray(image)))], 0)


def test_runs_of_a_row_end_at_its_edges():
    mask = np.array([[1, 1, 0, 1], [1, 0, 1, 1]], bool)

    assert run_lengths(mask).tolist() == [[2, 2, 0, 1], [1, 0, 2, 2]]


def test_faint_and_inverted_text_has_nearly_the_same_measures():
    page = text_page(lines=12)
    faint = Image.fromarray((255 - (np.asarray(page) * 0.5 + 60)).astype(np.uint8))
    slanted = page.transform(page.size, Image.Transform.AFFINE, (1, 0.5, -200, 0, 1, 0))

    same, other = (
        mean_features(page) - mean_features(faint),
        mean_features(page) - mean_features(slanted),
    )

    assert np.linalg.norm(same) < 0.5 * np.linalg.norm(other)


def test_larger_letters_give_nearly_the_same_measures():
    small, large = text_page(lines=12, size=16), text_page(lines=10, size=28)
    slanted = small.transform(small.size, Image.Transform.AFFINE, (1, 0.5, -200, 0, 1, 0))

    same = mean_features(small) - mean_features(large)

    assert np.linalg.norm(same) < np.linalg.norm(mean_features(small) - mean_features(slanted))


def test_every_measure_is_a_number():
    for image in (text_page(lines=8), text_page(lines=3)):
        for patch in patches_of(ink_of(np.asarray(image))):
            assert np.isfinite(features_of(patch)).all()


def test_paper_has_no_patches():
    assert list(patches_of(ink_of(np.asarray(paper())))) == []

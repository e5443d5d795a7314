"""Boxes get the label that a person gave them, or none if nobody looked."""

from collections import Counter

from bench.training.corpus import LabelledPage
from bench.training.crops import examples_of, labelled_crops
from processors.enrich.figure_boxes import FigureBox


def a_page(style: str, *boxes: tuple[float, float, float, float]) -> LabelledPage:
    return LabelledPage("scripts/p.jpg", style, "owner/name", "name/work", "CC0-1.0", boxes)


HALF = FigureBox(100, 100, 500, 500, 0.8)
"""Left and upper half of a page of 1000 by 1000, but for its edge."""


def labels(page: LabelledPage, *crops: tuple[tuple[float, float, float, float], str]) -> list:
    return [(label, found) for _, label, found in examples_of(page, [HALF], crops, (1000, 1000))]


def test_the_table_has_400_crops_of_every_kind():
    count = Counter(label for crops in labelled_crops().values() for _, label in crops)

    assert sum(count.values()) >= 400
    assert min(count[kind] for kind in ("illustration", "ornament", "initial", "none")) >= 50


def test_a_box_that_is_in_the_table_has_its_label():
    assert labels(a_page("roman"), ((0.1, 0.1, 0.6, 0.55), "initial")) == [("initial", True)]


def test_a_box_of_the_table_that_was_not_found_is_an_example_too():
    assert labels(a_page("roman"), ((0.7, 0.7, 0.9, 0.9), "ornament")) == [
        (None, True),
        ("ornament", False),
    ]


def test_a_marked_box_is_an_illustration_in_the_15th_century_and_an_ornament_in_the_17th():
    marked = (0.1, 0.1, 0.62, 0.6)

    assert labels(a_page("blackletter", marked)) == [("illustration", True)]
    assert labels(a_page("roman", marked)) == [("ornament", True)]


def test_handwriting_without_marked_figures_has_none_and_print_may_have_initials():
    assert labels(a_page("cursive-hand")) == [("none", True)]
    assert labels(a_page("book-hand")) == [(None, True)]

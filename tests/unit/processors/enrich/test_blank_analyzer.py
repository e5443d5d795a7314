"""Blank pages are suggested as blank, and pages that were hard to read to a person."""

import numpy as np
import pytest
from PIL import Image, ImageFilter, ImageOps

from processors.enrich.analyzer import Word
from processors.enrich.blank_analyzer import BlankAnalyzer
from tests.support.pages_to_look_at import page_view, paper, text_page


def words(count: int, confidence: float) -> tuple[Word, ...]:
    return tuple(Word("letters", (0, 0, 9, 9), confidence) for _ in range(count))


def show_through() -> Image.Image:
    """An empty leaf through which the text of the other side is seen faintly."""
    other = np.asarray(ImageOps.mirror(text_page()).filter(ImageFilter.GaussianBlur(1.5)))
    leaf = np.asarray(paper()).astype(float)
    return Image.fromarray((0.92 * leaf + 0.08 * other).clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize("page", [paper(), show_through(), Image.new("RGB", (5, 3), "black")])
def test_a_page_without_writing_is_blank(page: Image.Image):
    (found,) = BlankAnalyzer().analyze(page_view(page))

    assert (found.kind, found.label) == ("blank", "blank")
    assert found.score > 0.8


@pytest.mark.parametrize("page", [text_page(), text_page(lines=2), ImageOps.invert(text_page())])
def test_a_page_with_writing_is_not_blank(page: Image.Image):
    assert BlankAnalyzer().analyze(page_view(page)) == []


def test_words_read_with_confidence_are_text_even_if_no_ink_is_seen():
    assert BlankAnalyzer().analyze(page_view(paper(), words=words(6, 0.9))) == []


def test_doubtful_words_on_an_empty_page_do_not_make_it_text():
    (found,) = BlankAnalyzer().analyze(page_view(paper(), words=words(30, 0.2)))

    assert found.label == "blank"


def test_a_page_that_was_hard_to_read_is_shown_to_a_person():
    (found,) = BlankAnalyzer().analyze(page_view(text_page(), words=words(40, 0.35)))

    assert (found.label, found.score) == ("low-confidence", 0.65)
    assert found.evidence == ("40 words, mean confidence 0.35",)


@pytest.mark.parametrize("read", [words(40, 0.8), words(19, 0.3), ()])
def test_good_readings_and_few_words_are_left_alone(read: tuple[Word, ...]):
    assert BlankAnalyzer().analyze(page_view(text_page(), words=read)) == []

"""Figures get a box in pixels of the master; text, handwriting and blank pages get none."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from processors.enrich.analyzer import Box
from processors.enrich.figure_analyzer import FigureAnalyzer
from tests.support.corpora import corpus
from tests.support.pages_to_look_at import page_view, paper, picture, text_page


@pytest.fixture(scope="module")
def analyzer() -> FigureAnalyzer:
    return FigureAnalyzer()


def shared(one: Box, other: Box) -> float:
    """The part of what two boxes cover together that both cover."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    both = max(width, 0) * max(height, 0)
    return both / (one[2] * one[3] + other[2] * other[3] - both)


def woodcut() -> Image.Image:
    """Text around a picture of hatched shapes that no book contains."""
    page = text_page()
    draw = ImageDraw.Draw(page)
    draw.rectangle((180, 300, 520, 620), fill=(214, 208, 190), outline=(30, 25, 20), width=4)
    for step in range(0, 300, 7):
        draw.line((190 + step, 310, 190, 310 + step), (35, 30, 25), 2)
        draw.line((510 - step, 610, 510, 610 - step), (35, 30, 25), 2)
    for radius in range(20, 120, 9):
        draw.ellipse((350 - radius, 460 - radius, 350 + radius, 460 + radius), outline=(30, 25, 20))
    return page


def test_a_picture_in_text_has_its_box_in_pixels_of_the_master(analyzer: FigureAnalyzer):
    found = analyzer.analyze(page_view(woodcut(), times=4))

    figures = [one for one in found if one.label in ("illustration", "ornament")]
    assert len(figures) == 1
    assert figures[0].box is not None
    assert shared(figures[0].box, (720, 1200, 1360, 1280)) > 0.6
    assert figures[0].vocabulary == "iconclass"
    assert figures[0].term_uri.startswith("https://iconclass.org/4")


@pytest.mark.parametrize("page", [paper(), text_page(), Image.new("RGB", (5, 3), "white")])
def test_paper_and_text_have_no_figures(analyzer: FigureAnalyzer, page: Image.Image):
    assert analyzer.analyze(page_view(page)) == []


def test_a_marked_illustration_of_the_corpora_is_found(analyzer: FigureAnalyzer):
    folder = corpus("figures")
    with (folder / "pages.tsv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["class"] == "figure"]
    right = []
    for row in rows[::50]:
        image = picture(folder / row["file"])
        size = np.array([image.width, image.height] * 2)
        corners = (
            np.array([float(value) for value in text.split(",")]) * size
            for text in row["boxes_relative_x0_y0_x1_y1"].split(";")
        )
        left, top, width, height = max(
            ((a, b, c - a, d - b) for a, b, c, d in corners), key=lambda box: box[2] * box[3]
        )
        marked = (round(left), round(top), round(width), round(height))
        found = analyzer.analyze(page_view(image))
        right.append(any(one.box and shared(one.box, marked) > 0.4 for one in found))

    assert np.mean(right) >= 0.6


@pytest.mark.long
def test_few_pages_of_a_book_that_the_model_never_saw_raise_an_alarm(analyzer: FigureAnalyzer):
    pages: list[Path] = sorted(corpus("gallicorpora-18e").glob("*/*.jpeg"))[::9]

    alarms = [
        any(one.label == "illustration" for one in analyzer.analyze(page_view(picture(page))))
        for page in pages
    ]

    assert pages
    assert sum(alarms) <= 1

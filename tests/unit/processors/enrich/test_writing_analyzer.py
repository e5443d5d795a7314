"""Each page gets exactly one kind of writing and one style; pages of the corpora get the right one."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from processors.enrich.analyzer import Suggestion
from processors.enrich.writing_analyzer import KIND_OF_STYLE, WritingAnalyzer, pooled
from tests.support.corpora import corpus
from tests.support.pages_to_look_at import page_view, paper, picture, text_page


@pytest.fixture(scope="module")
def analyzer() -> WritingAnalyzer:
    return WritingAnalyzer()


def labels(found: list[Suggestion]) -> list[tuple[str, str]]:
    return [(one.kind, one.label) for one in found]


def test_a_page_gets_one_kind_and_one_style(analyzer: WritingAnalyzer):
    found = analyzer.analyze(page_view(text_page()))

    assert [one.kind for one in found] == ["writing", "script"]
    assert all(f"{one.kind}:{one.label}" in analyzer.labels for one in found)
    assert all(0 <= one.score <= 1 for one in found)
    assert found[0].evidence[0].endswith("patches of text")


@pytest.mark.parametrize(
    "page", [paper(), Image.new("RGB", (3, 5), "white"), Image.new("RGB", (1, 4000))]
)
def test_a_blank_page_is_unknown_with_score_zero(analyzer: WritingAnalyzer, page: Image.Image):
    found = analyzer.analyze(page_view(page))

    assert labels(found) == [("writing", "unknown"), ("script", "unknown")]
    assert [one.score for one in found] == [0.0, 0.0]


def test_the_same_page_gives_the_same_result(analyzer: WritingAnalyzer):
    page = page_view(text_page())

    assert analyzer.analyze(page) == WritingAnalyzer().analyze(page)


def test_the_agent_is_named_by_the_digest_of_its_weights(analyzer: WritingAnalyzer):
    assert len(analyzer.weights_sha256) == 64


def test_patches_that_agree_are_more_certain_than_patches_that_do_not():
    agreeing = pooled(np.array([[0.8, 0.2], [0.8, 0.2]]), 0.5)
    differing = pooled(np.array([[0.8, 0.2], [0.3, 0.7]]), 0.5)

    assert agreeing[0] > differing[0] > 0.5
    assert np.isclose(agreeing.sum(), 1)


UNSEEN = {
    "gallicorpora-18e/*/*.jpeg": ("print", "roman"),
    "kant-1784/**/*.tif": ("print", "blackletter"),
    "tesseract/[ep]*o*t*.tif": ("print", "roman"),
}
"""Books that no model was trained on."""


@pytest.mark.parametrize("pattern", sorted(UNSEEN))
def test_books_of_sources_that_the_model_never_saw(analyzer: WritingAnalyzer, pattern: str):
    folder, _, rest = pattern.partition("/")
    pages = sorted(corpus(folder).glob(rest))[::9]

    found = [
        tuple(one.label for one in analyzer.analyze(page_view(picture(page)))) for page in pages
    ]

    assert pages
    right = [(kind == UNSEEN[pattern][0], style == UNSEEN[pattern][1]) for kind, style in found]
    assert np.mean([kind for kind, _ in right]) >= 0.9, Counter(found)
    assert np.mean([style for _, style in right]) >= 0.8, Counter(found)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("ms_caroline", "hand"),
        ("typewritten", "typed"),
    ],
)
def test_negatives_and_double_size_do_not_change_the_kind(
    analyzer: WritingAnalyzer, name: str, kind: str
):
    page: Path = sorted(corpus("scripts", "train", name).glob("*.jpg"))[3]
    image = Image.open(page).convert("RGB")

    views = (ImageOps.invert(image), image.resize((2 * image.width, 2 * image.height)))
    found = [analyzer.analyze(page_view(one))[0].label for one in views]

    assert found == [kind] * 2


def test_each_style_has_a_kind():
    assert set(KIND_OF_STYLE.values()) == {"hand", "print", "typed"}

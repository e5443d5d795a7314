"""Words that are divided at the end of a line."""

import pytest

from processors.ocr.delivered_alto import text_blocks
from processors.ocr.line_end import mark_divided_words
from processors.ocr.page_text import page_text
from tests.support.alto_pages import alto_page, block, root_of


def marked(*lines: str) -> tuple[int, list[tuple[str, str | None, str | None]], list[str]]:
    root = root_of(alto_page([block("a", lines, 0, 0)]))
    count = mark_divided_words(text_blocks(root))
    strings = [
        (one.get("CONTENT", ""), one.get("SUBS_TYPE"), one.get("SUBS_CONTENT"))
        for one in root.iter("{*}String")
    ]
    return count, strings, [one.get("CONTENT", "") for one in root.iter("{*}HYP")]


@pytest.mark.parametrize("hyphen", ["-", "‐", "⸗", "¬", "\u00ad", "="])
def test_both_parts_get_the_complete_word(hyphen: str):
    assert marked(f"der Ver{hyphen}", "faſſer, ein") == (
        1,
        [
            ("der", None, None),
            ("Ver", "HypPart1", "Verfaſſer,"),
            ("faſſer,", "HypPart2", "Verfaſſer,"),
            ("ein", None, None),
        ],
        [hyphen],
    )


@pytest.mark.parametrize(
    "lines",
    [
        ("Nord-", "Süd"),
        ("1784-", "bis"),
        ("-", "er"),
        ("er ging -", "und kam"),
        ("am Ende Ver-",),
        ("von-", "4 Uhr"),
    ],
)
def test_other_hyphens_at_line_ends_are_unchanged(lines: tuple[str, ...]):
    count, strings, hyphens = marked(*lines)

    assert (count, hyphens) == (0, [])
    assert [text for text, _, _ in strings] == " ".join(lines).split()


def test_a_word_is_divided_between_blocks():
    root = root_of(alto_page([block("a", ["Ver-"], 0, 0), block("b", ["faſſer"], 500, 0)]))

    assert mark_divided_words(text_blocks(root)) == 1
    assert [one.get("SUBS_CONTENT") for one in root.iter("{*}String")] == ["Verfaſſer"] * 2


def test_a_word_of_three_lines_has_two_hyphens():
    _, strings, hyphens = marked("Be-", "ſchaffen-", "heit")

    assert hyphens == ["-", "-"]
    assert [text for text, _, _ in strings] == ["Be", "ſchaffen", "heit"]


def test_the_printed_words_stay_the_same():
    lines = ("der Ver-", "faſſer und Nord-", "Süd")
    root = root_of(alto_page([block("a", lines, 0, 0)]))
    before = list(page_text(root, (1, 1)).words())

    mark_divided_words(text_blocks(root))

    assert list(page_text(root, (1, 1)).words()) == before

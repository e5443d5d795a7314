"""Codes of characters."""

import io

import pytest

from processors.pdf.file import PdfFile
from processors.pdf.text_font import TextFont, clusters


def a_font() -> TextFont:
    return TextFont(PdfFile(io.BytesIO()))


def test_codes_follow_the_first_use():
    font = a_font()

    assert font.encoded("aba") == (b"\0\1\0\2\0\1", 3)
    assert font.encoded("cb") == (b"\0\3\0\2", 2)


def test_combining_marks_stay_with_their_letter():
    assert list(clusters("vn\u0303\u0323e")) == ["v", "n\u0303\u0323", "e"]


def test_characters_that_a_pdf_must_not_name_are_left_out():
    codes, count = a_font().encoded(["a", "\ufeff", "\ufffe", "b"])

    assert (codes, count) == (b"\0\1\0\2", 2)


def test_more_characters_than_codes_are_refused():
    font = a_font()

    with pytest.raises(ValueError, match="65534 different characters"):
        font.encoded(chr(0x10000 + number) for number in range(70_000))

"""Comma-separated values: quoted, without control characters and without formulas."""

import csv
import io

import pytest

from streams.cli.csv_form import csv_text


def read_back(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


def test_texts_with_commas_quotes_and_several_lines_are_one_cell():
    text = csv_text(("a", "b"), [('one, "two"', 3), (None, "é")])

    assert read_back(text) == [["a", "b"], ['one, "two"', "3"], ["", "é"]]


@pytest.mark.parametrize("formula", ["=1+1", "+1", "-1", "@SUM(A1)", " =1", '=HYPERLINK("x")'])
def test_a_text_that_looks_like_a_formula_is_marked_as_text(formula: str):
    assert read_back(csv_text(("a",), [(formula,)]))[1] == [f"'{formula}"]


def test_a_number_is_never_marked():
    assert read_back(csv_text(("a",), [(-1,)]))[1] == ["-1"]


def test_control_characters_are_shown():
    assert read_back(csv_text(("a",), [("\x1b[31m\n\u202e",)]))[1] == [r"\x1b[31m\n\u202e"]

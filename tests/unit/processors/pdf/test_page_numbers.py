"""Lists of page numbers."""

import pytest

from processors.pdf.page_numbers import page_numbers


@pytest.mark.parametrize(
    ("text", "numbers"), [("3", {3}), ("3-5,9", {3, 4, 5, 9}), (" 1 , 2-2", {1, 2})]
)
def test_numbers_are_read_from_a_list(text: str, numbers: set[int]):
    assert page_numbers(text) == numbers


@pytest.mark.parametrize("text", ["", "a", "0", "5-3", "1-9999999", "1,,2", "-3"])
def test_a_list_that_is_none_is_refused(text: str):
    with pytest.raises(ValueError):
        page_numbers(text)

"""Files are in natural order, in the digits of every script."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.clients.station.folder import SubmissionOptions, read_folder
from streams.clients.station.scan import natural
from tests.support.corpora import corpus

ZEROS = [chr(code) for code in range(0x110000) if unicodedata.decimal(chr(code), -1) == 0]
"""The zero of every script that has decimal digits."""


def written(number: int, zero: str) -> str:
    return "".join(chr(ord(zero) + int(digit)) for digit in str(number))


@given(st.sampled_from(ZEROS), st.lists(st.integers(0, 10**6), unique=True), st.text(max_size=3))
def test_numbers_of_every_script_are_in_order(zero: str, numbers: list[int], before: str):
    names = [f"{before}\u9801{written(number, zero)}.tif" for number in numbers]

    in_order = [f"{before}\u9801{written(number, zero)}.tif" for number in sorted(numbers)]
    assert sorted(names, key=natural) == in_order


@pytest.mark.parametrize("case", ["31a-arabic-digits", "31b-full-width-digits"])
def test_reported_pages_are_in_order(case: str):
    made = read_folder(corpus("reported", case), SubmissionOptions("b-1"))

    names = [page["file"]["path"] for page in made.manifest["items"][0]["pages"]]
    assert [int("".join(filter(str.isdecimal, name))) for name in names] == [1, 2, 10]

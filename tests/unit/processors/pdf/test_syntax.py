"""The values of PDF."""

import pytest

from processors.pdf.syntax import Name, Reference, number, written


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, b"true"),
        (7, b"7"),
        (0.12345, b"0.123"),
        (-0.0001, b"0"),
        (1e-9, b"0"),
        (123456.0, b"123456"),
        (Reference(3), b"3 0 R"),
        (Name("A b#c"), b"/A#20b#23c"),
        ("ſ", b"<FEFF017F>"),
        ("𝔄", b"<FEFFD835DD04>"),
        (b"\x01\xff", b"<01FF>"),
        ([1, Name("Fit")], b"[1 /Fit]"),
        ({"Type": Name("Page"), "Kids": [Reference(1)]}, b"<< /Type /Page /Kids [1 0 R] >>"),
    ],
)
def test_a_value_is_written_as_the_standard_says(value: object, expected: bytes):
    assert written(value) == expected


def test_a_value_without_a_form_is_refused():
    with pytest.raises(TypeError, match="set"):
        written({1, 2})


def test_a_number_has_no_exponent():
    assert number(1e-7) == b"0" and number(1e10) == b"10000000000"

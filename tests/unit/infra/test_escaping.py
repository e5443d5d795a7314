"""Every control character is escaped, in text and in JSON, and nothing else is changed."""

import json
import sys
import unicodedata

import pytest

from infra.escaping import escaped, escaped_json, indented

CATEGORIES = ("Cc", "Cf", "Cs", "Zl", "Zp")
CONTROLS = [
    chr(at) for at in range(sys.maxunicode + 1) if unicodedata.category(chr(at)) in CATEGORIES
]
LEGIBLE = "Zürich  ſ 日本語 עברית عربى e\u0301 👩 葛\U000e0100 [bold] \\x1b"
CLEAR, CLIPBOARD = "\x1b[2J\x1b[H", "\x1b]52;c;cm0gLXJmIH4=\x07"


def is_control(text: str) -> bool:
    return any(unicodedata.category(one) in CATEGORIES for one in text)


def test_every_control_character_of_unicode_is_escaped():
    assert len(CONTROLS) > 2048 + 65 + 100
    assert [hex(ord(one)) for one in CONTROLS if is_control(escaped(f"a{one}b"))] == []
    assert len({escaped(one) for one in CONTROLS}) == len(CONTROLS)


def test_legible_text_is_not_changed():
    assert escaped(LEGIBLE) == LEGIBLE
    assert escaped_json(LEGIBLE) == LEGIBLE
    others = "".join(
        chr(at)
        for at in range(0x30000)
        if unicodedata.category(chr(at)) not in (*CATEGORIES, "Cn", "Co")
    )
    assert escaped(others) == others


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (CLEAR, r"\x1b[2J\x1b[H"),
        (CLIPBOARD, r"\x1b]52;c;cm0gLXJmIH4=\x07"),
        ("\x9b31m", r"\x9b31m"),
        ("Anna\u202egnp.exe", r"Anna\u202egnp.exe"),
        ("a\r\nb\tc\u2028d", r"a\r\nb\tc\u2028d"),
        ("\udcff.tif", r"\udcff.tif"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_a_control_character_is_shown_as_in_a_python_string(given: str, shown: str):
    assert escaped(given) == shown
    assert escaped(shown) == shown


def test_lines_are_kept_where_they_are_wanted():
    assert escaped("a\nb\x1b", keep_lines=True) == "a\nb\\x1b"
    assert indented("a\n2026-01-01 INFO forged\r\n") == "a\n    2026-01-01 INFO forged\\r"


def test_json_with_control_characters_is_escaped_and_has_the_same_value():
    for one in CONTROLS:
        text = escaped_json(json.dumps({one: [one]}, ensure_ascii=False, indent=2))

        assert not is_control(text.replace("\n", "")), hex(ord(one))
        assert json.loads(text) == {one: [one]}

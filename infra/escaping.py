"""Text from outside with its control characters escaped, for a terminal, a log or JSON."""

import re
import sys

# Unicode categories Cc, Cf (with the bidi controls), Cs, Zl and Zp, with the unassigned code points
# between the format characters. As a list, since a look-up of every character would slow each
# command; tests/unit/infra/test_escaping.py compares it with Python's Unicode tables.
_RANGES = (
    "\x00-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f"
    "\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff0-\ufffb\U000110bd\U000110cd"
    "\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e007f"
)
_CONTROLS = re.compile(f"[{_RANGES}]")
_CONTROLS_OF_A_LINE = re.compile(f"(?!\n)[{_RANGES}]")
NEXT_LINE = "    "
"""Begins the second and each further line of one message, so that none looks like a message."""


def escaped(text: str, *, keep_lines: bool = False) -> str:
    """The text with each control character as in a Python string: an escape byte is `\\x1b`.

    `keep_lines` keeps line feeds. Printed twice, the text is the same."""
    if text.isprintable():
        return text
    return (_CONTROLS_OF_A_LINE if keep_lines else _CONTROLS).sub(_as_in_python, text)


def indented(text: str) -> str:
    """An escaped message of several lines, each but the first one indented."""
    return f"\n{NEXT_LINE}".join(map(escaped, text.rstrip("\n").split("\n")))


def escaped_json(text: str) -> str:
    """A JSON document in which control characters are escaped as JSON does it."""
    return _CONTROLS_OF_A_LINE.sub(_as_in_json, text)


def print_line(text: str, *, error: bool = False) -> None:
    """Print one message to standard output or standard error, escaped."""
    print(indented(text), file=sys.stderr if error else sys.stdout, flush=True)


def _as_in_python(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")


def _as_in_json(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))

"""The error codes and their explanations, as docs/errors.md has them."""

import re
from functools import cache
from pathlib import Path

IN_WHEEL = Path(__file__).parent / "errors.md"
IN_CHECKOUT = Path(__file__).parents[1] / "docs" / "errors.md"
SECTION = re.compile(r"^## ([a-z0-9-]+\.[a-z0-9-]+)[ \t]*$", re.MULTILINE)


@cache
def sections() -> dict[str, str]:
    """Every code with the text of its section, in the order of the document."""
    document = IN_WHEEL if IN_WHEEL.is_file() else IN_CHECKOUT
    return sections_of(document.read_text("utf-8"))


def sections_of(text: str) -> dict[str, str]:
    """The sections of a document whose headings are codes."""
    parts = SECTION.split(text)
    bodies = (re.split(r"^# ", body, maxsplit=1, flags=re.MULTILINE)[0] for body in parts[2::2])
    return {code: body.strip() for code, body in zip(parts[1::2], bodies, strict=True)}


def summary(code: str) -> str:
    """The first line of a code's section. Raises KeyError."""
    return sections()[code].split("\n", 1)[0]

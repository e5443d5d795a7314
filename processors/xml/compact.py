"""Writes XML as text without indentation, for documents with very many small elements."""

from collections.abc import Mapping
from xml.sax.saxutils import escape, quoteattr

from processors.xml.writing import readable


def element(
    name: str, *children: str | None, attributes: Mapping[str, str | None] | None = None
) -> str:
    """An element with these elements as content; None is skipped."""
    stated = "".join(
        f" {key}={quoteattr(readable(value))}"
        for key, value in (attributes or {}).items()
        if value is not None
    )
    content = "".join(child for child in children if child is not None)
    return f"<{name}{stated}>{content}</{name}>" if content else f"<{name}{stated}/>"


def leaf(name: str, text: str, attributes: Mapping[str, str | None] | None = None) -> str:
    """An element with text."""
    # A parser reads a carriage return as a line feed, unless it is a reference.
    content = escape(readable(text), {"\r": "&#13;"})
    return element(name, content, attributes=attributes)

"""Writes the text of a page as IIIF annotations, a line each, from its ALTO."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lxml import etree

from processors.xml.parser import XmlRefused, parse

CONTEXT = "http://iiif.io/api/presentation/3/context.json"
MAX_DISTORTION = 0.02
"""How much the proportions of the text and of the image may differ."""


@dataclass(frozen=True)
class Canvas:
    """Where the text of a page is shown."""

    id: str
    width: int
    height: int


def annotation_page(name: str, alto: bytes, canvas: Canvas) -> dict[str, Any] | None:
    """The annotations of a page with the address `name`; None if the ALTO has no text.

    If the text has other proportions than the image, its lines are about all of the image."""
    try:
        root = parse(alto)
    except XmlRefused:
        return None
    scale = _scale(root, canvas)
    items = [
        {
            "id": f"{name}/{number}",
            "type": "Annotation",
            "motivation": "supplementing",
            "body": {"type": "TextualBody", "value": text, "format": "text/plain"},
            "target": canvas.id + _region(line, scale, canvas),
        }
        for number, (line, text) in enumerate(_lines(root), 1)
    ]
    if not items:
        return None
    return {"@context": CONTEXT, "id": name, "type": "AnnotationPage", "items": items}


def _named(element: etree._Element, name: str) -> Iterator[etree._Element]:
    """The elements of a name in any version of ALTO, in order."""
    yield from element.iter(f"{{*}}{name}")


def _lines(root: etree._Element) -> Iterator[tuple[etree._Element, str]]:
    for line in _named(root, "TextLine"):
        words = ((one.get("CONTENT") or "").strip() for one in line.iterfind("{*}String"))
        text = " ".join(word for word in words if word)
        hyphen = line.find("{*}HYP")
        if text:
            yield line, text + (hyphen.get("CONTENT", "-") if hyphen is not None else "")


def _scale(root: etree._Element, canvas: Canvas) -> tuple[float, float] | None:
    """Pixels of the canvas for a unit of the ALTO, across and down; None if it does not fit."""
    page = next(_named(root, "Page"), None)
    width, height = (_number(page, name) for name in ("WIDTH", "HEIGHT"))
    if not width or not height:
        return None
    across, down = canvas.width / width, canvas.height / height
    return (across, down) if abs(across / down - 1) <= MAX_DISTORTION else None


def _region(line: etree._Element, scale: tuple[float, float] | None, canvas: Canvas) -> str:
    """The part of the canvas in which a line is, as a media fragment."""
    place = [_number(line, name) for name in ("HPOS", "VPOS", "WIDTH", "HEIGHT")]
    left, top, width, height = place
    if scale is None or left is None or top is None or not width or not height:
        return ""
    across, down = scale
    x, y = (
        min(max(0, round(at)), limit - 1)
        for at, limit in ((left * across, canvas.width), (top * down, canvas.height))
    )
    w = max(1, min(round(width * across), canvas.width - x))
    h = max(1, min(round(height * down), canvas.height - y))
    return f"#xywh={x},{y},{w},{h}"


def _number(element: etree._Element | None, name: str) -> float | None:
    try:
        return float("" if element is None else element.get(name, ""))
    except ValueError:
        return None

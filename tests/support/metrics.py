"""How well text and line boxes agree with a ground truth."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lxml import etree


@dataclass(frozen=True)
class Line:
    """A text line of an ALTO file: its text and its box."""

    text: str
    left: float
    top: float
    right: float
    bottom: float


def folded(text: str) -> str:
    """The text with every run of whitespace as one space; no letter is changed."""
    return " ".join(text.split())


def edit_distance(one: Sequence[str], other: Sequence[str]) -> int:
    """Levenshtein distance: the fewest insertions, deletions and replacements."""
    previous = list(range(len(other) + 1))
    for row, left in enumerate(one, start=1):
        current = [row]
        for column, right in enumerate(other, start=1):
            replaced = previous[column - 1] + (left != right)
            current.append(min(previous[column] + 1, current[-1] + 1, replaced))
        previous = current
    return previous[-1]


def character_error_rate(truth: str, found: str) -> float:
    """Edit distance over the length of the truth, whitespace folded."""
    expected = folded(truth)
    return edit_distance(expected, folded(found)) / max(1, len(expected))


def lines_of(alto: bytes) -> list[Line]:
    """The text lines of an ALTO file of any version, in its order."""
    root = etree.fromstring(alto)
    return [_line(element) for element in root.iter("{*}TextLine")]


def text_of(alto: bytes) -> str:
    """The text of an ALTO file, line by line."""
    return "\n".join(line.text for line in lines_of(alto))


def overlap(one: Line, other: Line) -> float:
    """Intersection over union of two boxes."""
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    shared = max(0.0, width) * max(0.0, height)
    union = _area(one) + _area(other) - shared
    return shared / union if union else 0.0


def median_line_overlap(truth: Iterable[Line], found: Sequence[Line]) -> float:
    """Median, over the true lines, of the best overlap with a found line."""
    best = [max((overlap(line, other) for other in found), default=0.0) for line in truth]
    return statistics.median(best) if best else 1.0


def _line(element: etree._Element) -> Line:
    words = [string.get("CONTENT", "") for string in element.iter("{*}String")]
    left, top, width, height = (
        float(element.get(name, "0")) for name in ("HPOS", "VPOS", "WIDTH", "HEIGHT")
    )
    return Line(" ".join(words), left, top, left + width, top + height)


def _area(line: Line) -> float:
    return (line.right - line.left) * (line.bottom - line.top)

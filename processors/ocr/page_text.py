"""Reads the text of an ALTO page with its positions: blocks, lines and words in reading order."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from lxml import etree

from processors.ocr.delivered_alto import outermost, text_blocks

HEADINGS = ("heading", "header", "headline", "title", "chapter-title", "section-title")
"""Labels of tags for blocks that are headings, in lower case."""
TAGS = ("StructureTag", "LayoutTag", "OtherTag")


@dataclass(frozen=True, slots=True)
class Box:
    """A box in the unit of the ALTO, from the top left corner of the page."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Word:
    """A word as printed, with its box."""

    text: str
    """At the end of a line with the hyphen."""
    box: Box


@dataclass(frozen=True, slots=True)
class Block:
    """A block of text, such as a paragraph."""

    lines: tuple[tuple[Word, ...], ...]
    rotation: float
    """Angle of the text in degrees, counter-clockwise."""
    heading: bool
    """Whether the ALTO tags the block as heading."""
    language: str | None


@dataclass(frozen=True, slots=True)
class PageText:
    """The text of a page."""

    width: float | None
    """Size of the page in the unit of the boxes; None if it is not stated."""
    height: float | None
    blocks: tuple[Block, ...]

    def words(self) -> Iterator[str]:
        """The words in reading order."""
        for block in self.blocks:
            for line in block.lines:
                yield from (word.text for word in line)


def page_text(root: etree._Element, size: tuple[int, int]) -> PageText:
    """The text of an ALTO page. Words without a position share that of their line, lines that of
    their block, blocks that of the page; `size` is the size of a page that states none."""
    page = root.find("{*}Layout/{*}Page")
    width = _number(page, "WIDTH") if page is not None else None
    height = _number(page, "HEIGHT") if page is not None else None
    whole = Box(0, 0, width or size[0], height or size[1])
    headings = set(_heading_tags(root))
    blocks = (_block(block, whole, headings) for block in text_blocks(root))
    return PageText(width, height, tuple(block for block in blocks if block.lines))


def _heading_tags(root: etree._Element) -> Iterator[str]:
    for name in TAGS:
        for tag in root.iterfind(f"{{*}}Tags/{{*}}{name}"):
            if (tag.get("LABEL") or "").strip().lower() in HEADINGS:
                yield tag.get("ID", "")


def _block(block: etree._Element, page: Box, headings: set[str]) -> Block:
    lines = list(outermost(block, "TextLine"))
    around = _box(block) or page
    shares = _shares(around, [1.0] * len(lines), down=True)
    words = (_words(line, _box(line) or share) for line, share in zip(lines, shares, strict=True))
    return Block(
        lines=tuple(line for line in words if line),
        rotation=_number(block, "ROTATION") or 0.0,
        heading=not headings.isdisjoint((block.get("TAGREFS") or "").split()),
        language=block.get("LANG") or block.get("language"),
    )


def _words(line: etree._Element, around: Box) -> tuple[Word, ...]:
    strings = [one for one in line.iter("{*}String") if (one.get("CONTENT") or "").split()]
    texts = [string.get("CONTENT", "").split() for string in strings]
    shares = _shares(around, [_length(text) for text in texts], down=False)
    words: list[Word] = []
    for text, string, share in zip(texts, strings, shares, strict=True):
        # A String may hold several words.
        boxes = _shares(_box(string) or share, [len(one) + 1.0 for one in text], down=False)
        words += [Word(one, box) for one, box in zip(text, boxes, strict=True)]
    hyphen = "".join(one.get("CONTENT", "").strip() for one in line.iter("{*}HYP"))
    if hyphen and words:
        words[-1] = replace(words[-1], text=words[-1].text + hyphen)
    elif hyphen:
        words = [Word(hyphen, around)]
    return tuple(words)


def _length(words: list[str]) -> float:
    return sum(len(word) + 1.0 for word in words)


def _shares(around: Box, weights: list[float], *, down: bool) -> list[Box]:
    """The box, divided in proportion to the weights."""
    total, begin, boxes = sum(weights), 0.0, []
    for weight in weights:
        share = weight / total
        if down:
            top = around.top + begin * around.height
            boxes.append(Box(around.left, top, around.width, share * around.height))
        else:
            left = around.left + begin * around.width
            boxes.append(Box(left, around.top, share * around.width, around.height))
        begin += share
    return boxes


def _box(element: etree._Element) -> Box | None:
    """The box of an element; None if it has none, or one without area."""
    values = [_number(element, name) for name in ("HPOS", "VPOS", "WIDTH", "HEIGHT")]
    left, top, width, height = values
    if left is None or top is None or not width or not height or width < 0 or height < 0:
        return None
    return Box(left, top, width, height)


def _number(element: etree._Element, name: str) -> float | None:
    try:
        value = float(element.get(name) or "")
    except ValueError:
        return None
    return value if abs(value) < 1e9 else None

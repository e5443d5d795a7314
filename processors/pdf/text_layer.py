"""Writes the invisible text of a page: each word in its box, in reading order."""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from statistics import median

from processors.ocr.page_text import Block, Box, PageText, Word
from processors.pdf.glyphless_font import ADVANCE, UNITS_PER_EM
from processors.pdf.syntax import number
from processors.pdf.text_font import TextFont, clusters

FONT = "F1"
INVISIBLE = 3
"""Text rendering mode (ISO 32000-1, 9.3.6)."""
RIGHT_ANGLE, FULL_TURN = 90, 360
DIRECTIONS = {0: (1, 0), 90: (0, 1), 180: (-1, 0), 270: (0, -1)}
"""Direction of the text by its angle."""
LOW = 0.5
"""A word that is lower than this share of its line, such as a dash, is placed as its line is."""
NO_WORD = Word("", Box(0, 0, 0, 0))
RIGHT_TO_LEFT = ("R", "AL")
EM = ADVANCE / UNITS_PER_EM
GAP, SHORTEST = 0.25, 0.2
"""Least gap between two words, and least length of a word, as shares of its height."""
MIN_SIZE = 0.5
"""Smallest size of a word in points; damaged ALTO has boxes without area."""


@dataclass(frozen=True)
class Canvas:
    """The page of a PDF, on which the text of an ALTO page is placed."""

    width: float
    """In points."""
    height: float
    across: float
    """Points for one unit of the ALTO."""
    down: float


def text_layer(text: PageText, canvas: Canvas, font: TextFont) -> bytes:
    """The operators of the text; block n has the marked-content identifier n."""
    # Words are set apart on the page, not in a line: an initial may be a line of its own.
    placed = [(_quarter(block), word) for block in text.blocks for word in _words(block)]
    words = iter(list(_apart(placed, canvas)))
    parts = [b"BT %d Tr" % INVISIBLE]
    for position, block in enumerate(text.blocks):
        tag, count = b"H" if block.heading else b"P", sum(map(len, block.lines))
        parts.append(b"/%s <</MCID %d>> BDC" % (tag, position))
        parts += [_placed(word, _quarter(block), canvas, font) for word in islice(words, count)]
        parts.append(b"EMC")
    return b"\n".join([*parts, b"ET"])


def _quarter(block: Block) -> int:
    """The angle of a block, as the nearest multiple of 90 degrees."""
    return round(block.rotation / RIGHT_ANGLE) * RIGHT_ANGLE % FULL_TURN


def _words(block: Block) -> Iterator[Word]:
    for line in block.lines:
        yield from _aligned(line, sideways=_quarter(block) in (90, 270))


def _aligned(line: Sequence[Word], *, sideways: bool) -> Iterator[Word]:
    """The words; a low one gets the vertical place of the word beside it."""

    def thickness(word: Word) -> float:
        return word.box.width if sideways else word.box.height

    usual = median(thickness(word) for word in line)
    beside = next(word for word in line if thickness(word) >= usual)
    for word in line:
        if thickness(word) >= LOW * usual:
            beside = word
            yield word
        elif sideways:
            box = replace(word.box, left=beside.box.left, width=beside.box.width)
            yield replace(word, box=box)
        else:
            box = replace(word.box, top=beside.box.top, height=beside.box.height)
            yield replace(word, box=box)


def _apart(words: Sequence[tuple[int, Word]], canvas: Canvas) -> Iterator[Word]:
    """The words, with a gap between boxes that touch: readers join words without one.

    A word too short for that is made to overlap the next one, which readers take for a new line."""
    for (quarter, word), (beside, following) in pairwise([*words, (-1, NO_WORD)]):
        if quarter or beside:
            yield word
            continue
        size = max(word.box.height, following.box.height) * canvas.down / canvas.across
        gap = following.box.left - word.box.left - word.box.width
        if abs(gap) >= GAP * size:
            yield word
            continue
        width = word.box.width + gap - GAP * size
        if width < SHORTEST * size:
            width = word.box.width + gap + GAP * size
        yield replace(word, box=replace(word.box, width=width))


def _placed(word: Word, quarter: int, canvas: Canvas, font: TextFont) -> bytes:
    """The operators for one word and the space behind it."""
    left, width = word.box.left * canvas.across, word.box.width * canvas.across
    height = word.box.height * canvas.down
    bottom = canvas.height - word.box.top * canvas.down - height
    along, size = (height, width) if quarter in (90, 270) else (width, height)
    along, size = max(along, MIN_SIZE), max(size, MIN_SIZE)
    codes, count = font.encoded(displayed(word.text))
    space, _ = font.encoded([" "])
    before = space if runs_left(word.text) else b""
    # Horizontal scaling makes the glyphs, which have one width, as long as the word.
    stretch = 100 * along / (count * EM * size) if count else 100.0
    x, y = _start(quarter, left, bottom, width, height)
    across, down = DIRECTIONS[quarter]
    # The box begins behind the space.
    begin = len(before) / len(space) * EM * size * stretch / 100
    matrix = (across, down, -down, across, x - across * begin, y - down * begin)
    shown = b"/%s %s Tf %s Tz %s Tm <%s> Tj" % (
        FONT.encode(),
        number(size),
        number(stretch),
        b" ".join(number(one) for one in matrix),
        (before + codes + space).hex().upper().encode(),
    )
    # ISO 32000-1, 14.8.2.3.3: the string is in the order of the print, not of reading.
    return b"/ReversedChars BMC %s EMC" % shown if runs_left(word.text) else shown


def _start(
    quarter: int, left: float, bottom: float, width: float, height: float
) -> tuple[float, float]:
    """The corner of a box where the baseline of its text begins."""
    right, top = left + width, bottom + height
    return {0: (left, bottom), 90: (right, bottom), 180: (right, top), 270: (left, top)}[quarter]


def runs_left(text: str) -> bool:
    """Whether a word has characters of a right-to-left script."""
    return any(unicodedata.bidirectional(one) in RIGHT_TO_LEFT for one in text)


def displayed(text: str) -> list[str]:
    """The characters of a word from left to right as they are printed, since readers of PDF turn
    right-to-left text.

    A character and its combining marks are one unit. Not in right-to-left text: readers turn it
    mark by mark."""
    return list(reversed(text)) if runs_left(text) else list(clusters(text))

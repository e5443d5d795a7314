"""The words and lines that Tesseract found: text, confidence, position."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

WORD_LEVEL = "5"
COLUMNS = 12


@dataclass(frozen=True)
class Word:
    """A word, with its position in the image that was read."""

    text: str
    confidence: float
    """0 to 100."""
    left: int
    top: int
    right: int
    bottom: int
    line: tuple[str, ...]
    """Block, paragraph and line of the word."""


@dataclass(frozen=True)
class Words:
    """The words of a page in reading order."""

    all: tuple[Word, ...]

    @property
    def mean_confidence(self) -> float | None:
        """Mean confidence to two decimals; None without words."""
        if not self.all:
            return None
        return round(sum(word.confidence for word in self.all) / len(self.all), 2)

    @cached_property
    def characters(self) -> int:
        """Characters without whitespace."""
        return sum(len("".join(word.text.split())) for word in self.all)

    @property
    def weight(self) -> float:
        """Number of characters, weighted by the confidence of their words."""
        return sum(len(word.text) * word.confidence for word in self.all) / 100

    def lines(self) -> tuple[tuple[Word, ...], ...]:
        """The words of each line, in reading order."""
        return tuple(tuple(words) for _, words in groupby(self.all, key=lambda word: word.line))

    def run_down(self) -> bool:
        """Whether most words are in lines that run from top to bottom."""
        return sum(len(line) for line in self.lines() if _runs_down(line)) > len(self.all) / 2


@dataclass(frozen=True)
class ReadLines:
    """The text of a few lines."""

    text: str
    confidence: float
    """0 to 100; 0 without words."""

    @property
    def letters(self) -> int:
        """Number of letters."""
        return sum(character.isalpha() for character in self.text)

    def __add__(self, other: "ReadLines") -> "ReadLines":
        parts = [one for one in (self, other) if one.letters]
        total = sum(one.letters for one in parts) or 1
        mean = sum(one.confidence * one.letters for one in parts) / total
        return ReadLines(f"{self.text}\n{other.text}".strip(), mean)


NOTHING = ReadLines("", 0.0)


def words_of(tsv: bytes) -> Words:
    """The words in Tesseract's TSV."""
    rows = (line.split("\t", COLUMNS - 1) for line in tsv.decode().split("\n"))
    # Rows of blank words have a confidence, but no String in the ALTO.
    found = (
        row for row in rows if row[0] == WORD_LEVEL and len(row) == COLUMNS and row[11].strip()
    )
    return Words(tuple(_word(row) for row in found))


def _word(row: list[str]) -> Word:
    left, top, width, height = (int(cell) for cell in row[6:10])
    return Word(
        row[11].removesuffix("\r"),
        float(row[10]),
        left,
        top,
        left + width,
        top + height,
        tuple(row[2:5]),
    )


def _runs_down(line: Iterable[Word]) -> bool:
    words = tuple(line)
    across = max(word.left for word in words) - min(word.left for word in words)
    down = max(word.top for word in words) - min(word.top for word in words)
    return down > across

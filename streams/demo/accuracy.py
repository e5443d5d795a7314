"""Accuracy of recognized text: edit distance and character error rate."""

import unicodedata
from collections.abc import Iterable


def folded(text: str) -> str:
    """The text in the form that is compared: NFC, with runs of white space as one space."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def edit_distance(one: str, other: str) -> int:
    """The least number of insertions, deletions and replacements between two texts.

    Bit-parallel: a column of the matrix is one integer (Hyyrö 2003)."""
    if not one:
        return len(other)
    positions: dict[str, int] = {}
    for position, character in enumerate(one):
        positions[character] = positions.get(character, 0) | 1 << position
    every, last = (1 << len(one)) - 1, 1 << (len(one) - 1)
    up, down, distance = every, 0, len(one)
    for character in other:
        match = positions.get(character, 0)
        diagonal = (((match & up) + up) ^ up) | match | down
        right, left = down | ~(diagonal | up) & every, up & diagonal
        distance += bool(right & last) - bool(left & last)
        right = right << 1 | 1
        up = (left << 1 | ~(diagonal | right)) & every
        down = right & diagonal & every
    return distance


def character_error_rate(pairs: Iterable[tuple[str, str]]) -> float | None:
    """Edits per character of the truth, for pairs of truth and recognized text; None without."""
    edits = characters = 0
    for truth, read in pairs:
        edits += edit_distance(folded(truth), folded(read))
        characters += len(folded(truth))
    return edits / characters if characters else None

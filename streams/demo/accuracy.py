"""How well a text was read: edit distance, and the character error rate made of it."""

import unicodedata
from collections.abc import Iterable


def folded(text: str) -> str:
    """The text with runs of white space as one space, in NFC: what is compared."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def edit_distance(one: str, other: str) -> int:
    """The least number of insertions, deletions and replacements between two texts.

    Bit-parallel: a column of the matrix is one integer (Hyyrö 2003)."""
    if not one:
        return len(other)
    places: dict[str, int] = {}
    for position, character in enumerate(one):
        places[character] = places.get(character, 0) | 1 << position
    every, last = (1 << len(one)) - 1, 1 << (len(one) - 1)
    up, down, distance = every, 0, len(one)
    for character in other:
        match = places.get(character, 0)
        diagonal = (((match & up) + up) ^ up) | match | down
        right, left = down | ~(diagonal | up) & every, up & diagonal
        distance += bool(right & last) - bool(left & last)
        right = right << 1 | 1
        up = (left << 1 | ~(diagonal | right)) & every
        down = right & diagonal & every
    return distance


def character_error_rate(pairs: Iterable[tuple[str, str]]) -> float | None:
    """Edits over characters of the truth, for pairs of truth and text read; None without truth."""
    edits = characters = 0
    for truth, read in pairs:
        edits += edit_distance(folded(truth), folded(read))
        characters += len(folded(truth))
    return edits / characters if characters else None

"""Reads a list of page numbers, such as 3-7,12."""

MAX_NUMBER = 1_000_000


def page_numbers(text: str) -> set[int]:
    """The numbers in a list such as 3-7,12. Raises ValueError."""
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        begin, end = int(first), int(last or first)
        if not 0 < begin <= end < MAX_NUMBER:
            raise ValueError(f"{part.strip()} is not a range of page numbers")
        found.update(range(begin, end + 1))
    return found

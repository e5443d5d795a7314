"""Words for numbers in messages."""


def counted(number: int, noun: str) -> str:
    """A number and its noun, in the plural where needed: "1 page", "2 pages"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"

"""Wording of texts that people read."""


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun: `1 item`, `2 items`, `12,000 batches`."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"

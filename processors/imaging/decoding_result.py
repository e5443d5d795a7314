"""What decoding the pixels of a master shows, in a module of its own: stations need no libvips."""

from dataclasses import dataclass


class Undecodable(Exception):
    """The pixels cannot be decoded; `found` is what the decoder reported."""

    def __init__(self, found: str, *, unsupported: bool = False) -> None:
        super().__init__(found)
        self.found = found
        self.unsupported = unsupported
        """The file may be intact, but the decoder does not support its kind."""


@dataclass(frozen=True)
class Decoded:
    """The pixels of a master were decoded."""

    irregular: tuple[str, ...] = ()
    """What the decoder reported, or ignores, although every pixel was decoded."""
    unjudged: str | None = None
    """The part of the pixels in which damage cannot be detected, and why."""

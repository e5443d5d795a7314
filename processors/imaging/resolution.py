"""The resolution of a master: read in a fixed order, told when in doubt, never guessed."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

TOLERANCE = 0.01
"""Two statements that differ by no more than this share are the same."""
INCH_PER_CM = 2.54
INCH_PER_METRE = 0.0254
ORDER = ("tiff", "exif", "jfif", "phys")


@dataclass(frozen=True)
class Resolution:
    """One statement of a file about its resolution, in dots per inch."""

    source: str
    """tiff, exif, jfif or phys."""
    x_dpi: float
    y_dpi: float


class Problem(StrEnum):
    """Why a resolution is not known."""

    ABSENT = "absent"
    CONFLICTING = "conflicting"


@dataclass(frozen=True)
class Chosen:
    """What is known of a resolution; `told` puts it in words."""

    dpi: float | None
    source: str | None
    problem: Problem | None
    told: str


def choose(statements: Iterable[Resolution]) -> Chosen:
    """The resolution that a file's statements give, when they agree."""
    usable = [each for each in statements if each.x_dpi > 0 and each.y_dpi > 0]
    usable.sort(key=lambda each: ORDER.index(each.source))
    if not usable:
        return Chosen(None, None, Problem.ABSENT, "the file states no resolution with a unit")
    told = ", ".join(f"{each.source} {each.x_dpi:g} x {each.y_dpi:g} dpi" for each in usable)
    values = [value for each in usable for value in (each.x_dpi, each.y_dpi)]
    if max(values) - min(values) > TOLERANCE * max(values):
        return Chosen(None, None, Problem.CONFLICTING, told)
    return Chosen(usable[0].x_dpi, usable[0].source, None, told)


def in_dpi(value: float, inches: float) -> float:
    """Dots per unit as dots per inch: 118.11 a centimetre (2.54 of them an inch) is 300."""
    return round(value * inches, 2)

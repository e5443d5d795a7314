"""The resolution of a master, from the statements in its file; unknown if they contradict."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

TOLERANCE = 0.01
"""Statements that differ by at most this share are equal."""
INCH_PER_CM = 2.54
INCH_PER_METRE = 0.0254
ORDER = ("tiff", "exif", "jfif", "phys")


@dataclass(frozen=True)
class StatedResolution:
    """A resolution that a file states, in dots per inch."""

    source: str
    """tiff, exif, jfif or phys."""
    x_dpi: float
    y_dpi: float


class Problem(StrEnum):
    """Why a resolution is unknown."""

    ABSENT = "absent"
    CONFLICTING = "conflicting"


@dataclass(frozen=True)
class Resolution:
    """The resolution of a master; `text` lists what the file states."""

    dpi: float | None
    source: str | None
    problem: Problem | None
    text: str


def agreed_resolution(statements: Iterable[StatedResolution]) -> Resolution:
    """The resolution that a file states; unknown if its statements contradict."""
    usable = [each for each in statements if each.x_dpi > 0 and each.y_dpi > 0]
    usable.sort(key=lambda each: ORDER.index(each.source))
    if not usable:
        return Resolution(None, None, Problem.ABSENT, "the file states no resolution with a unit")
    text = ", ".join(f"{each.source} {each.x_dpi:g} x {each.y_dpi:g} dpi" for each in usable)
    values = [value for each in usable for value in (each.x_dpi, each.y_dpi)]
    if max(values) - min(values) > TOLERANCE * max(values):
        return Resolution(None, None, Problem.CONFLICTING, text)
    return Resolution(usable[0].x_dpi, usable[0].source, None, text)


def in_dpi(value: float, inches: float) -> float:
    """A resolution per unit as dpi; `inches` is the number of units in an inch."""
    return round(value * inches, 2)

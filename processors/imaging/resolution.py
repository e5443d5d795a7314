"""The resolution of a master, from the statements in its file; unknown if they contradict."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

TOLERANCE = 0.01
"""Statements that differ by at most this share are equal."""
MAX_RATIO = 4
"""Maximum ratio of horizontal and vertical resolution; fax machines have up to 2.1."""
INCH_PER_CM = 2.54
INCH_PER_METRE = 0.0254
ORDER = ("device", "tiff", "exif", "jfif", "phys")


@dataclass(frozen=True)
class StatedResolution:
    """A resolution that a file states, in dots per inch."""

    source: str
    """tiff, exif, jfif or phys; device before the scan."""
    x_dpi: float
    y_dpi: float


class Problem(StrEnum):
    """Why a resolution is unknown, or unusual."""

    ABSENT = "absent"
    CONFLICTING = "conflicting"
    NOT_SQUARE = "not square"


@dataclass(frozen=True)
class Resolution:
    """The resolution of a master; `text` lists what the file states."""

    dpi: float | None
    """The horizontal resolution."""
    source: str | None
    problem: Problem | None
    text: str
    vertical_dpi: float | None = None
    """Equal to `dpi` if the pixels are square."""


def agreed_resolution(statements: Iterable[StatedResolution]) -> Resolution:
    """The resolution that a file states; unknown if its statements contradict."""
    usable = [each for each in statements if each.x_dpi > 0 and each.y_dpi > 0]
    usable.sort(key=lambda each: ORDER.index(each.source))
    if not usable:
        return Resolution(None, None, Problem.ABSENT, "the file states no resolution with a unit")
    text = ", ".join(f"{each.source} {each.x_dpi:g} x {each.y_dpi:g} dpi" for each in usable)
    first = usable[0]
    ratio = max(first.x_dpi, first.y_dpi) / min(first.x_dpi, first.y_dpi)
    across, down = [each.x_dpi for each in usable], [each.y_dpi for each in usable]
    if _differ(across) or _differ(down) or ratio > MAX_RATIO:
        return Resolution(None, None, Problem.CONFLICTING, text)
    square = not _differ([first.x_dpi, first.y_dpi])
    problem = None if square else Problem.NOT_SQUARE
    vertical = first.x_dpi if square else first.y_dpi
    return Resolution(first.x_dpi, first.source, problem, text, vertical)


def _differ(values: list[float]) -> bool:
    return max(values) - min(values) > TOLERANCE * max(values)


def in_dpi(value: float, inches: float) -> float:
    """A resolution per unit as dpi; `inches` is the number of units in an inch."""
    return round(value * inches, 2)

"""What a scanner can do, in one model for all drivers."""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class Source(StrEnum):
    """From where a device takes pages."""

    FLATBED = "flatbed"
    FEEDER = "feeder"
    FEEDER_DUPLEX = "feeder-duplex"
    CAMERA = "camera"
    FOLDER = "folder"
    """Software of the vendor writes files; it decides where they come from."""

    @property
    def is_feeder(self) -> bool:
        """Whether one start can give several pages."""
        return self in (Source.FEEDER, Source.FEEDER_DUPLEX)


class ColourMode(StrEnum):
    """The colours of an image, in the words of `colour_spaces` in a profile."""

    BITONAL = "bitonal"
    GREYSCALE = "greyscale"
    RGB = "rgb"


@dataclass(frozen=True)
class Steps:
    """Every value from `least` to `most`, in steps; a step of 0 allows all between."""

    least: float
    most: float
    step: float = 0

    def accepts(self, value: float) -> bool:
        """Whether a device takes this value without changing it."""
        if not math.isfinite(value) or not self.least <= value <= self.most:
            return False
        # The last value counts even if no step ends on it.
        return not self.step or value == self.most or self._is_on_step(value)

    def _is_on_step(self, value: float) -> bool:
        steps = (value - self.least) / self.step
        return abs(steps - round(steps)) < 1e-3

    def lowest_from(self, wanted: float) -> float | None:
        """The lowest value that is not below `wanted`, or None."""
        if wanted <= self.least:
            return self.least
        if wanted > self.most:
            return None
        if not self.step:
            return wanted
        steps = math.ceil((wanted - self.least) / self.step - 1e-3)
        return min(self.least + steps * self.step, self.most)

    @property
    def highest(self) -> float:
        """The highest value."""
        return self.most

    def __str__(self) -> str:
        steps = f" in steps of {self.step:g}" if self.step else ""
        return f"{self.least:g} to {self.most:g}{steps}"


@dataclass(frozen=True)
class Choice:
    """One of these values."""

    values: tuple[float, ...]

    def accepts(self, value: float) -> bool:
        """Whether a device takes this value without changing it."""
        return any(math.isclose(value, one, rel_tol=1e-6) for one in self.values)

    def lowest_from(self, wanted: float) -> float | None:
        """The lowest value that is not below `wanted`, or None."""
        return min((one for one in self.values if one >= wanted), default=None)

    @property
    def highest(self) -> float:
        """The highest value."""
        return max(self.values)

    def __str__(self) -> str:
        return ", ".join(f"{one:g}" for one in sorted(self.values))


Values = Steps | Choice


@dataclass(frozen=True)
class SourceCapabilities:
    """What a device can do with pages from one of its sources."""

    source: Source
    modes: tuple[tuple[ColourMode, int], ...]
    """Colours, each with its bits per sample."""
    resolutions_dpi: Values
    formats: tuple[str, ...]
    """Formats of the files that the driver can deliver, as in `formats` of a profile."""
    max_width_mm: float | None = None
    max_height_mm: float | None = None
    icc_formats: tuple[str, ...] = ()
    """Formats in which the driver can embed an ICC profile."""

    def document(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {
            **asdict(self),
            "modes": [f"{mode} {bits} bit" for mode, bits in self.modes],
            "resolutions_dpi": str(self.resolutions_dpi),
        }


@dataclass(frozen=True)
class Capabilities:
    """All sources of a device; `loaded` names the one that has paper, if the device says so."""

    sources: tuple[SourceCapabilities, ...]
    loaded: Source | None = None

    def of(self, source: Source) -> SourceCapabilities | None:
        """What it can do with this source, or None."""
        return next((one for one in self.sources if one.source is source), None)


@dataclass(frozen=True)
class Device:
    """A scanner that a driver found."""

    driver: str
    name: str
    """What `--device` takes."""
    vendor: str = ""
    model: str = ""
    serial: str = ""
    """Serial number or, without one, an address that does not change."""
    driver_version: str = ""
    properties: dict[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """The same as JSON values."""
        return asdict(self)


def joined(values: Iterable[object]) -> str:
    """Values as a list in words; `none` if there are none."""
    return ", ".join(str(one) for one in values) or "none"

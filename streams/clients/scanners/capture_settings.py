"""The settings of a capture: what is asked of a device, and what it confirms."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from streams.clients.scanners.capabilities import ColourMode, Source

MM_PER_INCH = 25.4


@dataclass(frozen=True)
class CaptureSettings:
    """Everything that is asked of a device for a page."""

    source: Source
    mode: ColourMode
    bits_per_sample: int
    resolution_dpi: float
    format: str
    width_mm: float | None = None
    """None: as wide as the device can."""
    height_mm: float | None = None
    icc_profile: Path | None = None
    """File of the profile that the driver embeds."""

    def document(self) -> dict[str, Any]:
        """The same as JSON values, the path of the ICC profile as its name."""
        name = self.icc_profile.name if self.icc_profile else None
        return {**asdict(self), "icc_profile": name}

    @property
    def size_px(self) -> tuple[int, int] | None:
        """Width and height of the image in pixels, or None if the device decides."""
        if self.width_mm is None or self.height_mm is None:
            return None
        per_mm = self.resolution_dpi / MM_PER_INCH
        return round(self.width_mm * per_mm), round(self.height_mm * per_mm)


@dataclass(frozen=True)
class Wishes:
    """What a person asks for beyond the profile; None leaves the choice to the software."""

    source: Source | None = None
    mode: ColourMode | None = None
    resolution_dpi: float | None = None
    icc_profile: Path | None = None

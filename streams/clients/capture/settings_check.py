"""Checks the settings of a device against the profile before the first page, by the function that
also checks its files."""

from typing import Any

from processors.imaging.resolution import StatedResolution, agreed_resolution
from processors.master_finding import Finding
from processors.page_facts import IccFacts, PageFacts
from processors.profile import Profile
from processors.profile_check import COLOURS, check_profile
from streams.clients.capture.capture_problem import CaptureProblem
from streams.clients.scanners.agreement import COMPRESSIONS, LOSSY
from streams.clients.scanners.capabilities import Source
from streams.clients.scanners.capture_settings import CaptureSettings

ACROSS = ("x-resolution", "ICAP_XRESOLUTION", "resolution")
DOWN = ("y-resolution", "ICAP_YRESOLUTION", "resolution")
DEPTH = ("depth", "ICAP_BITDEPTH")
"""Names under which SANE and TWAIN confirm these values."""
MOST_BITS = 16
"""More bits are those of a pixel."""


def check_settings(
    settings: CaptureSettings, confirmed: dict[str, Any], profile: Profile
) -> tuple[Finding, ...]:
    """What a profile warns of in the settings that a device confirmed. Raises CaptureProblem if
    the pages would be refused, and OSError if the ICC profile cannot be read."""
    findings = check_profile(settings_facts(settings, confirmed), profile)
    refused = next((one for one in findings if one.refused), None)
    if refused is not None:
        found = f"{refused.code}: {refused.found}"
        raise CaptureProblem("capture.settings-refused", found, finding=refused.code)
    return findings


def settings_facts(settings: CaptureSettings, confirmed: dict[str, Any]) -> PageFacts:
    """What is known of the pages before the scan. Vendor software that writes into a folder has
    settings of its own, so nothing is known."""
    if settings.source is Source.FOLDER:
        return PageFacts()
    across = _number(confirmed, ACROSS, settings.resolution_dpi)
    down = _number(confirmed, DOWN, settings.resolution_dpi)
    bits, samples = _number(confirmed, DEPTH, settings.bits_per_sample), COLOURS[settings.mode]
    content = settings.icc_profile.read_bytes() if settings.icc_profile else None
    return PageFacts(
        family=settings.format,
        compression=COMPRESSIONS.get(settings.format),
        lossy=settings.format in LOSSY,
        bits_per_sample=round(bits / samples if bits > MOST_BITS else bits),
        samples_per_pixel=samples,
        colour_space=settings.mode.value,
        resolution=agreed_resolution([StatedResolution("device", across, down)]),
        # A device may embed a profile of its own.
        icc_known=content is not None,
        icc=IccFacts.read(content, settings.mode) if content is not None else None,
    )


def _number(confirmed: dict[str, Any], names: tuple[str, ...], asked: float) -> float:
    """The number that is confirmed under one of these names, or the one that was asked for."""
    for name in names:
        try:
            return float(str(confirmed[name]))
        except (KeyError, ValueError):
            continue
    return asked

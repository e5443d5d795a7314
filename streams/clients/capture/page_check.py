"""Checks a scanned file before it counts as a page: the profile, and what was asked for."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from processors.header_check import check_header, complete_header
from processors.imaging import icc
from processors.imaging.header import Header
from processors.imaging.resolution import agreed_resolution
from processors.master_finding import Finding
from processors.profile import Profile
from streams.clients.capture.capture_problem import CaptureProblem
from streams.clients.scanners.capabilities import Source
from streams.clients.scanners.capture_settings import CaptureSettings
from streams.clients.scanners.scanner_driver import ScannerProblem

EXTENSIONS = {"tiff": ".tif", "bigtiff": ".tif", "jpeg": ".jpg", "png": ".png"}
SIZE_TOLERANCE, RESOLUTION_TOLERANCE = 0.02, 0.01
"""Devices round an area to whole steps and bytes."""
MIN_IMAGE_BYTES = 1024
EXACT_DRIVERS = ("sane",)
"""Drivers that confirm the area before a scan. Others may deliver the size of the sheet."""


@dataclass(frozen=True)
class CheckedPage:
    """A complete file that keeps the profile."""

    family: str
    header: Header
    warnings: tuple[Finding, ...]

    @property
    def extension(self) -> str:
        """The extension of its name."""
        return EXTENSIONS[self.family]

    def found(self) -> dict[str, Any]:
        """What its header states, as JSON values."""
        header = self.header
        return {
            "format": self.family,
            "compression": header.compression,
            "width_px": header.width_px,
            "height_px": header.height_px,
            "mode": header.colour_space,
            "bits_per_sample": header.bits_per_sample,
            "resolution_dpi": agreed_resolution(header.resolutions).dpi,
            "icc_bytes": len(header.icc) if header.icc else 0,
            "icc_profile": icc.description(header.icc) if header.icc else None,
            "icc_sha256": sha256(header.icc).hexdigest() if header.icc else None,
        }


def check_page(path: Path, profile: Profile, settings: CaptureSettings, driver: str) -> CheckedPage:
    """The page in a file. Raises ScannerProblem for an incomplete file, and CaptureProblem for one
    that does not keep the profile or the settings."""
    complete = complete_header(path)
    if isinstance(complete, str):
        # A device can report success and deliver nothing.
        empty = path.stat().st_size < MIN_IMAGE_BYTES
        code = "scanner.no-image" if empty else "scanner.image-incomplete"
        raise ScannerProblem(code, complete)
    family, header = complete
    if driver in EXACT_DRIVERS:
        _check_size(header, settings)
    judged = check_header(path, f"page{EXTENSIONS[family]}", profile)
    if judged.refused is not None:
        found = f"{judged.refused.code}: {judged.refused.found}"
        raise CaptureProblem("capture.page-refused", found)
    differing = "; ".join(_differences(header, settings))
    if differing and profile.low_resolution == "refuse":
        raise ScannerProblem("scanner.setting-differs", differing)
    warnings = [*judged.findings]
    if differing:
        warnings.append(Finding("scanner.setting-differs", differing, refused=False))
    return CheckedPage(family, header, tuple(warnings))


def _check_size(header: Header, settings: CaptureSettings) -> None:
    wanted, found = settings.size_px, (header.width_px, header.height_px)
    if wanted is None:
        return
    pairs = zip(found, wanted, strict=True)
    if any(abs(one - asked) > max(16, asked * SIZE_TOLERANCE) for one, asked in pairs):
        text = f"{found[0]} x {found[1]} px, expected {wanted[0]} x {wanted[1]} px"
        raise ScannerProblem("scanner.image-incomplete", text)


def _differences(header: Header, settings: CaptureSettings) -> Iterator[str]:
    """What the image is otherwise than it was asked for."""
    if settings.source is Source.FOLDER:
        return
    dpi, asked = agreed_resolution(header.resolutions).dpi, settings.resolution_dpi
    if dpi is not None and abs(dpi - asked) > max(1, asked * RESOLUTION_TOLERANCE):
        yield f"resolution is {dpi:g} dpi, asked {asked:g} dpi"
    if header.colour_space != settings.mode:
        yield f"colour is {header.colour_space}, asked {settings.mode}"
    if header.bits_per_sample != settings.bits_per_sample:
        yield f"{header.bits_per_sample} bits per sample, asked {settings.bits_per_sample}"

"""Reads and writes the documents of eSCL: elements, the status and the settings of a scan.

Devices differ in namespaces and leave elements out, so only local names count, and what is missing
has a usual value (Mopria eSCL Technical Specification 2.97)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from lxml import etree

from processors.xml.parser import XmlRefused, parse
from streams.clients.scanners.capabilities import ColourMode, Source
from streams.clients.scanners.capture_settings import MM_PER_INCH, CaptureSettings
from streams.clients.scanners.scanner_driver import ScannerProblem

SCAN = "http://schemas.hp.com/imaging/escl/2011/05/03"
PWG = "http://www.pwg.org/schemas/2010/12/sm"
UNITS_PER_INCH = 300
"""Sizes are in 1/300 inch."""
MODES = {
    "BlackAndWhite1": (ColourMode.BITONAL, 1),
    "Grayscale8": (ColourMode.GREYSCALE, 8),
    "Grayscale16": (ColourMode.GREYSCALE, 16),
    "RGB24": (ColourMode.RGB, 8),
    "RGB48": (ColourMode.RGB, 16),
}
FORMATS = {
    "image/tiff": "tiff",
    "image/png": "png",
    "image/jpeg": "jpeg",
    "image/jpg": "jpeg",
    "application/pdf": "pdf",
}
PREFIX = re.compile(rb"<(/?)[A-Za-z_][\w.-]*:")
INPUT_SOURCES = {Source.FLATBED: "Platen", Source.CAMERA: "scan:Camera"}
ADF_PROBLEMS = {
    "jam": "scanner.jammed",
    "mispick": "scanner.jammed",
    "multipick": "scanner.jammed",
    "hatchopen": "scanner.cover-open",
    "coveropen": "scanner.cover-open",
    "empty": "scanner.feeder-empty",
}
"""Code by a part of the name of the feeder's state."""


@dataclass(frozen=True)
class EsclStatus:
    """The state of a device now."""

    state: str = ""
    feeder: str = ""
    reasons: tuple[str, ...] = field(default=())
    jobs: tuple[tuple[str, str], ...] = ()
    """The address and the state, with its reasons, of each job that it knows."""

    @property
    def is_feeder_loaded(self) -> bool:
        """Whether the feeder has paper."""
        return self.feeder.casefold().endswith("loaded")

    @property
    def code(self) -> str | None:
        """The code of the problem that prevents a scan, or None."""
        state = self.feeder.casefold()
        for part, code in ADF_PROBLEMS.items():
            if part in state:
                return code
        return None

    def is_cancelled(self, job: str) -> bool:
        """Whether a person cancelled the job at an address."""
        path = urlsplit(job).path.rstrip("/")
        return any(
            urlsplit(address).path.rstrip("/").endswith(path.rpartition("/")[2])
            and "cancel" in state.casefold()
            for address, state in self.jobs
        )


def local(element: etree._Element) -> str:
    """The name of an element without its namespace, in lower case."""
    tag = element.tag
    return tag.rpartition("}")[2].casefold() if isinstance(tag, str) else ""


def all_in(element: etree._Element, name: str) -> Iterator[etree._Element]:
    """Every element below with a local name."""
    return (one for one in element.iterdescendants() if local(one) == name.casefold())


def text_in(element: etree._Element | None, *names: str) -> str:
    """The text of the first element below with one of these names; empty if there is none."""
    for name in names:
        for one in all_in(element, name) if element is not None else ():
            if one.text and one.text.strip():
                return one.text.strip()
    return ""


def number_in(element: etree._Element | None, *names: str) -> float | None:
    """The number in the first element with one of these names, or None."""
    try:
        return float(text_in(element, *names))
    except ValueError:
        return None


def read_document(content: bytes, what: str) -> etree._Element:
    """The root of a document. Raises ScannerProblem if it is not XML."""
    try:
        return parse(content.strip())
    except XmlRefused:
        pass
    try:
        # Some devices use prefixes that they do not declare.
        return parse(PREFIX.sub(rb"<\1", content.strip()))
    except XmlRefused as refused:
        raise ScannerProblem("scanner.answer-invalid", f"{what} is not XML: {refused}") from refused


def read_status(content: bytes) -> EsclStatus:
    """The state that a device reports; empty where it leaves elements out."""
    root = read_document(content, "ScannerStatus")
    # A job has a state, too; that of the device is a child of the root.
    state = next((one.text or "" for one in root if local(one) == "state"), "")
    reasons = tuple(one.text or "" for one in all_in(root, "StateReason"))
    jobs = tuple((text_in(one, "JobUri"), _job_state(one)) for one in all_in(root, "JobInfo"))
    return EsclStatus(state.strip(), text_in(root, "AdfState"), reasons, jobs)


def _job_state(job: etree._Element) -> str:
    reasons = (one.text or "" for one in all_in(job, "JobStateReason"))
    return " ".join((text_in(job, "JobState"), *reasons))


def scan_settings(
    settings: CaptureSettings,
    version: str,
    intents: tuple[str, ...] = (),
    *,
    with_extension: bool = True,
) -> bytes:
    """The document that asks for a scan. It leaves out what the device does not know: an intent
    other than `intents`, if it names any, and the newer element of the format."""
    root = etree.Element(f"{{{SCAN}}}ScanSettings", nsmap={"scan": SCAN, "pwg": PWG})
    _add(root, PWG, "Version", version)
    intent = "Photo" if settings.mode is ColourMode.RGB else "Document"
    if not intents or intent in intents:
        _add(root, SCAN, "Intent", intent)
    if settings.width_mm is not None and settings.height_mm is not None:
        regions = etree.SubElement(root, f"{{{PWG}}}ScanRegions")
        region = etree.SubElement(regions, f"{{{PWG}}}ScanRegion")
        _add(region, PWG, "ContentRegionUnits", "escl:ThreeHundredthsOfInches")
        _add(region, PWG, "Height", _units(settings.height_mm))
        _add(region, PWG, "Width", _units(settings.width_mm))
        _add(region, PWG, "XOffset", 0)
        _add(region, PWG, "YOffset", 0)
    _add(root, PWG, "InputSource", INPUT_SOURCES.get(settings.source, "Feeder"))
    media_type = next(key for key, value in FORMATS.items() if value == settings.format)
    _add(root, PWG, "DocumentFormat", media_type)
    if with_extension:
        _add(root, SCAN, "DocumentFormatExt", media_type)
    _add(root, SCAN, "XResolution", f"{settings.resolution_dpi:g}")
    _add(root, SCAN, "YResolution", f"{settings.resolution_dpi:g}")
    wanted = (settings.mode, settings.bits_per_sample)
    _add(root, SCAN, "ColorMode", next(name for name, one in MODES.items() if one == wanted))
    if settings.source.is_feeder:
        _add(root, SCAN, "Duplex", str(settings.source is Source.FEEDER_DUPLEX).lower())
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def _units(mm: float) -> int:
    return round(mm / MM_PER_INCH * UNITS_PER_INCH)


def _add(parent: etree._Element, namespace: str, name: str, value: object) -> None:
    etree.SubElement(parent, f"{{{namespace}}}{name}").text = str(value)

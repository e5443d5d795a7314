"""Reads and writes the documents of eSCL: capabilities, status and the settings of a scan.

Devices differ in namespaces and leave elements out, so only local names count, and what is missing
has a usual value (Mopria eSCL Technical Specification 2.97)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from lxml import etree

from processors.xml.parser import XmlRefused, parse
from streams.clients.scanners import icc_embedding
from streams.clients.scanners.capabilities import (
    Capabilities,
    Choice,
    ColourMode,
    Device,
    Source,
    SourceCapabilities,
    Steps,
    Values,
)
from streams.clients.scanners.capture_settings import MM_PER_INCH, CaptureSettings
from streams.clients.scanners.scanner_driver import ScannerProblem

SCAN = "http://schemas.hp.com/imaging/escl/2011/05/03"
PWG = "http://www.pwg.org/schemas/2010/12/sm"
UNITS_PER_INCH = 300
"""Sizes are in 1/300 inch."""
USUAL_VERSION = "2.6"
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
USUAL_FORMATS = ("jpeg",)
USUAL_RESOLUTIONS = Choice((300.0,))
PREFIX = re.compile(rb"<(/?)[A-Za-z_][\w.-]*:")
INPUTS = (
    ("platen", "platen", Source.FLATBED),
    ("adf", "simplex", Source.FEEDER),
    ("adf", "duplex", Source.FEEDER_DUPLEX),
    ("camera", "camera", Source.CAMERA),
)
"""Element of the source, part of the name of its capabilities, and the source."""
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
class EsclCapabilities:
    """What a device states of itself."""

    device: Device
    version: str
    capabilities: Capabilities


@dataclass(frozen=True)
class EsclStatus:
    """The state of a device now."""

    state: str = ""
    feeder: str = ""
    reasons: tuple[str, ...] = field(default=())

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
    return EsclStatus(state.strip(), text_in(root, "AdfState"), reasons)


def read_capabilities(content: bytes, address: str) -> EsclCapabilities:
    """What a device at an address can do. Raises ScannerProblem."""
    root = read_document(content, "ScannerCapabilities")
    version = text_in(root, "Version") or USUAL_VERSION
    name = text_in(root, "MakeAndModel")
    maker = text_in(root, "Manufacturer") or name.partition(" ")[0]
    serial = text_in(root, "SerialNumber") or text_in(root, "UUID") or address
    properties = {"uuid": text_in(root, "UUID"), "escl_version": version}
    device = Device("escl", address, maker, name, serial, f"eSCL {version}", properties)
    sources = tuple(_sources(root))
    if not sources:
        found = "ScannerCapabilities names no source that can be used"
        raise ScannerProblem("scanner.answer-invalid", found)
    return EsclCapabilities(device, version, Capabilities(sources))


def _sources(root: etree._Element) -> Iterator[SourceCapabilities]:
    for element_name, part, source in INPUTS:
        for element in all_in(root, element_name):
            inputs = [one for one in element.iterdescendants() if _is_input(one, part)]
            # Some devices describe a source without a part for its input.
            for one in inputs[:1] or ([element] if part in ("platen", "simplex") else []):
                yield _source(source, one, root)
            break


def _is_input(element: etree._Element, part: str) -> bool:
    name = local(element)
    return name.endswith("inputcaps") and part in name


def _source(source: Source, element: etree._Element, root: etree._Element) -> SourceCapabilities:
    profiles = _setting_profiles(element, root)
    modes = tuple(dict.fromkeys(_modes(profiles)))
    formats = tuple(dict.fromkeys(_formats(profiles)))
    width, height = number_in(element, "MaxWidth"), number_in(element, "MaxHeight")
    return SourceCapabilities(
        source=source,
        modes=modes or ((ColourMode.GREYSCALE, 8), (ColourMode.RGB, 8)),
        resolutions_dpi=_resolutions(profiles, element) or USUAL_RESOLUTIONS,
        formats=formats or USUAL_FORMATS,
        max_width_mm=_mm(width),
        max_height_mm=_mm(height),
        icc_formats=icc_embedding.FORMATS,
    )


def _setting_profiles(element: etree._Element, root: etree._Element) -> list[etree._Element]:
    """The setting profiles of an input: its own, those it refers to, or those of the device."""
    by_name = {
        str(one.get("name")): one for one in all_in(root, "SettingProfile") if one.get("name")
    }
    own = list(all_in(element, "SettingProfile"))
    found = [by_name.get(str(one.get("ref")), one) if one.get("ref") else one for one in own]
    return found or list(by_name.values()) or list(all_in(root, "SettingProfile")) or [root]


def _modes(profiles: list[etree._Element]) -> Iterator[tuple[ColourMode, int]]:
    for profile in profiles:
        for one in all_in(profile, "ColorMode"):
            mode = MODES.get((one.text or "").strip())
            if mode is not None:
                yield mode


def _formats(profiles: list[etree._Element]) -> Iterator[str]:
    for profile in profiles:
        for name in ("DocumentFormatExt", "DocumentFormat"):
            for one in all_in(profile, name):
                media_type = (one.text or "").partition(";")[0].strip().casefold()
                if media_type in FORMATS:
                    yield FORMATS[media_type]


def _resolutions(profiles: list[etree._Element], element: etree._Element) -> Values | None:
    discrete: set[float] = set()
    for profile in profiles:
        for one in all_in(profile, "DiscreteResolution"):
            x, y = number_in(one, "XResolution"), number_in(one, "YResolution")
            # Pages need square pixels.
            if x is not None and y in (x, None):
                discrete.add(x)
    if discrete:
        return Choice(tuple(sorted(discrete)))
    for profile in profiles:
        for one in all_in(profile, "XResolutionRange"):
            least, most = number_in(one, "Min"), number_in(one, "Max")
            if least is not None and most is not None:
                return Steps(least, most, number_in(one, "Step") or 0)
    highest = number_in(element, "MaxOpticalXResolution")
    usual = (75.0, 150.0, 200.0, 300.0)
    return Choice((*(one for one in usual if one < highest), highest)) if highest else None


def _mm(units: float | None) -> float | None:
    return units / UNITS_PER_INCH * MM_PER_INCH if units else None


def scan_settings(settings: CaptureSettings, version: str) -> bytes:
    """The document that asks for a scan."""
    root = etree.Element(f"{{{SCAN}}}ScanSettings", nsmap={"scan": SCAN, "pwg": PWG})
    _add(root, PWG, "Version", version)
    _add(root, SCAN, "Intent", "Photo" if settings.mode is ColourMode.RGB else "Document")
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

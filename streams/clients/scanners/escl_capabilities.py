"""Reads what a network scanner states that it can do.

Devices differ in namespaces and leave elements out, so only local names count, and what is missing
has a usual value (Mopria eSCL Technical Specification 2.97)."""

from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

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
from streams.clients.scanners.capture_settings import MM_PER_INCH
from streams.clients.scanners.escl_documents import (
    FORMATS,
    MODES,
    UNITS_PER_INCH,
    all_in,
    local,
    number_in,
    read_document,
    text_in,
)
from streams.clients.scanners.scanner_driver import ScannerProblem

ROOT = "scannercapabilities"
USUAL_VERSION = "2.6"
USUAL_FORMATS = ("jpeg",)
USUAL_MODES = ((ColourMode.GREYSCALE, 8), (ColourMode.RGB, 8))
USUAL_RESOLUTIONS = Choice((300.0,))
USUAL_STEPS = (75.0, 150.0, 200.0, 300.0)
INPUTS = (
    ("platen", "platen", Source.FLATBED),
    ("adf", "simplex", Source.FEEDER),
    ("adf", "duplex", Source.FEEDER_DUPLEX),
    ("camera", "camera", Source.CAMERA),
)
"""Element of the source, part of the name of its capabilities, and the source."""
Mode = tuple[ColourMode, int]


@dataclass(frozen=True)
class EsclCapabilities:
    """What a device states of itself."""

    device: Device
    version: str
    capabilities: Capabilities
    """A source has an entry for each group of settings that go together."""
    intents: tuple[str, ...] = ()
    """What a scan can be for; empty if the device does not say."""
    knows_extension: bool = True
    """Whether it states formats by the newer element DocumentFormatExt, or none at all."""


def read_capabilities(content: bytes, address: str) -> EsclCapabilities:
    """What a device at an address can do. Raises ScannerProblem."""
    root = read_document(content, "ScannerCapabilities")
    if local(root) != ROOT:
        found = f"ScannerCapabilities is a document {local(root)}"
        raise ScannerProblem("scanner.answer-invalid", found)
    # Certificates have a version, too; that of the protocol is a child of the root.
    stated = (one.text or "" for one in root if local(one) == "version")
    version = next(stated, "").strip() or USUAL_VERSION
    name = text_in(root, "MakeAndModel")
    maker = text_in(root, "Manufacturer") or name.partition(" ")[0]
    serial = text_in(root, "SerialNumber") or text_in(root, "UUID") or address
    properties = {"uuid": text_in(root, "UUID"), "escl_version": version}
    device = Device("escl", address, maker, name, serial, f"eSCL {version}", properties)
    sources = tuple(_sources(root))
    if not sources:
        found = "ScannerCapabilities names no source that can be used"
        raise ScannerProblem("scanner.answer-invalid", found)
    intents = tuple(
        (one.text or "").strip()
        for supported in all_in(root, "SupportedIntents")
        for one in all_in(supported, "Intent")
    )
    extension = bool(text_in(root, "DocumentFormatExt")) or not text_in(root, "DocumentFormat")
    return EsclCapabilities(device, version, Capabilities(sources), intents, extension)


def _sources(root: etree._Element) -> Iterator[SourceCapabilities]:
    for element_name, part, source in INPUTS:
        for element in all_in(root, element_name):
            inputs = [one for one in element.iterdescendants() if _is_input(one, part)]
            if not inputs and part == "duplex" and _turns_sheets(element):
                inputs = [one for one in element.iterdescendants() if _is_input(one, "simplex")]
                inputs = inputs or [element]
            # Some devices describe a source without a part for its input.
            for one in inputs[:1] or ([element] if part in ("platen", "simplex") else []):
                yield from _groups(source, one, root)
            break


def _is_input(element: etree._Element, part: str) -> bool:
    name = local(element)
    return name.endswith("inputcaps") and part in name


def _turns_sheets(feeder: etree._Element) -> bool:
    """Whether a feeder scans both sides, by an option or the element of older devices."""
    options = {(one.text or "").strip().casefold() for one in all_in(feeder, "AdfOption")}
    return "duplex" in options or any(True for _ in all_in(feeder, "AdfDuplexer"))


def _groups(
    source: Source, element: etree._Element, root: etree._Element
) -> Iterator[SourceCapabilities]:
    """An entry for each setting profile; profiles with the same resolutions and formats are one."""
    width, height = (_mm(number_in(element, name)) for name in ("MaxWidth", "MaxHeight"))
    groups: dict[tuple[Values, tuple[str, ...]], list[Mode]] = {}
    for profile in _setting_profiles(element, root):
        formats = tuple(dict.fromkeys(_formats(profile))) or USUAL_FORMATS
        resolutions = _resolutions(profile, element) or USUAL_RESOLUTIONS
        modes = list(_modes(profile))
        if modes or not text_in(profile, "ColorMode"):
            groups.setdefault((resolutions, formats), []).extend(modes or USUAL_MODES)
    for (resolutions, formats), found in groups.items():
        yield SourceCapabilities(
            source=source,
            modes=tuple(dict.fromkeys(found)),
            resolutions_dpi=resolutions,
            formats=formats,
            max_width_mm=width,
            max_height_mm=height,
            icc_formats=icc_embedding.FORMATS,
        )


def _setting_profiles(element: etree._Element, root: etree._Element) -> list[etree._Element]:
    """The setting profiles of an input: its own, those it refers to, or those of the device.

    A device without any may state the same elements in the input itself, or once for all."""
    by_name = {
        str(one.get("name")): one for one in all_in(root, "SettingProfile") if one.get("name")
    }
    own = list(all_in(element, "SettingProfile"))
    found = [by_name.get(str(one.get("ref")), one) if one.get("ref") else one for one in own]
    if found or any(text_in(element, name) for name in ("ColorMode", "XResolution", "Max")):
        return found or [element]
    return list(by_name.values()) or list(all_in(root, "SettingProfile")) or [root]


def _modes(profile: etree._Element) -> Iterator[Mode]:
    for one in all_in(profile, "ColorMode"):
        mode = MODES.get((one.text or "").strip())
        if mode is not None:
            yield mode


def _formats(profile: etree._Element) -> Iterator[str]:
    for name in ("DocumentFormatExt", "DocumentFormat"):
        for one in all_in(profile, name):
            media_type = (one.text or "").partition(";")[0].strip().casefold()
            if media_type in FORMATS:
                yield FORMATS[media_type]


def _resolutions(profile: etree._Element, element: etree._Element) -> Values | None:
    discrete: set[float] = set()
    for one in all_in(profile, "DiscreteResolution"):
        x, y = number_in(one, "XResolution"), number_in(one, "YResolution")
        # Pages need square pixels.
        if x is not None and y in (x, None):
            discrete.add(x)
    if discrete:
        return Choice(tuple(sorted(discrete)))
    for one in all_in(profile, "ResolutionRange"):
        found = _range(one)
        if found is not None:
            return found
    highest = number_in(element, "MaxOpticalXResolution")
    return Choice((*(one for one in USUAL_STEPS if one < highest), highest)) if highest else None


def _range(element: etree._Element) -> Steps | None:
    """The resolutions that both directions accept."""
    across, down = (
        next(all_in(element, f"{direction}ResolutionRange"), None) for direction in ("X", "Y")
    )
    limits = [one for one in (across, down) if one is not None] or [element]
    least = [number_in(one, "Min") for one in limits]
    most = [number_in(one, "Max") for one in limits]
    low, high = [one for one in least if one], [one for one in most if one]
    if not low or not high or max(low) > min(high):
        return None
    return Steps(max(low), min(high), max(number_in(one, "Step") or 0 for one in limits))


def _mm(units: float | None) -> float | None:
    return units / UNITS_PER_INCH * MM_PER_INCH if units else None

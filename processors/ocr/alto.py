"""Converts Tesseract's ALTO to version 4, with the master's pixels and correct confidences."""

from dataclasses import dataclass

from lxml import etree

from processors.ocr.coordinates import Scale
from processors.ocr.words import Words
from processors.outcome import ToolCrashed

NS3 = "http://www.loc.gov/standards/alto/ns-v3#"
NS4 = "http://www.loc.gov/standards/alto/ns-v4#"
XSI_LOCATION = "{http://www.w3.org/2001/XMLSchema-instance}schemaLocation"
POSITION = ("HPOS", "VPOS", "WIDTH", "HEIGHT")
SPACE, BLOCK = f"{{{NS4}}}SP", f"{{{NS4}}}TextBlock"


@dataclass(frozen=True)
class Origin:
    """The source image and software that the ALTO names."""

    file_name: str
    """The master's name in the package."""
    sequence: int
    software: tuple[tuple[str, str], ...]
    """Names and versions of the programs; the last one made the text, the others called it."""
    settings: str


def alto_for_master(alto: bytes, words: Words, scale: Scale, origin: Origin) -> bytes:
    """ALTO 4 in the master's pixels, with the name of the packaged master.

    Raises ToolCrashed if the outputs of Tesseract contradict each other."""
    # The namespace is replaced in the text, which is simpler than in the tree.
    reader = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_blank_text=True
    )
    root = etree.fromstring(alto.replace(NS3.encode(), NS4.encode()), reader)
    root.attrib.pop(XSI_LOCATION, "")
    _describe(root, origin)
    for element in root.iter(etree.Element):
        _scale_position(element, scale)
    _set_confidences(root, words)
    etree.cleanup_namespaces(root)
    etree.indent(root, "  ")
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8")) + b"\n"


def _describe(root: etree._Element, origin: Origin) -> None:
    description = root.find(_name("Description"))
    page = root.find(f".//{_name('Page')}")
    if description is None or page is None:
        raise ToolCrashed("tesseract wrote an ALTO without Description or Page")
    for element in description.iter(_name("fileName")):
        element.text = origin.file_name
    for old in description.findall(_name("OCRProcessing")):
        description.remove(old)
    processing = etree.SubElement(description, _name("Processing"), ID="OCR_0")
    _add(processing, "processingStepDescription", "text recognition")
    _add(processing, "processingStepSettings", origin.settings)
    software = etree.SubElement(processing, _name("processingSoftware"))
    *callers, (name, version) = origin.software
    _add(software, "softwareName", name)
    _add(software, "softwareVersion", version)
    if callers:
        _add(software, "applicationDescription", ", ".join(map(" ".join, callers)))
    page.set("PHYSICAL_IMG_NR", str(origin.sequence))


def _scale_position(element: etree._Element, scale: Scale) -> None:
    """Convert position and size of an element to the master's pixels."""
    attributes = element.attrib
    stated_width = attributes.get("WIDTH")
    if stated_width is None:
        return
    if element.tag == SPACE and (scale.turned or stated_width.startswith("-")):
        # A space has no height, and Tesseract gives it a negative width in vertical lines.
        for name in POSITION:
            attributes.pop(name, "")
        return
    if scale.same:
        return
    if element.tag == BLOCK and scale.turned:
        attributes["ROTATION"] = str(scale.turned)
    left, top, width, height = (round(float(attributes.get(name, "0"))) for name in POSITION)
    for name, value in zip(POSITION, scale.box(left, top, width, height), strict=True):
        if name in attributes:
            attributes[name] = str(value)


def _set_confidences(root: etree._Element, words: Words) -> None:
    strings = list(root.iter(_name("String")))
    if [each.get("CONTENT") for each in strings] != [word.text for word in words.all]:
        raise ToolCrashed(f"tesseract's ALTO has {len(strings)} words, its TSV {len(words.all)}")
    for string, word in zip(strings, words.all, strict=True):
        # Tesseract writes 9 % as 0.9 and 100 % as 0.100.
        string.set("WC", f"{min(1.0, max(0.0, word.confidence / 100)):.4f}")
    mean, page = words.mean_confidence, root.find(f".//{_name('Page')}")
    if mean is not None and page is not None:
        page.set("PC", f"{mean / 100:.4f}")


def _add(parent: etree._Element, name: str, text: str) -> None:
    etree.SubElement(parent, _name(name)).text = text


def _name(local: str) -> str:
    return f"{{{NS4}}}{local}"

"""Makes the ALTO of a package of layout 2 from that of the recognition, or from a delivered one."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from lxml import etree

from processors.ocr.alto import NS4
from processors.ocr.delivered_alto import text_blocks
from processors.ocr.line_end import mark_divided_words
from processors.xml.parser import parse

PROCESSING_ID = "LAYOUT_2"
EMPTY = ("TextLine", "TextBlock", "ComposedBlock")
"""Elements that are removed if they have no text, from the inside to the outside."""
SETTINGS = (
    "words divided at line ends marked with HYP and SUBS_CONTENT; blanks removed; language and "
    "reading order (IDNEXT) of blocks added"
)


@dataclass(frozen=True)
class TextOrigin:
    """What the ALTO of a page states about its page."""

    master: str
    """The master's name in the package."""
    language: str | None
    """The tag of the language of its text; None if that is not known."""


def recognized_alto(content: bytes, origin: TextOrigin) -> etree._Element:
    """The ALTO of a recognition with hyphens, language and reading order."""
    root = parse(content)
    _name_master(root, origin.master)
    _remove_blanks(root)
    blocks = text_blocks(root)
    mark_divided_words(blocks)
    for block in blocks:
        if origin.language and block.get("LANG") is None:
            block.set("LANG", origin.language)
    _set_order(blocks)
    _describe(root)
    return root


def delivered_alto(content: bytes, origin: TextOrigin) -> etree._Element:
    """The twin of a delivered ALTO: it names the packaged master, and is otherwise unchanged."""
    root = parse(content)
    _name_master(root, origin.master)
    return root


def serialised_alto(root: etree._Element) -> bytes:
    """The bytes of an ALTO."""
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8")) + b"\n"


def _name_master(root: etree._Element, name: str) -> None:
    description = root.find("{*}Description")
    if description is None:
        return  # Without one, not even the unit of its boxes is stated.
    source = description.find("{*}sourceImageInformation")
    if source is None:
        source = etree.Element(description.tag.replace("Description", "sourceImageInformation"))
        unit = description.find("{*}MeasurementUnit")
        description.insert(0 if unit is None else description.index(unit) + 1, source)
    stated = source.find("{*}fileName")
    if stated is None:
        stated = etree.Element(source.tag.replace("sourceImageInformation", "fileName"))
        source.insert(0, stated)
    stated.text = name


def _remove_blanks(root: etree._Element) -> None:
    """Remove strings without text, and what contains nothing else; no word begins with a blank."""
    for string in list(root.iter("{*}String")):
        text = " ".join(string.get("CONTENT", "").split())
        string.set("CONTENT", text)
        if not text:
            _remove(string)
    for line in root.iter("{*}TextLine"):
        for position in (0, -1):
            while len(line) and etree.QName(line[position]).localname == "SP":
                _remove(line[position])
    for name in EMPTY:
        for element in list(root.iter(f"{{*}}{name}")):
            if element.find(".//{*}String") is None and _is_text_only(element):
                _remove(element)


def _is_text_only(element: etree._Element) -> bool:
    """Whether an element has nothing but text; a block may also have pictures."""
    others = ("Illustration", "GraphicalElement")
    return all(etree.QName(one).localname not in others for one in element.iter(etree.Element))


def _remove(element: etree._Element) -> None:
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)


def _set_order(blocks: Iterable[etree._Element]) -> None:
    for block, following in pairwise(blocks):
        name = following.get("ID")
        if name and block.get("IDNEXT") is None:
            block.set("IDNEXT", name)


def _describe(root: etree._Element) -> None:
    """Add the step that made this ALTO of that of the recognition."""
    description = root.find(f"{{{NS4}}}Description")
    if description is None:
        return
    step = etree.SubElement(description, f"{{{NS4}}}Processing", ID=PROCESSING_ID)
    for name, text in (
        ("processingCategory", "contentModification"),
        ("processingStepDescription", "preparation for the package"),
        ("processingStepSettings", SETTINGS),
    ):
        etree.SubElement(step, f"{{{NS4}}}{name}").text = text
    software = etree.SubElement(step, f"{{{NS4}}}processingSoftware")
    # No version: the bytes depend on the layout and not on the release that writes them.
    etree.SubElement(software, f"{{{NS4}}}softwareName").text = "copystand"
    etree.SubElement(software, f"{{{NS4}}}applicationDescription").text = "package layout 2"
    etree.indent(description, "  ", level=1)

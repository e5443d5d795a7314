"""Reads and validates ALTO that was delivered with a page."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from processors.xml.parser import XmlRefused, parse
from processors.xml.validate import ALTO, validate

NAMESPACES = re.compile(
    r"https?://www\.loc\.gov/standards/alto\b.*"
    r"|http://schema\.ccs-gmbh\.com/(?i:alto).*"
    r"|http://bibnum\.bnf\.fr/ns/alto.*"
)
"""Namespaces in use: of the Library of Congress (ns-v2#, ns-v3#, ns-v4#, names of schema files), of
the first version, and of the Bibliothèque nationale de France. Older ALTO has none. Only ns-v4# is
validated against its schema."""
SCHEMA_MINOR = 2
"""The installed schema is 4.2; newer documents may use elements that it does not have."""
ELEMENTS_OF_4_3 = ("ReadingOrder", "OrderedGroup", "UnorderedGroup", "OTHERLANGS")
_VERSION = re.compile(r"alto-4-(\d+)\.xsd|^4\.(\d+)")
XSI_LOCATION = "{http://www.w3.org/2001/XMLSchema-instance}schemaLocation"
MM_PER_INCH = 25.4
PER_INCH = {"mm10": MM_PER_INCH * 10, "inch1200": 1200.0}
"""Units of measurement other than pixel, with their number per inch."""
FINDINGS_SHOWN = 3


class NotReadable(ValueError):
    """The bytes are not ALTO of one page; the message says why."""


@dataclass(frozen=True)
class DeliveredText:
    """The text of a delivered ALTO."""

    text: str
    """Lines in reading order, with an empty line between blocks."""
    words: int
    mean_confidence: float | None
    """0 to 100; None if a word has none."""
    width: float | None
    height: float | None
    """Size of the page in `unit`; None if it is not stated."""
    unit: str
    validity: str
    """Result of the validation, in words."""

    def size_px(self, resolution_dpi: float | None) -> tuple[int, int] | None:
        """The size of the page in pixels; None if it is not stated or cannot be computed."""
        if not self.width or not self.height:
            return None
        if self.unit == "pixel":
            return round(self.width), round(self.height)
        if self.unit not in PER_INCH or not resolution_dpi:
            return None
        factor = resolution_dpi / PER_INCH[self.unit]
        return round(self.width * factor), round(self.height * factor)


def read_delivered(content: bytes, standards: Path | None) -> DeliveredText:
    """The text in the ALTO of one page. Raises NotReadable."""
    try:
        root = parse(content)
    except XmlRefused as wrong:
        raise NotReadable(str(wrong)) from None
    page = _page_of(root)
    validity = _validated(root, standards)
    strings = list(page.iter("{*}String"))
    lines = [
        [_line_text(line) for line in outermost(block, "TextLine")] for block in text_blocks(root)
    ]
    text = "\n\n".join("\n".join(block) for block in lines if block)
    return DeliveredText(
        text=f"{text}\n" if text.strip() else "",
        words=len(text.split()),
        mean_confidence=_mean_confidence(strings),
        width=_number(page.get("WIDTH")),
        height=_number(page.get("HEIGHT")),
        unit=(root.findtext("{*}Description/{*}MeasurementUnit") or "pixel").strip(),
        validity=validity,
    )


def _page_of(root: etree._Element) -> etree._Element:
    name = etree.QName(root)
    if name.localname != "alto" or not NAMESPACES.fullmatch(name.namespace or ALTO):
        raise NotReadable(f"the root element is {root.tag}, expected alto")
    pages = root.findall("{*}Layout/{*}Page")
    if len(pages) != 1:
        raise NotReadable(f"it describes {len(pages)} pages, expected 1")
    return pages[0]


def _validated(root: etree._Element, standards: Path | None) -> str:
    if etree.QName(root).namespace != ALTO:
        return "well formed, and has not the namespace of ALTO 4"
    stated = f"{root.get('SCHEMAVERSION', '')} {root.get(XSI_LOCATION, '')}".strip()
    version = _VERSION.search(stated)
    minor = int(version[1] or version[2]) if version else _least_minor(root)
    if standards is None or minor > SCHEMA_MINOR:
        return "well formed, its schema not at hand"
    try:
        errors = validate(root, standards)
    except FileNotFoundError:
        return "well formed, its schema not at hand"
    if errors:
        more = f" and {len(errors) - FINDINGS_SHOWN} more" if len(errors) > FINDINGS_SHOWN else ""
        raise NotReadable(
            f"it is not valid against its schema: {'; '.join(errors[:FINDINGS_SHOWN])}{more}"
        )
    return f"valid by the schema of ALTO 4.{SCHEMA_MINOR}"


def _least_minor(root: etree._Element) -> int:
    """The lowest version of ALTO 4 that has what the document uses."""
    names = {etree.QName(one).localname for one in root.iter(etree.Element)}
    is_newer = not names.isdisjoint(ELEMENTS_OF_4_3)
    return SCHEMA_MINOR + 1 if is_newer else SCHEMA_MINOR


def outermost(above: etree._Element, name: str) -> Iterator[etree._Element]:
    """Elements of a name that are not inside another one; the text of nested elements, which ALTO
    does not allow, would be repeated."""
    for one in above.iter(f"{{*}}{name}"):
        if next(one.iterancestors(f"{{*}}{name}"), None) is None:
            yield one


def text_blocks(root: etree._Element) -> list[etree._Element]:
    """Text blocks in reading order: by ReadingOrder, else by IDNEXT, else in document order
    (ALTO 4.3, ReadingOrderType; ALTO 4.2, IDNEXT)."""
    blocks = list(outermost(root, "TextBlock"))
    order = [reference.get("REF") for reference in root.iter("{*}ElementRef")]
    if order:
        positions = {name: number for number, name in reversed(list(enumerate(order)))}
        last = len(order)
        return sorted(
            blocks, key=lambda block: min(positions.get(name, last) for name in _names(block))
        )
    return list(_chained(blocks))


def _names(block: etree._Element) -> list[str | None]:
    return [block.get("ID"), *(line.get("ID") for line in block.iter("{*}TextLine"))]


def _chained(blocks: list[etree._Element]) -> Iterator[etree._Element]:
    following = {block.get("IDNEXT") for block in blocks} - {None}
    by_id = {block.get("ID"): block for block in blocks}
    # A block that follows no other begins a chain; a ring begins with its first block.
    starts = [block for block in blocks if block.get("ID") not in following]
    seen: set[etree._Element] = set()
    for start in [*starts, *blocks]:
        block: etree._Element | None = start
        while block is not None and block not in seen:
            seen.add(block)
            yield block
            block = by_id.get(block.get("IDNEXT")) if block.get("IDNEXT") else None


def _line_text(line: etree._Element) -> str:
    """The words of a line, with the hyphen at its end."""
    words = " ".join(string.get("CONTENT", "") for string in line.iter("{*}String"))
    hyphens = "".join(hyphen.get("CONTENT", "") for hyphen in line.iter("{*}HYP"))
    return " ".join(words.split()) + hyphens


def _mean_confidence(strings: list[etree._Element]) -> float | None:
    confidences = [_number(string.get("WC")) for string in strings]
    known = [each for each in confidences if each is not None and 0 <= each <= 1]
    if not known or len(known) < len(strings):
        return None
    return round(sum(known) / len(known) * 100, 2)


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if value == value and abs(value) != float("inf") else None

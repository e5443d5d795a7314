"""Finds the pages of an unpacked package by its METS, to make a PDF of some of them."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from processors.ocr.languages import from_record, language_tag
from processors.ocr.page_text import page_text
from processors.pdf.item_pdf import Description, Page
from processors.pdf.page_image import PageImage
from processors.xml.parser import XmlRefused, parse
from processors.xml.writing import METS, MIX, MODS, XLINK

HREF = f"{{{XLINK}}}href"
METS_PATH = "data/metadata/mets.xml"
MODS_PATH = "data/metadata/mods.xml"
NAMES = {"mets": METS, "mix": MIX}


class NoPackage(ValueError):
    """A folder is not a package with the images of pages; the message says why."""


@dataclass(frozen=True)
class BagPage:
    """A page in the METS of a package."""

    order: int
    ref: str
    label: str
    files: dict[str, Path]
    """Its files by use."""
    resolution_dpi: float | None
    size_px: tuple[int, int] | None
    """Size of the master as stored."""


class Bag:
    """An unpacked package of layout 1 or 2."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            self._mets = parse((folder / METS_PATH).read_bytes())
        except (OSError, XmlRefused) as wrong:
            raise NoPackage(f"{folder / METS_PATH} cannot be read: {wrong}") from None
        self.pages = tuple(self._pages())
        """The pages that have an access image, in order."""

    def description(self) -> Description:
        """What the PDF states: identifier, title and languages of the item."""
        identifier = self._mets.get("OBJID") or self._folder.name
        return Description(identifier, self._mets.get("LABEL") or identifier, self._languages())

    def chosen(self, orders: Collection[int]) -> Iterator[Page]:
        """The pages with these numbers. Raises Undecodable, OSError and XmlRefused."""
        return (_page(page) for page in self.pages if page.order in orders)

    def _languages(self) -> tuple[str, ...]:
        try:
            mods = parse((self._folder / MODS_PATH).read_bytes())
        except (OSError, XmlRefused):
            return ()
        terms = (one.text or "" for one in mods.iter(f"{{{MODS}}}languageTerm"))
        codes = (from_record(term) for term in terms)
        tags = (language_tag(code) for code in codes if code)
        return tuple(dict.fromkeys(tag for tag in tags if tag))

    def _pages(self) -> Iterator[BagPage]:
        files = {one.get("ID"): one for one in self._mets.iter(f"{{{METS}}}file")}
        sections = {one.get("ID"): one for one in self._mets.iter(f"{{{METS}}}techMD")}
        physical = self._mets.find("mets:structMap[@TYPE='PHYSICAL']/mets:div", NAMES)
        for div in physical.iterfind("mets:div", NAMES) if physical is not None else ():
            own = [files[one.get("FILEID")] for one in div.iterfind("mets:fptr", NAMES)]
            paths = {one.get("USE", ""): self._path(one) for one in own}
            ref, order = div.get("ID", "").removeprefix("PAGE_"), int(div.get("ORDER", "0"))
            mix = sections.get(f"TECH_{ref}")
            if "access" in paths:
                label = div.get("ORDERLABEL") or f"[{order}]"
                yield BagPage(order, ref, label, paths, _resolution(mix), _size(mix))

    def _path(self, file: etree._Element) -> Path:
        location = file.find("mets:FLocat", NAMES)
        href = location.get(HREF, "") if location is not None else ""
        path = (self._folder / METS_PATH).parent / href
        if not path.resolve().is_relative_to(self._folder.resolve()):
            raise NoPackage(f"{METS_PATH} names {href}, which is outside the package")
        return path


def _page(page: BagPage) -> Page:
    image = PageImage.of(page.files["access"])
    scale = max(page.size_px or (0, 0)) / max(image.width_px, image.height_px) or 1.0
    size = (max(1, round(image.width_px * scale)), max(1, round(image.height_px * scale)))
    alto = page.files.get("alto")
    text = page_text(parse(alto.read_bytes()), size) if alto else None
    return Page(page.ref, page.label, image, size, page.resolution_dpi, text)


def _resolution(mix: etree._Element | None) -> float | None:
    """The resolution of a master in dpi; None if its MIX states none."""
    metrics = mix.find(".//mix:SpatialMetrics", NAMES) if mix is not None else None
    if metrics is None:
        return None
    unit = metrics.findtext("mix:samplingFrequencyUnit", "", NAMES)
    numerator = _number(metrics.findtext("mix:xSamplingFrequency/mix:numerator", "", NAMES))
    denominator = _number(metrics.findtext("mix:xSamplingFrequency/mix:denominator", "", NAMES))
    factor = {"in.": 1.0, "cm": 2.54}.get(unit)
    return numerator / (denominator or 1.0) * factor if numerator and factor else None


def _size(mix: etree._Element | None) -> tuple[int, int] | None:
    if mix is None:
        return None
    sides = (mix.findtext(f".//mix:image{name}", "", NAMES) for name in ("Width", "Height"))
    width, height = (int(_number(side) or 0) for side in sides)
    return (width, height) if width and height else None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None

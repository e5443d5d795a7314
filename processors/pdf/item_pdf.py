"""Writes the PDF of an item: pages with image and text, labels, bookmarks and structure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyvips

from processors.ocr.page_text import PageText
from processors.pdf.file import PdfFile
from processors.pdf.outline import Bookmark, write_outline
from processors.pdf.page_image import PageImage
from processors.pdf.structure import Structure
from processors.pdf.syntax import Name, Reference
from processors.pdf.text_font import TextFont
from processors.pdf.text_layer import FONT, Canvas, text_layer
from processors.pdf.xmp import xmp

POINTS_PER_INCH = 72
ASSUMED_DPI = 300.0
"""Resolution of a page whose master states none."""
MIN_SIDE, MAX_SIDE = 3.0, 14400.0
"""Limits of a page's sides in points (ISO 19005-2, 6.1.13)."""
OUTPUT_CONDITION = "sRGB IEC61966-2.1"


@dataclass(frozen=True)
class Page:
    """A page of the PDF."""

    ref: str
    label: str
    image: PageImage
    size_px: tuple[int, int]
    """Size of the displayed master."""
    resolution_dpi: float | None
    """Resolution of the master."""
    text: PageText | None


@dataclass(frozen=True)
class Description:
    """What the PDF states about itself."""

    identifier: str
    title: str
    languages: tuple[str, ...]
    """Tags of BCP 47; the first one is the language of the document."""
    bookmarks: tuple[Bookmark, ...] = ()


def write_pdf(target: Path, description: Description, pages: Iterable[Page]) -> int:
    """Write a PDF/A-2u page after page, and return the number of its pages.

    Equal pages give equal bytes."""
    with target.open("wb") as stream:
        file = PdfFile(stream)
        writer = _Writer(file)
        for page in pages:
            writer.add(page)
        writer.finish(description)
    return len(writer.pages)


class _Writer:
    """The parts of a document that are written when all pages are known."""

    def __init__(self, file: PdfFile) -> None:
        self._file = file
        self._tree = file.reserve()
        self._font = TextFont(file)
        self._structure = Structure(file)
        self.pages: dict[str, Reference] = {}
        self._labels: list[str] = []

    def add(self, page: Page) -> None:
        """Write a page."""
        file, reference = self._file, self._file.reserve()
        canvas = _canvas(page)
        operators = [_image_operators(canvas)]
        if page.text is not None and page.text.blocks:
            operators.append(text_layer(page.text, canvas, self._font))
        entries = {
            "Type": Name("Page"),
            "Parent": self._tree,
            "MediaBox": [0, 0, canvas.width, canvas.height],
            "Resources": {
                "XObject": {"Im1": page.image.write(file)},
                "Font": {FONT: self._font.reference},
            },
            "Contents": file.add_stream(b"\n".join(operators), {}),
            "Tabs": Name("S"),
        }
        if page.text is not None and page.text.blocks:
            entries["StructParents"] = self._structure.add_page(reference, page.text)
        file.write(reference, entries)
        self.pages[page.ref] = reference
        self._labels.append(page.label)

    def finish(self, description: Description) -> None:
        """Write what is about all pages."""
        file, kids = self._file, list(self.pages.values())
        file.write(self._tree, {"Type": Name("Pages"), "Kids": kids, "Count": len(kids)})
        self._font.write()
        metadata = file.add_stream(
            xmp(description.identifier, description.title, description.languages),
            {"Type": Name("Metadata"), "Subtype": Name("XML")},
            compressed=False,
        )
        catalog: dict[str, Any] = {
            "Type": Name("Catalog"),
            "Pages": self._tree,
            "Metadata": metadata,
            "OutputIntents": [_output_intent(file)],
            "PageLabels": {"Nums": _label_numbers(self._labels)},
            "MarkInfo": {"Marked": True},
            "StructTreeRoot": self._structure.write(),
            "ViewerPreferences": {"DisplayDocTitle": True},
        }
        if description.languages:
            catalog["Lang"] = description.languages[0]
        outline = write_outline(file, description.bookmarks, self.pages)
        if outline is not None:
            catalog |= {"Outlines": outline, "PageMode": Name("UseOutlines")}
        file.finish(file.add(catalog), file.add({"Title": description.title}))


def _canvas(page: Page) -> Canvas:
    """The size of a page in points, within the limits of PDF/A."""
    width_px, height_px = page.size_px
    factor = POINTS_PER_INCH / (page.resolution_dpi or ASSUMED_DPI)
    factor = min(factor, MAX_SIDE / max(width_px, height_px))
    width, height = (max(MIN_SIDE, side * factor) for side in (width_px, height_px))
    text = page.text
    across = width / ((text and text.width) or width_px)
    down = height / ((text and text.height) or height_px)
    return Canvas(width, height, across, down)


def _image_operators(canvas: Canvas) -> bytes:
    # The picture of the page is no part of its text.
    return b"/Artifact BMC q %.3f 0 0 %.3f 0 0 cm /Im1 Do Q EMC" % (canvas.width, canvas.height)


def _label_numbers(labels: Sequence[str]) -> list[Any]:
    """The number tree of page labels: each page has its own, as text."""
    numbers: list[Any] = []
    for index, label in enumerate(labels):
        numbers += [index, {"P": label}]
    return numbers


def _output_intent(file: PdfFile) -> Reference:
    profile = bytes(pyvips.Operation.call("profile_load", "srgb"))
    return file.add(
        {
            "Type": Name("OutputIntent"),
            "S": Name("GTS_PDFA1"),
            "OutputConditionIdentifier": OUTPUT_CONDITION,
            "Info": OUTPUT_CONDITION,
            "DestOutputProfile": file.add_stream(profile, {"N": 3}),
        }
    )

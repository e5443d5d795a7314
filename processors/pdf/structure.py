"""Writes the structure tree of a PDF: a paragraph or heading for each block of text."""

from typing import Any

from processors.ocr.page_text import PageText
from processors.pdf.file import PdfFile
from processors.pdf.syntax import Name, Reference


class Structure:
    """Writes the elements of each page at once, and keeps one reference for each page."""

    def __init__(self, file: PdfFile) -> None:
        self._file = file
        self._root, self._document = file.reserve(), file.reserve()
        self._pages: list[Reference] = []
        self._parents: list[Reference] = []

    def add_page(self, page: Reference, text: PageText) -> int:
        """Write the elements of a page in reading order; its key in the tree of parents."""
        division = self._file.reserve()
        elements = []
        for number, block in enumerate(text.blocks):
            entries: dict[str, Any] = {
                "Type": Name("StructElem"),
                "S": Name("H" if block.heading else "P"),
                "P": division,
                "Pg": page,
                "K": number,
            }
            if block.language:
                entries["Lang"] = block.language
            elements.append(self._file.add(entries))
        self._file.write(
            division,
            {"Type": Name("StructElem"), "S": Name("Div"), "P": self._document, "K": elements},
        )
        self._pages.append(division)
        self._parents.append(self._file.add(elements))
        return len(self._parents) - 1

    def write(self) -> Reference:
        """Write the root of the tree, after all pages."""
        numbers: list[Any] = []
        for number, parents in enumerate(self._parents):
            numbers += [number, parents]
        document = {"Type": Name("StructElem"), "S": Name("Document"), "P": self._root}
        self._file.write(self._document, {**document, "K": self._pages})
        root = {
            "Type": Name("StructTreeRoot"),
            "K": [self._document],
            "ParentTree": {"Nums": numbers},
            "ParentTreeNextKey": len(self._parents),
        }
        self._file.write(self._root, root)
        return self._root

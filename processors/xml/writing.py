"""Writes XML reproducibly: namespaces, elements and serialisation."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from lxml import etree

METS = "http://www.loc.gov/METS/"
PREMIS = "http://www.loc.gov/premis/v3"
MODS = "http://www.loc.gov/mods/v3"
DC = "http://purl.org/dc/elements/1.1/"
OAI_DC = "http://www.openarchives.org/OAI/2.0/oai_dc/"
XLINK = "http://www.w3.org/1999/xlink"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
MIX = "http://www.loc.gov/mix/v20"

FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 does not allow (https://www.w3.org/TR/xml/#charsets)."""


def readable(text: str) -> str:
    """The text with each character that XML does not allow replaced by U+FFFD."""
    return FORBIDDEN.sub("\ufffd", text)


class Maker:
    """Makes elements of one namespace."""

    def __init__(self, namespace: str, nsmap: Mapping[str, str]) -> None:
        self._namespace = namespace
        self._nsmap = dict(nsmap)

    def __call__(
        self,
        name: str,
        *children: etree._Element | str | None,
        attributes: Mapping[str, str | None] | None = None,
    ) -> etree._Element:
        """An element with these children, text and attributes; None is skipped."""
        element = etree.Element(f"{{{self._namespace}}}{name}", nsmap=self._nsmap)
        for key, value in (attributes or {}).items():
            if value is not None:
                element.set(key, readable(value))
        for child in children:
            if isinstance(child, str):
                element.text = (element.text or "") + readable(child)
            elif child is not None:
                element.append(child)
        return element


def serialised(root: etree._Element) -> bytes:
    """UTF-8 bytes of a document, indented by two spaces."""
    etree.cleanup_namespaces(root, keep_ns_prefixes=["xlink", "xsi"])
    etree.indent(root, space="  ")
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8") + b"\n"


class Stream:
    """Writes a document element by element, so that memory stays small.

    Namespace declarations of the root are not repeated. The xmlfile of lxml repeats them on every
    element, which makes the METS of a volume half as large again."""

    def __init__(self, file: IO[bytes], maker: Maker) -> None:
        self._file = file
        self._maker = maker
        self._level = 0
        self._declared: list[bytes] = []

    @contextmanager
    def element(
        self, name: str, attributes: Mapping[str, str | None] | None = None
    ) -> Iterator[None]:
        """Open an element; what is written inside the `with` block becomes its content."""
        empty = self._maker(name, attributes=attributes)
        if not self._level:
            self._file.write(b'<?xml version="1.0" encoding="UTF-8"?>')
            self._declared = [
                f' xmlns:{prefix}="{namespace}"'.encode()
                for prefix, namespace in empty.nsmap.items()
            ]
        tag = etree.tostring(empty, encoding="UTF-8")
        self._line((self._stripped(tag) if self._level else tag).removesuffix(b"/>") + b">")
        self._level += 1
        yield
        self._level -= 1
        self._line(f"</{empty.prefix}:{name}>".encode())
        if not self._level:
            self._file.write(b"\n")

    def write(self, element: etree._Element) -> None:
        """Write a complete element."""
        etree.indent(element, space="  ", level=self._level)
        self._line(self._stripped(etree.tostring(element, encoding="UTF-8", with_tail=False)))

    def _line(self, content: bytes) -> None:
        self._file.write(b"\n" + b"  " * self._level + content)

    def _stripped(self, content: bytes) -> bytes:
        """Remove repeated declarations from the first tag, whose attributes contain no ">"."""
        head, end, rest = content.partition(b">")
        for declaration in self._declared:
            head = head.replace(declaration, b"")
        return head + end + rest


@contextmanager
def streamed(
    path: Path, maker: Maker, root: str, attributes: Mapping[str, str | None] | None = None
) -> Iterator[Stream]:
    """Write a document to a file and open its root; UTF-8, indented by two spaces."""
    with path.open("wb") as file:
        stream = Stream(file, maker)
        with stream.element(root, attributes):
            yield stream

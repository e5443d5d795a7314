"""Namespaces, and how elements are made and serialised: the same bytes everywhere."""

import re
from collections.abc import Mapping

from lxml import etree

METS = "http://www.loc.gov/METS/"
PREMIS = "http://www.loc.gov/premis/v3"
MODS = "http://www.loc.gov/mods/v3"
DC = "http://purl.org/dc/elements/1.1/"
OAI_DC = "http://www.openarchives.org/OAI/2.0/oai_dc/"
XLINK = "http://www.w3.org/1999/xlink"
XSI = "http://www.w3.org/2001/XMLSchema-instance"

FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot carry (https://www.w3.org/TR/xml/#charsets)."""


def readable(text: str) -> str:
    """The text with what XML cannot carry replaced by U+FFFD."""
    return FORBIDDEN.sub("\ufffd", text)


class Maker:
    """Makes elements of one namespace under one prefix."""

    def __init__(self, namespace: str, nsmap: Mapping[str, str]) -> None:
        self._namespace = namespace
        self._nsmap = dict(nsmap)

    def __call__(
        self,
        name: str,
        *children: etree._Element | str | None,
        attributes: Mapping[str, str | None] | None = None,
    ) -> etree._Element:
        """An element with these children, text and attributes; None is left out."""
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

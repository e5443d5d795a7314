"""Identifies metadata records by their root element, without building a tree."""

from dataclasses import dataclass
from typing import NoReturn
from xml.parsers import expat

HEAD_BYTES = 64 * 1024
MAX_BYTES = 64 * 1024 * 1024
METS = "http://www.loc.gov/METS/"
METS2 = "http://www.loc.gov/METS/v2"
MODS = "http://www.loc.gov/mods/v3"
PREMIS = "http://www.loc.gov/premis/v3"
PREMIS2 = "info:lc/xmlns/premis-v2"
OAI_DC = "http://www.openarchives.org/OAI/2.0/oai_dc/"
DC = "http://purl.org/dc/elements/1.1/"
DCTERMS = "http://purl.org/dc/terms/"
PAGE = "http://schema.primaresearch.org/PAGE/"
ALTO = "http://www.loc.gov/standards/alto/"
RECORD_ROOTS = {
    (METS, "mets"): ("METS", "structural"),
    (METS2, "mets"): ("METS", "structural"),
    (MODS, "mods"): ("MODS", "descriptive"),
    (MODS, "modsCollection"): ("MODS", "descriptive"),
    (PREMIS, "premis"): ("PREMIS", "preservation"),
    (PREMIS2, "premis"): ("PREMIS", "preservation"),
    (OAI_DC, "dc"): ("DublinCore", "descriptive"),
    (DC, "dc"): ("DublinCore", "descriptive"),
    (DCTERMS, "dc"): ("DublinCore", "descriptive"),
}
"""Schema and role of metadata records, by root element."""


class NotXml(ValueError):
    """The bytes are not XML that is accepted; the message says why."""


class _RootFound(Exception):
    """Stops the parser at the root element."""


@dataclass(frozen=True)
class Root:
    """The root element of a document."""

    namespace: str
    name: str
    version: str | None = None

    @property
    def schema(self) -> str | None:
        """METS, MODS, PREMIS or DublinCore; None if it is not a metadata record."""
        return RECORD_ROOTS.get((self.namespace, self.name), (None, None))[0]

    @property
    def role(self) -> str | None:
        """The role of the record; None if it is not a metadata record."""
        return RECORD_ROOTS.get((self.namespace, self.name), (None, None))[1]

    @property
    def description(self) -> str:
        """The kind of document, in words."""
        if self.schema:
            return f"a {self.schema} record"
        if self.namespace.startswith(ALTO) or self.name == "alto":
            return "ALTO text"
        if self.namespace.startswith(PAGE) or self.name == "PcGts":
            return "PAGE text"
        return f"XML with the root element {self.name}"


def root_of(head: bytes) -> Root:
    """The root element of a document that begins with these bytes. Raises NotXml."""
    found: list[Root] = []
    parser = _parser(found)
    try:
        parser.Parse(head, False)
    except _RootFound:
        return found[0]
    except (expat.ExpatError, ValueError, LookupError) as wrong:
        raise NotXml(str(wrong)) from wrong
    raise NotXml("the first 64 KiB contain no element")


def contains_words(alto: bytes) -> bool:
    """Whether an ALTO document contains a word. Raises NotXml, also for other XML."""
    root = root_of(alto)
    if root.name != "alto":
        raise NotXml(root.description)
    parser = _parser([])
    words: list[str] = []

    def start(tag: str, attributes: dict[str, str]) -> None:
        if tag.rpartition("\x1f")[2] == "String" and attributes.get("CONTENT", "").strip():
            words.append(tag)
            parser.StartElementHandler = None

    parser.StartElementHandler = start
    try:
        parser.Parse(alto, True)
    except (expat.ExpatError, ValueError, LookupError) as wrong:
        raise NotXml(str(wrong)) from wrong
    return bool(words)


def _parser(found: list[Root]) -> expat.XMLParserType:
    parser = expat.ParserCreate(namespace_separator="\x1f")

    def start(tag: str, attributes: dict[str, str]) -> None:
        if not found:
            namespace, _, name = tag.rpartition("\x1f")
            found.append(Root(namespace, name, attributes.get("version")))
            raise _RootFound

    def doctype(*_: object) -> NoReturn:
        raise NotXml("it has a DOCTYPE")

    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = doctype
    return parser

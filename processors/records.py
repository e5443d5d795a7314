"""Identifies metadata records by their root element, without building a tree."""

import codecs
import re
from dataclasses import dataclass, replace
from xml.parsers import expat

SEPARATOR = "\x1f"
DECLARATION = re.compile(
    rb"""(\s*<\?xml[^>]*?encoding\s*=\s*["'])([A-Za-z0-9._-]+)(["'][^>]*\?>)"""
)
BY_EXPAT = (b"utf-8", b"utf-16", b"iso-8859-1", b"us-ascii")
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
MARC = "http://www.loc.gov/MARC21/slim"
EAD = "urn:isbn:1-931666-22-9"
EAD3 = "http://ead3.archivists.org/schema/"
TEI = "http://www.tei-c.org/ns/1.0"
LIDO = "http://www.lido-schema.org"
OAI = "http://www.openarchives.org/OAI/2.0/"
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
    ("", "mods"): ("MODS", "descriptive"),
    ("", "modsCollection"): ("MODS", "descriptive"),
    (MARC, "collection"): ("MARCXML", "descriptive"),
    (MARC, "record"): ("MARCXML", "descriptive"),
    (EAD, "ead"): ("EAD", "descriptive"),
    (EAD3, "ead"): ("EAD", "descriptive"),
    ("", "ead"): ("EAD", "descriptive"),
    (TEI, "TEI"): ("TEI", "descriptive"),
    (TEI, "teiCorpus"): ("TEI", "descriptive"),
    (TEI, "teiHeader"): ("TEI", "descriptive"),
    ("", "TEI"): ("TEI", "descriptive"),
    ("", "TEI.2"): ("TEI", "descriptive"),
    (LIDO, "lido"): ("LIDO", "descriptive"),
    (LIDO, "lidoWrap"): ("LIDO", "descriptive"),
    (OAI, "OAI-PMH"): ("OAI-PMH", "descriptive"),
    (OAI, "GetRecord"): ("OAI-PMH", "descriptive"),
    (OAI, "record"): ("OAI-PMH", "descriptive"),
}
"""Schema and role of metadata records, by root element."""
CHECKED = ("METS", "PREMIS", "DublinCore", "MODS")
"""Schemas that are checked; records of the others are only stored."""
STORED = ("MARCXML", "EAD", "TEI", "LIDO", "OAI-PMH", "XML", "CSV", "BagInfo")
"""XML is a record in a wrapper of another kind, CSV a table, BagInfo the bag-info.txt of a bag."""
NOT_WRAPPERS = ("alto", "PcGts", "html", "svg")
"""Names of root elements of documents that are not records, whatever they contain."""


class NotXml(ValueError):
    """The bytes are not XML that is accepted; the message says why."""


class _Found(Exception):
    """Stops the parser as soon as the kind of the document is known."""


@dataclass(frozen=True)
class Root:
    """The root element of a document."""

    namespace: str
    name: str
    version: str | None = None
    wraps: str | None = None
    """Schema of the first record inside, if the root element is unknown."""

    @property
    def schema(self) -> str | None:
        """One of CHECKED or STORED; None if it is not a metadata record."""
        found = RECORD_ROOTS.get((self.namespace, self.name), (None, None))[0]
        return found or ("XML" if self.wraps else None)

    @property
    def role(self) -> str | None:
        """The role of the record; None if it is not a metadata record."""
        found = RECORD_ROOTS.get((self.namespace, self.name), (None, None))[1]
        return found or ("descriptive" if self.wraps else None)

    @property
    def description(self) -> str:
        """The kind of document, in words."""
        if self.wraps:
            return f"XML with the root element {self.name} around a {self.wraps} record"
        if self.schema:
            return f"{'an' if self.schema[0] in 'EO' else 'a'} {self.schema} record"
        if self.namespace.startswith(ALTO) or self.name == "alto":
            return "ALTO text"
        if self.namespace.startswith(PAGE) or self.name == "PcGts":
            return "PAGE text"
        return f"XML with the root element {self.name}"


def root_of(head: bytes) -> Root:
    """The root element of a document that begins with these bytes. Raises NotXml."""
    reader = _Reader()
    try:
        reader.parser.Parse(as_utf8(head), False)
    except _Found:
        pass
    except (expat.ExpatError, ValueError, LookupError) as wrong:
        if reader.root is None:
            raise NotXml(str(wrong)) from wrong
    if reader.root is None:
        raise NotXml("the first 64 KiB contain no element")
    if reader.has_doctype and reader.root.schema not in STORED:
        raise NotXml("it has a DOCTYPE")
    return reader.root


def contains_words(alto: bytes) -> bool:
    """Whether an ALTO document contains a word. Raises NotXml, also for other XML."""
    root = root_of(alto)
    if root.name != "alto":
        raise NotXml(root.description)
    parser = expat.ParserCreate(namespace_separator=SEPARATOR)
    words: list[str] = []

    def start(tag: str, attributes: dict[str, str]) -> None:
        if tag.rpartition(SEPARATOR)[2] == "String" and attributes.get("CONTENT", "").strip():
            words.append(tag)
            parser.StartElementHandler = None

    parser.StartElementHandler = start
    try:
        parser.Parse(as_utf8(alto), True)
    except (expat.ExpatError, ValueError, LookupError) as wrong:
        raise NotXml(str(wrong)) from wrong
    return bool(words)


def as_utf8(content: bytes) -> bytes:
    """XML in an encoding that expat cannot read, such as GB18030 or Shift_JIS, as UTF-8."""
    declaration = DECLARATION.match(content)
    if declaration is None or declaration[2].lower() in BY_EXPAT:
        return content
    try:
        decoder = codecs.getincrementaldecoder(declaration[2].decode("ascii"))()
        # The end of a head may cut a character.
        text = decoder.decode(content[declaration.end() :], False)
    except (LookupError, UnicodeError):
        return content
    return declaration[1] + b"UTF-8" + declaration[3] + text.encode("utf-8", "replace")


class _Reader:
    """Reads until the root element is known, and what an unknown one wraps."""

    def __init__(self) -> None:
        self.root: Root | None = None
        self.has_doctype = False
        self.parser = expat.ParserCreate(namespace_separator=SEPARATOR)
        self.parser.StartElementHandler = self._start
        self.parser.StartDoctypeDeclHandler = self._doctype

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        namespace, _, name = tag.rpartition(SEPARATOR)
        if self.root is None:
            self.root = Root(namespace, name, attributes.get("version"))
            is_wrapper = self.root.schema is None and name not in NOT_WRAPPERS
            if self.has_doctype or not is_wrapper:
                raise _Found
        elif wrapped := _wrapped(namespace, name):
            self.root = replace(self.root, wraps=wrapped)
            raise _Found

    def _doctype(self, *_: object) -> None:
        self.has_doctype = True


def _wrapped(namespace: str, name: str) -> str | None:
    """The schema of a record that begins with an element inside a wrapper."""
    if name == "datafield":
        return "MARCXML"
    if namespace in (DC, DCTERMS):
        return "DublinCore"
    return RECORD_ROOTS.get((namespace, name), (None, None))[0] if namespace else None

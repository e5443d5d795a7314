"""Reads what a descriptive record states: title, languages, script and identifiers."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from lxml import etree

from processors.ocr import languages
from processors.xml.parser import XmlRefused, parse
from processors.xml.submitted_mets import described_division, descriptions
from processors.xml.writing import METS

METS_ROOT = f"{{{METS}}}mets"
DC_NAMESPACES = ("http://purl.org/dc/elements/1.1/", "http://purl.org/dc/terms/")
NON_SORTING = re.compile("[\u0088\u0089\u0098\u009c]")
"""Characters around an article that catalogues ignore when they sort (ISO 6630)."""
MARC_LANGUAGE = slice(35, 38)
"""Position of the language in field 008 (MARC 21)."""
MARC_IDENTIFIERS = {"020": "isbn", "022": "issn", "024": "identifier", "035": "system number"}


@dataclass(frozen=True)
class RecordFields:
    """The statements of a record that an item can take over."""

    title: str | None = None
    languages: tuple[str, ...] = ()
    """ISO 639-2 codes as stated, or the codes of what was stated in another form."""
    script: str | None = None
    identifiers: tuple[tuple[str, str], ...] = ()
    """Type and value of each."""
    unknown_languages: tuple[str, ...] = ()
    """Stated languages that are not a code."""
    several: bool = False
    """The document contains several records, so that none was read."""

    def completed(self, other: "RecordFields") -> "RecordFields":
        """These statements, with those of another record for what they lack."""
        return RecordFields(
            self.title or other.title,
            self.languages or other.languages,
            self.script or other.script,
            self.identifiers or other.identifiers,
            self.unknown_languages or (() if self.languages else other.unknown_languages),
            self.several or other.several,
        )


def fields_of(content: bytes) -> RecordFields:
    """What a record states; nothing if it is not XML that is accepted."""
    try:
        return read_fields(parse(content))
    except XmlRefused:
        return RecordFields()


def read_fields(root: etree._Element) -> RecordFields:
    """What a record states, also if it is wrapped in METS or in the answer of a server."""
    if root.tag == METS_ROOT:
        return _of_mets(root)
    found = list(_records_in(root))
    if len(found) > 1:
        return RecordFields(several=True)
    return _of_record(found[0]) if found else RecordFields()


def stated(
    title: str | None,
    stated_languages: Iterable[str],
    identifiers: Iterable[tuple[str, str]] = (),
    script: str | None = None,
) -> RecordFields:
    """Statements as fields: languages as codes, without duplicates and empty texts."""
    known: list[str] = []
    unknown: list[str] = []
    for text in dict.fromkeys(_plain(one) for one in stated_languages):
        code = languages.from_record(text)
        if code and code != languages.UNDETERMINED:
            known.append(code)
            script = script or languages.script_in(text)
        elif text and code is None:
            unknown.append(text)
    pairs = ((_plain(kind) or "identifier", _plain(value)) for kind, value in identifiers)
    return RecordFields(
        title=_plain(title or "") or None,
        languages=tuple(dict.fromkeys(known)),
        script=script if script and languages.known_script(script) else None,
        identifiers=tuple(dict.fromkeys((kind, value) for kind, value in pairs if value)),
        unknown_languages=tuple(unknown),
    )


def _of_mets(root: etree._Element) -> RecordFields:
    fields = RecordFields()
    for data in descriptions(root):
        for record in _records_in(data):
            fields = fields.completed(_of_record(record))
    division = described_division(root)
    # A volume without a title of its own has that of the work which contains it.
    labelled = [root] if division is None else [division, *division.iterancestors()]
    labels = (_plain(one.get("LABEL") or "") for one in labelled)
    label = next((text for text in labels if text), None)
    own = _plain(root.get("OBJID") or "")
    return fields.completed(RecordFields(label, identifiers=(("OBJID", own),) if own else ()))


def _of_record(record: etree._Element) -> RecordFields:
    reader = _reader_of(record)
    return reader(record) if reader else RecordFields()


def _records_in(above: etree._Element) -> Iterator[etree._Element]:
    """The outermost records in an element, which may be one itself."""
    remaining = [above]
    while remaining:
        element = remaining.pop(0)
        if _reader_of(element):
            yield element
        else:
            remaining = [*element.iterchildren(tag=etree.Element), *remaining]


def _reader_of(element: etree._Element) -> Callable[[etree._Element], RecordFields] | None:
    """How an element is read; by local name, because records without namespace occur."""
    if element.tag == METS_ROOT:
        return _of_mets
    name = etree.QName(element).localname
    if name in READERS:
        return READERS[name]
    if name == "record" and element.find("{*}datafield") is not None:
        return _of_marc
    children = element.iterchildren(tag=etree.Element)
    if any(etree.QName(child).namespace in DC_NAMESPACES for child in children):
        return _of_dublin_core
    return None


def _of_mods(record: etree._Element) -> RecordFields:
    about = [one for one in record.findall("{*}language") if not one.get("objectPart")]
    terms = [term for one in about for term in one.findall("{*}languageTerm")]
    codes = [term for term in terms if term.get("type") == "code"] or terms
    scripts = [term for one in about for term in one.findall("{*}scriptTerm")]
    identifiers = [
        (one.get("type") or "identifier", _text(one))
        for one in record.findall("{*}identifier")
        if one.get("invalid") != "yes"
    ]
    identifiers += [
        (one.get("source") or "recordIdentifier", _text(one))
        for one in record.findall("{*}recordInfo/{*}recordIdentifier")
    ]
    script = next(filter(languages.known_script, map(_text, scripts)), None)
    return stated(_mods_title(record), map(_text, codes), identifiers, script)


def _mods_title(record: etree._Element) -> str | None:
    """The main title: not an abbreviated, translated, alternative or uniform one."""
    infos = [one for one in record.findall("{*}titleInfo") if not one.get("type")]
    infos.sort(key=lambda one: one.get("usage") != "primary")
    for info in infos:
        parts = {
            name: _text(info.find(f"{{*}}{name}")) for name in ("nonSort", "title", "subTitle")
        }
        if not parts["title"]:
            continue
        gap = "" if parts["nonSort"].endswith(("'", "\u2019", "-")) or not parts["nonSort"] else " "
        title = f"{parts['nonSort']}{gap}{parts['title']}"
        title += f" : {parts['subTitle']}" if parts["subTitle"] else ""
        of_part = (_text(info.find(f"{{*}}{name}")) for name in ("partNumber", "partName"))
        part = ", ".join(text for text in of_part if text)
        return f"{title}. {part}" if part else title
    return None


def _of_dublin_core(record: etree._Element) -> RecordFields:
    def texts(name: str) -> list[str]:
        # Deeper elements occur in RDF, which groups the values of a property.
        return [_text(one) for one in record.findall(f"{{*}}{name}") if _text(one)]

    identifiers = [("identifier", value) for value in texts("identifier")]
    return stated(next(iter(texts("title")), None), texts("language"), identifiers)


def _of_marc(record: etree._Element) -> RecordFields:
    def values(tag: str, codes: str) -> list[str]:
        path = f"{{*}}datafield[@tag='{tag}']/{{*}}subfield"
        return [_text(one) for one in record.findall(path) if (one.get("code") or "?") in codes]

    fixed = {one.get("tag"): one.text or "" for one in record.findall("{*}controlfield")}
    title = NON_SORTING.sub("", " ".join(values("245", "anpb"))).rstrip(" /:;,=")
    # Older records write several codes without a separator: engfre.
    listed = [code for one in values("041", "a") for code in re.findall("[A-Za-z]{3}", one)]
    of_008 = fixed.get("008", "")[MARC_LANGUAGE].strip(" |")
    identifiers = [("control number", fixed.get("001", ""))]
    for tag, kind in MARC_IDENTIFIERS.items():
        identifiers += [(kind, value) for value in values(tag, "a")]
    return stated(title, listed or [of_008], identifiers)


def _of_ead(record: etree._Element) -> RecordFields:
    did = record.find("{*}archdesc/{*}did")
    if did is None:
        return RecordFields()
    tongues = [one for at in did.findall("{*}langmaterial") for one in at.iter("{*}language")]
    scripts = (one.get("scriptcode") or "" for one in tongues)
    return stated(
        _text(did.find("{*}unittitle")),
        (one.get("langcode") or "" for one in tongues),
        (("unitid", _text(one)) for one in did.findall("{*}unitid")),
        next(filter(languages.known_script, scripts), None),
    )


def _of_tei(record: etree._Element) -> RecordFields:
    header = record if etree.QName(record).localname == "teiHeader" else record.find("{*}teiHeader")
    if header is None:
        return RecordFields()
    titles = header.findall("{*}fileDesc/{*}titleStmt/{*}title")
    main = [one for one in titles if one.get("type") in (None, "main")] or titles
    tongues = [one.get("mainLang") or "" for one in header.iter("{*}textLang")]
    tongues = tongues or [
        one.get("ident") or "" for one in header.findall("{*}profileDesc/{*}langUsage/{*}language")
    ]
    numbers = [
        *header.findall("{*}fileDesc/{*}publicationStmt/{*}idno"),
        *header.findall("{*}fileDesc/{*}sourceDesc//{*}msIdentifier/{*}idno"),
    ]
    identifiers = ((one.get("type") or "idno", _text(one)) for one in numbers)
    return stated(_text(main[0]) if main else None, tongues, identifiers)


READERS: dict[str, Callable[[etree._Element], RecordFields]] = {
    "mods": _of_mods,
    "dc": _of_dublin_core,
    "ead": _of_ead,
    "TEI": _of_tei,
    "TEI.2": _of_tei,
    "teiHeader": _of_tei,
}
"""Reader by local name of the record."""


def _text(element: etree._Element | None) -> str:
    return "" if element is None else _plain("".join(map(str, element.itertext())))


def _plain(text: str) -> str:
    return " ".join(text.split())

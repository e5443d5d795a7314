"""Reads what a descriptive record states: title, languages, script and identifiers."""

import re
from collections.abc import Callable, Iterator

from lxml import etree

from processors.ocr import languages
from processors.record_statements import RecordFields, plain, stated, text_of
from processors.xml.parser import XmlRefused, parse
from processors.xml.submitted_mets import described_division, descriptions
from processors.xml.writing import METS

METS_ROOT = f"{{{METS}}}mets"
DC_NAMESPACES = ("http://purl.org/dc/elements/1.1/", "http://purl.org/dc/terms/")
NON_SORTING = re.compile("[\u0088\u0089\u0098\u009c]")
"""Characters around an article that catalogues ignore when they sort (ISO 6630)."""
MARC_LANGUAGE = slice(35, 38)
"""Position of the language in field 008 (MARC 21)."""
GOOBI_IDENTIFIERS = ("CatalogIDDigital", "CatalogIDSource", "shelfmarksource")
LIDO_PREFERENCE = "{http://www.lido-schema.org}pref"
MARC_IDENTIFIERS = {"020": "isbn", "022": "issn", "024": "identifier", "035": "system number"}


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


def _of_mets(root: etree._Element) -> RecordFields:
    fields = RecordFields()
    for data in descriptions(root):
        for record in _records_in(data):
            fields = fields.completed(_of_record(record))
    division = described_division(root)
    # A volume without a title of its own has that of the work which contains it.
    labelled = [root] if division is None else [division, *division.iterancestors()]
    labels = (plain(one.get("LABEL") or "") for one in labelled)
    label = next((text for text in labels if text), None)
    own = plain(root.get("OBJID") or "")
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
        (one.get("type") or "identifier", text_of(one))
        for one in record.findall("{*}identifier")
        if one.get("invalid") != "yes"
    ]
    identifiers += [
        (one.get("source") or "recordIdentifier", text_of(one))
        for one in record.findall("{*}recordInfo/{*}recordIdentifier")
    ]
    script = next(filter(languages.known_script, map(text_of, scripts)), None)
    fields = stated(_mods_title(record), map(text_of, codes), identifiers, script)
    # Goobi and Kitodo keep their own fields in an extension of an otherwise empty MODS.
    inner = record.find("{*}extension/{*}goobi")
    inner = record.find("{*}extension/{*}kitodo") if inner is None else inner
    return fields if inner is None else fields.completed(_of_goobi(inner))


def _of_goobi(record: etree._Element) -> RecordFields:
    """The metadata of a division in the internal METS of Goobi and Kitodo."""
    found: dict[str, list[str]] = {}
    for one in record.findall("{*}metadata"):
        found.setdefault(one.get("name") or "", []).append(text_of(one))
    identifiers = [(name, value) for name in GOOBI_IDENTIFIERS for value in found.get(name, ())]
    title = next(iter(found.get("TitleDocMain", ())), None)
    return stated(title, found.get("DocLanguage", ()), identifiers)


def _of_lido(record: etree._Element) -> RecordFields:
    """LIDO 1.0 and 1.1; languages in it are those of the record, not of the object."""
    about = "{*}descriptiveMetadata/{*}objectIdentificationWrap"
    titles = record.findall(f"{about}/{{*}}titleWrap/{{*}}titleSet/{{*}}appellationValue")
    preferred = [one for one in titles if (one.get(LIDO_PREFERENCE) or "") == "preferred"]
    numbers = [("lidoRecID", text_of(one)) for one in record.findall("{*}lidoRecID")]
    places = f"{about}/{{*}}repositoryWrap/{{*}}repositorySet/{{*}}workID"
    numbers += [("workID", text_of(one)) for one in record.findall(places)]
    return stated(text_of(next(iter(preferred or titles), None)), (), numbers)


def _mods_title(record: etree._Element) -> str | None:
    """The main title: not an abbreviated, translated, alternative or uniform one."""
    infos = [one for one in record.findall("{*}titleInfo") if not one.get("type")]
    infos.sort(key=lambda one: one.get("usage") != "primary")
    for info in infos:
        parts = {
            name: text_of(info.find(f"{{*}}{name}")) for name in ("nonSort", "title", "subTitle")
        }
        if not parts["title"]:
            continue
        gap = "" if parts["nonSort"].endswith(("'", "\u2019", "-")) or not parts["nonSort"] else " "
        title = f"{parts['nonSort']}{gap}{parts['title']}"
        title += f" : {parts['subTitle']}" if parts["subTitle"] else ""
        of_part = (text_of(info.find(f"{{*}}{name}")) for name in ("partNumber", "partName"))
        part = ", ".join(text for text in of_part if text)
        return f"{title}. {part}" if part else title
    return None


def _of_dublin_core(record: etree._Element) -> RecordFields:
    def texts(name: str) -> list[str]:
        # Deeper elements occur in RDF, which groups the values of a property.
        return [text_of(one) for one in record.findall(f"{{*}}{name}") if text_of(one)]

    identifiers = [("identifier", value) for value in texts("identifier")]
    return stated(next(iter(texts("title")), None), texts("language"), identifiers)


def _of_marc(record: etree._Element) -> RecordFields:
    def values(tag: str, codes: str) -> list[str]:
        path = f"{{*}}datafield[@tag='{tag}']/{{*}}subfield"
        return [text_of(one) for one in record.findall(path) if (one.get("code") or "?") in codes]

    if (record.get("format") or "").casefold() == "unimarc":
        numbers = [("control number", text_of(record.find("{*}controlfield[@tag='001']")))]
        return stated(" : ".join(values("200", "ae")), values("101", "a"), numbers)
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
        text_of(did.find("{*}unittitle")),
        (one.get("langcode") or "" for one in tongues),
        (("unitid", text_of(one)) for one in did.findall("{*}unitid")),
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
    identifiers = ((one.get("type") or "idno", text_of(one)) for one in numbers)
    return stated(text_of(main[0]) if main else None, tongues, identifiers)


READERS: dict[str, Callable[[etree._Element], RecordFields]] = {
    "mods": _of_mods,
    "dc": _of_dublin_core,
    "ead": _of_ead,
    "TEI": _of_tei,
    "TEI.2": _of_tei,
    "teiHeader": _of_tei,
    "lido": _of_lido,
    "goobi": _of_goobi,
    "kitodo": _of_goobi,
}
"""Reader by local name of the record."""

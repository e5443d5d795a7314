"""Writes minimal MODS 3.8 and simple Dublin Core from the submitted fields of an item."""

from typing import Any

from lxml import etree

from processors.institution import address_of
from processors.ocr import languages
from processors.package.item_record import ItemRecord
from processors.xml.writing import DC, MODS, OAI_DC, XLINK, Maker, serialised
from schemas.models import Rights

_mods = Maker(MODS, {"mods": MODS, "xlink": XLINK})
_dc = Maker(DC, {"oai_dc": OAI_DC, "dc": DC})
_oai = Maker(OAI_DC, {"oai_dc": OAI_DC, "dc": DC})


def rights_lines(rights: Rights) -> list[str]:
    """Rights as lines of text, the URI first; empty if none are stated."""
    lines = (
        rights.uri,
        rights.access and f"access: {rights.access}",
        rights.embargo_until and f"embargo until: {rights.embargo_until}",
        rights.holder and f"rights holder: {rights.holder}",
        rights.note,
    )
    return [line for line in lines if line]


def mods(record: ItemRecord) -> bytes:
    """A MODS record (https://www.loc.gov/standards/mods/) of the submitted fields."""
    item = record.description
    children: list[etree._Element] = []
    if item.get("title"):
        children.append(_mods("titleInfo", _mods("title", item["title"])))
    children += _mods_languages(item)
    if item.get("part_of"):
        children.append(_larger_work(item["part_of"]))
    children += _identifiers(record)
    children += _location(record)
    children += _access(record.rights)
    source = {"source": record.institution.identifier or "copystand"}
    children.append(
        _mods("recordInfo", _mods("recordIdentifier", record.item_id, attributes=source))
    )
    return serialised(_mods("mods", *children, attributes={"version": "3.8"}))


def _identifiers(record: ItemRecord) -> list[etree._Element]:
    """The identifiers as submitted, that of the line, and the address of the item."""
    found = [
        _mods("identifier", one["value"], attributes={"type": one["type"]})
        for one in record.description.get("identifiers") or ()
    ]
    found.append(_mods("identifier", record.item_id, attributes={"type": "copystand"}))
    presentation = address_of(record.institution.presentation, record.item_id)
    if presentation:
        found.append(_mods("identifier", presentation, attributes={"type": "purl"}))
    return found


def _location(record: ItemRecord) -> list[etree._Element]:
    """The institution that has the item, and where it is shown."""
    institution = record.institution
    presentation = address_of(institution.presentation, record.item_id)
    shown = {"access": "object in context", "usage": "primary display"}
    parts = [
        _mods("physicalLocation", institution.name) if institution.name else None,
        _mods("url", presentation, attributes=shown) if presentation else None,
    ]
    return [_mods("location", *parts)] if any(one is not None for one in parts) else []


def _access(rights: Rights) -> list[etree._Element]:
    """Use and restrictions are conditions of different types."""
    use, restriction = {"type": "use and reproduction"}, {"type": "restriction on access"}
    found = []
    if rights.uri:
        link = {f"{{{XLINK}}}href": rights.uri}
        found.append(_mods("accessCondition", rights.uri, attributes=use | link))
    if rights.holder:
        holder = f"rights holder: {rights.holder}"
        found.append(_mods("accessCondition", holder, attributes=use))
    if rights.note:
        found.append(_mods("accessCondition", rights.note, attributes=use))
    if rights.access:
        found.append(_mods("accessCondition", rights.access, attributes=restriction))
    if rights.embargo_until:
        until = f"embargo until: {rights.embargo_until}"
        found.append(_mods("accessCondition", until, attributes=restriction))
    return found


def host_address(item: dict[str, Any]) -> str | None:
    """The address of the work of which the item is a part, if it is stated as one."""
    part_of = str(item.get("part_of") or "")
    return part_of if part_of.startswith(("http://", "https://")) else None


def _larger_work(part_of: str) -> etree._Element:
    """The work that contains the item. Portals load a host by its address, so a work without one is
    a series."""
    kind, source = {"type": "uri"}, {"source": "uri"}
    if host_address({"part_of": part_of}):
        record = _mods("recordInfo", _mods("recordIdentifier", part_of, attributes=source))
        identifier = _mods("identifier", part_of, attributes=kind)
        return _mods("relatedItem", identifier, record, attributes={"type": "host"})
    if part_of.startswith("urn:"):
        inner = _mods("identifier", part_of, attributes=kind)
    else:
        inner = _mods("titleInfo", _mods("title", part_of))
    return _mods("relatedItem", inner, attributes={"type": "series"})


def _mods_languages(item: dict[str, Any]) -> list[etree._Element]:
    code = {"type": "code", "authority": "iso639-2b"}
    script = {"type": "code", "authority": "iso15924"}
    return [
        _mods(
            "language",
            _mods("languageTerm", languages.bibliographic(language), attributes=code),
            _mods("scriptTerm", item["script"], attributes=script) if item.get("script") else None,
        )
        for language in stated_languages(item)
    ]


def stated_languages(item: dict[str, Any]) -> list[str]:
    """The languages of an item; `und` if none is stated, because a default is not a fact."""
    return item.get("languages") or [languages.UNDETERMINED]


def dublin_core(item_id: str, item: dict[str, Any], rights: Rights) -> bytes:
    """A simple Dublin Core record in its OAI wrapper."""
    return serialised(dublin_core_element(item_id, item, rights))


def dublin_core_element(item_id: str, item: dict[str, Any], rights: Rights) -> etree._Element:
    """A simple Dublin Core record as an element."""
    fields: list[tuple[str, str]] = []
    if item.get("title"):
        fields.append(("title", item["title"]))
    fields += [("identifier", identifier["value"]) for identifier in item.get("identifiers") or ()]
    fields.append(("identifier", item_id))
    fields += [("language", language) for language in stated_languages(item)]
    if item.get("part_of"):
        fields.append(("relation", str(item["part_of"])))
    fields += [("rights", line) for line in rights_lines(rights)]
    return _oai("dc", *(_dc(name, value) for name, value in fields))


def rights_element(rights: Rights) -> etree._Element | None:
    """Rights as Dublin Core, for METS; None if none are stated."""
    lines = rights_lines(rights)
    return _oai("dc", *(_dc("rights", line) for line in lines)) if lines else None

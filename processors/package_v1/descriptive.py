"""Writes minimal MODS 3.8 and simple Dublin Core from the submitted fields of an item."""

from typing import Any

from lxml import etree

from processors.ocr import languages
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


def mods(item_id: str, item: dict[str, Any], rights: Rights) -> bytes:
    """A MODS record (https://www.loc.gov/standards/mods/) of the submitted fields."""
    children: list[etree._Element] = []
    if item.get("title"):
        children.append(_mods("titleInfo", _mods("title", item["title"])))
    children += _mods_languages(item)
    if item.get("part_of"):
        children.append(_mods("relatedItem", _host(item["part_of"]), attributes={"type": "host"}))
    for identifier in item.get("identifiers") or ():
        kind = {"type": identifier["type"]}
        children.append(_mods("identifier", identifier["value"], attributes=kind))
    children.append(_mods("identifier", item_id, attributes={"type": "copystand"}))
    for line in rights_lines(rights):
        use = {"type": "use and reproduction"}
        if line == rights.uri:
            use[f"{{{XLINK}}}href"] = line
        children.append(_mods("accessCondition", line, attributes=use))
    return serialised(_mods("mods", *children, attributes={"version": "3.8"}))


def _host(part_of: str) -> etree._Element:
    """The work that contains the item: its URI, else its title."""
    if part_of.startswith(("http://", "https://", "urn:")):
        return _mods("identifier", part_of, attributes={"type": "uri"})
    return _mods("titleInfo", _mods("title", part_of))


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

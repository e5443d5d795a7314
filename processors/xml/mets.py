"""METS 1.12 of a package: files by group, pages in order, metadata by reference."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from lxml import etree

from processors.package.layout import GROUPS, Payload
from processors.xml.descriptive import rights_element, rights_lines
from processors.xml.writing import DC, METS, OAI_DC, XLINK, Maker, serialised
from schemas.ids import page_id
from schemas.models import Rights

_mets = Maker(METS, {"mets": METS, "xlink": XLINK, "oai_dc": OAI_DC, "dc": DC})
HREF, LINK_TYPE, LINK_TITLE = f"{{{XLINK}}}href", f"{{{XLINK}}}type", f"{{{XLINK}}}title"
KNOWN_TYPES = {"MODS": "MODS", "DublinCore": "DC", "DC": "DC", "PREMIS": "PREMIS", "EAD": "EAD"}
"""MDTYPE of each schema name; any other is OTHER and named."""
ADMINISTRATIVE = {"rights": "rightsMD", "preservation": "digiprovMD"}
"""Section of the records that are not about content or structure."""


@dataclass(frozen=True)
class Metadata:
    """A metadata file of the package, its schema and what it is about."""

    payload: Payload
    schema: str
    role: str = "descriptive"


def mets(
    item_id: str,
    item: dict[str, Any],
    rights: Rights,
    pages: Sequence[dict[str, Any]],
    payloads: Sequence[Payload],
    metadata: Sequence[Metadata],
) -> bytes:
    """The METS document (https://www.loc.gov/standards/mets/) of a package.

    It holds nothing of the run: no CREATEDATE, and premis.xml without digest or size."""
    described = [one for one in metadata if one.role not in ADMINISTRATIVE]
    structure = _item_div(item_id, item, pages, payloads)
    structure.set("DMDID", " ".join(_section_id(one) for one in described))
    structure.set("ADMID", "RIGHTS PREMIS" if rights_lines(rights) else "PREMIS")
    root = _mets(
        "mets",
        _mets("metsHdr", _creator()),
        *(_section("dmdSec", one) for one in described),
        _administrative(rights, metadata),
        _file_section(payloads),
        _mets("structMap", structure, attributes={"TYPE": "PHYSICAL"}),
        attributes={"OBJID": item_id, "LABEL": item.get("title"), "TYPE": "digitized item"},
    )
    return serialised(root)


def _creator() -> etree._Element:
    software = {"ROLE": "CREATOR", "TYPE": "OTHER", "OTHERTYPE": "SOFTWARE"}
    return _mets("agent", _mets("name", "copystand"), attributes=software)


def _reference(schema: str, href: str, extra: dict[str, str | None]) -> etree._Element:
    kind = KNOWN_TYPES.get(schema, "OTHER")
    attributes: dict[str, str | None] = {
        "LOCTYPE": "URL",
        LINK_TYPE: "simple",
        HREF: href,
        "MDTYPE": kind,
        "OTHERMDTYPE": schema if kind == "OTHER" else None,
    }
    return _mets("mdRef", attributes=attributes | extra)


def _section_id(one: Metadata) -> str:
    return f"SEC_{one.payload.xml_id}"


def _section(name: str, one: Metadata) -> etree._Element:
    checked: dict[str, str | None] = {
        "MIMETYPE": one.payload.media_type,
        "SIZE": str(one.payload.size_bytes),
        "CHECKSUM": one.payload.sha256,
        "CHECKSUMTYPE": "SHA-256",
        "LABEL": one.payload.original_name,
    }
    reference = _reference(one.schema, one.payload.href, checked)
    return _mets(name, reference, attributes={"ID": _section_id(one)})


def _administrative(rights: Rights, metadata: Sequence[Metadata]) -> etree._Element:
    sections: dict[str, list[etree._Element]] = {"rightsMD": [], "digiprovMD": []}
    wrapped = rights_element(rights)
    if wrapped is not None:
        data = _mets("mdWrap", _mets("xmlData", wrapped), attributes={"MDTYPE": "DC"})
        sections["rightsMD"].append(_mets("rightsMD", data, attributes={"ID": "RIGHTS"}))
    history = _reference("PREMIS", "premis.xml", {"MIMETYPE": "application/xml"})
    sections["digiprovMD"].append(_mets("digiprovMD", history, attributes={"ID": "PREMIS"}))
    for one in metadata:
        if one.role in ADMINISTRATIVE:
            name = ADMINISTRATIVE[one.role]
            sections[name].append(_section(name, one))
    return _mets("amdSec", *sections["rightsMD"], *sections["digiprovMD"])


def _file_section(payloads: Iterable[Payload]) -> etree._Element | None:
    groups: dict[str, list[etree._Element]] = {}
    for payload in payloads:
        groups.setdefault(payload.group, []).append(_file(payload))
    if not groups:
        return None
    return _mets(
        "fileSec",
        *(
            _mets("fileGrp", *groups[name], attributes={"USE": name})
            for name in GROUPS
            if name in groups
        ),
    )


def _file(payload: Payload) -> etree._Element:
    location = {
        "LOCTYPE": "URL",
        LINK_TYPE: "simple",
        HREF: payload.href,
        LINK_TITLE: payload.original_name,
    }
    attributes = {
        "ID": payload.xml_id,
        "MIMETYPE": payload.media_type,
        "SIZE": str(payload.size_bytes),
        "CHECKSUM": payload.sha256,
        "CHECKSUMTYPE": "SHA-256",
        "ADMID": "PREMIS",
    }
    return _mets("file", _mets("FLocat", attributes=location), attributes=attributes)


def _item_div(
    item_id: str,
    item: dict[str, Any],
    pages: Sequence[dict[str, Any]],
    payloads: Sequence[Payload],
) -> etree._Element:
    files: dict[str, list[str]] = {}
    for payload in payloads:
        files.setdefault(payload.page_id or "", []).append(payload.xml_id)
    return _mets(
        "div",
        *(_page_div(page, files.get(page_id(item_id, page["ref"]), [])) for page in pages),
        attributes={"ID": "ITEM", "TYPE": "item", "LABEL": item.get("title")},
    )


def _page_div(page: dict[str, Any], files: list[str]) -> etree._Element:
    labels = " ".join(page.get("labels") or ())
    return _mets(
        "div",
        *(_mets("fptr", attributes={"FILEID": file}) for file in files),
        attributes={
            "ID": f"PAGE_{page['ref']}",
            "TYPE": page["kind"],
            "ORDER": str(page["sequence"]),
            "ORDERLABEL": labels or None,
            "LABEL": page.get("layout") if page.get("layout") == "spread" else None,
        },
    )

"""Writes METS 1.12 of a package: metadata, files by group, and pages in order."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from processors.metadata_extraction.mix_capture import with_capture
from processors.package.contents import Contents
from processors.package.item_record import ItemRecord
from processors.package.layout import Payload, groups
from processors.package_metadata.metadata_files import MetadataFile
from processors.package_v1.descriptive import rights_element, rights_lines
from processors.package_v1.mets_structure import (
    LogicalStructure,
    logical_map,
    page_div,
    structure_links,
)
from processors.xml.parser import parse
from processors.xml.writing import DC, METS, MIX, OAI_DC, XLINK, Maker, Stream, streamed
from schemas.ids import page_id
from schemas.models import FileRef, Rights

_mets = Maker(METS, {"mets": METS, "xlink": XLINK, "oai_dc": OAI_DC, "dc": DC, "mix": MIX})
HREF, LINK_TYPE, LINK_TITLE = f"{{{XLINK}}}href", f"{{{XLINK}}}type", f"{{{XLINK}}}title"
KNOWN_TYPES = {
    **{"MODS": "MODS", "DublinCore": "DC", "DC": "DC"},
    **{"PREMIS": "PREMIS", "EAD": "EAD", "MARCXML": "MARC"},
}
"""MDTYPE by schema name; other schemas are OTHER."""
ADMINISTRATIVE = {"rights": "rightsMD", "preservation": "digiprovMD"}
"""METS section of the records by role, except descriptive and structural ones."""


@dataclass(frozen=True)
class MetsInput:
    """The input of a METS document."""

    item: ItemRecord
    contents: Contents
    metadata: Sequence[MetadataFile]
    logical: LogicalStructure | None
    """The logical structure of a submitted METS, such as chapters."""
    read: Callable[[FileRef], bytes]
    """Reads a document to wrap."""

    @property
    def described_by(self) -> str:
        """IDs of the records that describe the item."""
        return " ".join(one.section for one in self.metadata if one.role not in ADMINISTRATIVE)

    def of_pages(self, use: str) -> Iterator[tuple[str, FileRef]]:
        """Page ref and file of each wrapped document of a use, in page order."""
        for page in self.item.pages:
            name = page_id(self.item.item_id, page["ref"])
            if (name, use) in self.contents.wrapped:
                yield page["ref"], self.contents.wrapped[name, use]


def write_mets(path: Path, document: MetsInput) -> None:
    """Write the METS (https://www.loc.gov/standards/mets/) of a package to a file, page by page.

    It contains no data of the run, so that equal items give equal bytes: no CREATEDATE, and
    premis.xml without digest and size."""
    item = document.item
    attributes = {
        "OBJID": item.item_id,
        "LABEL": item.description.get("title"),
        "TYPE": "digitized item",
    }
    with streamed(path, _mets, "mets", attributes) as out:
        status = "incomplete" if document.item.missing else None
        out.write(_mets("metsHdr", _creator(), attributes={"RECORDSTATUS": status}))
        for one in document.metadata:
            if one.role not in ADMINISTRATIVE:
                out.write(_section("dmdSec", one))
        for ref, file in document.of_pages("embedded-dc"):
            out.write(_wrapping("dmdSec", f"DMD_{ref}", "DC", parse(document.read(file))))
        with out.element("amdSec"):
            for ref, file in document.of_pages("mix"):
                mix = parse(document.read(file))
                capture = document.contents.captures.get(page_id(item.item_id, ref))
                described = with_capture(mix, capture) if capture else mix
                out.write(_wrapping("techMD", f"TECH_{ref}", "NISOIMG", described))
            for element in _administrative(item.rights, document.metadata):
                out.write(element)
        _write_files(out, document)
        _write_structure(out, document)


def _creator() -> etree._Element:
    software = {"ROLE": "CREATOR", "TYPE": "OTHER", "OTHERTYPE": "SOFTWARE"}
    return _mets("agent", _mets("name", "copystand"), attributes=software)


def _wrapping(name: str, xml_id: str, kind: str, record: etree._Element) -> etree._Element:
    data = _mets("mdWrap", _mets("xmlData", record), attributes={"MDTYPE": kind})
    return _mets(name, data, attributes={"ID": xml_id})


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


def _section(name: str, one: MetadataFile) -> etree._Element:
    checked: dict[str, str | None] = {
        "MIMETYPE": one.payload.media_type,
        "SIZE": str(one.payload.size_bytes),
        "CHECKSUM": one.payload.sha256,
        "CHECKSUMTYPE": "SHA-256",
        "LABEL": one.payload.original_name,
    }
    reference = _reference(one.schema, one.payload.href, checked)
    return _mets(name, reference, attributes={"ID": one.section})


def _administrative(rights: Rights, metadata: Sequence[MetadataFile]) -> Iterator[etree._Element]:
    """Rights, then provenance, as METS requires."""
    wrapped = rights_element(rights)
    if wrapped is not None:
        yield _wrapping("rightsMD", "RIGHTS", "DC", wrapped)
    yield from (_section("rightsMD", one) for one in metadata if one.role == "rights")
    history = _reference("PREMIS", "premis.xml", {"MIMETYPE": "application/xml"})
    yield _mets("digiprovMD", history, attributes={"ID": "PREMIS"})
    yield from (_section("digiprovMD", one) for one in metadata if one.role == "preservation")


def _write_files(out: Stream, document: MetsInput) -> None:
    payloads = document.contents.payloads
    if not payloads:
        return
    measured = {ref for ref, _ in document.of_pages("mix")}
    with out.element("fileSec"):
        for group in groups():
            if not any(payload.group == group for payload in payloads):
                continue
            with out.element("fileGrp", {"USE": group}):
                for payload in payloads:
                    if payload.group == group:
                        technical = payload.use == "master" and payload.ref in measured
                        out.write(_file(payload, f"TECH_{payload.ref}" if technical else None))


def _file(payload: Payload, technical: str | None) -> etree._Element:
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
        "USE": payload.use,
        "GROUPID": f"GROUP_{payload.ref}",
        "ADMID": f"{technical} PREMIS" if technical else "PREMIS",
    }
    parts = [_mets("FLocat", attributes=location)]
    if payload.image is not None:
        # The file is named for each of its pages; the stream says which image is this page.
        stream = {"streamType": payload.media_type, "OWNERID": f"image {payload.image}"}
        named = {"ID": f"IMAGE_{payload.ref}", "ADMID": technical}
        parts.append(_mets("stream", attributes=stream | named))
    return _mets("file", *parts, attributes=attributes)


def _write_structure(out: Stream, document: MetsInput) -> None:
    """Pages in order; then the logical structure of a submitted METS with links to the pages."""
    item = document.item
    files, described = document.contents.by_page(), dict(document.of_pages("embedded-dc"))
    sequence = {
        "ID": "PHYS",
        "TYPE": "physSequence",
        "LABEL": item.description.get("title"),
        "DMDID": document.described_by,
        "ADMID": "RIGHTS PREMIS" if rights_lines(item.rights) else "PREMIS",
    }
    with out.element("structMap", {"TYPE": "PHYSICAL"}), out.element("div", sequence):
        for page in item.pages:
            own = files.get(page_id(item.item_id, page["ref"]), ())
            record = f"DMD_{page['ref']}" if page["ref"] in described else None
            out.write(page_div(_mets, page, own, record))
    if document.logical:
        out.write(logical_map(_mets, document.logical, document.described_by))
        out.write(structure_links(_mets, document.logical))

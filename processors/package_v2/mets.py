"""Writes METS 1.12 of a package as viewers and portals read it (docs/mets-profile.xml)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from processors.package.contents import Contents
from processors.package.item_record import ItemRecord
from processors.package.layout import Payload
from processors.package_metadata.metadata_files import MetadataFile
from processors.package_v2.delivered_structure import DeliveredStructure
from processors.package_v2.descriptive import rights_element
from processors.package_v2.mets_files import PageFiles, technical_sections, write_files
from processors.package_v2.mets_names import (
    AMD_HISTORY,
    AMD_ITEM,
    AMD_RECORDS,
    DMD_MODS,
    HREF,
    LINK_TYPE,
    mets,
    wrapping,
)
from processors.package_v2.mets_structure import write_structure
from processors.package_v2.portal import links_for_portals, rights_for_portals
from processors.xml.parser import parse
from processors.xml.writing import MODS, Stream, streamed
from schemas.ids import page_id
from schemas.models import FileRef

PROFILE = "https://copystand.org/profiles/mets/2"
"""The URI of docs/mets-profile.xml."""
KNOWN_TYPES = {
    **{"MODS": "MODS", "DublinCore": "DC", "DC": "DC"},
    **{"PREMIS": "PREMIS", "EAD": "EAD", "MARCXML": "MARC"},
}
"""MDTYPE by schema name; other schemas are OTHER."""


@dataclass(frozen=True)
class MetsInput:
    """The input of a METS document."""

    item: ItemRecord
    contents: Contents
    mods: bytes
    """The content of mods.xml."""
    metadata: Sequence[MetadataFile]
    """Metadata files, including mods.xml."""
    item_files: Sequence[Payload]
    """Files of the item as a whole, such as its PDF; `group` is their METS group."""
    delivered: DeliveredStructure | None
    """The logical structure of a delivered METS, such as chapters."""
    read: Callable[[FileRef], bytes]
    """Reads a document to wrap."""
    size_of: Callable[[Payload], tuple[int, int] | None]
    """Width and height of an image, if its header can be read."""

    def of_role(self, *roles: str) -> Iterator[MetadataFile]:
        """The metadata files of these roles."""
        return (one for one in self.metadata if one.role in roles)

    def page_document(self, ref: str, use: str) -> etree._Element | None:
        """A document of a page that is wrapped."""
        file = self.contents.wrapped.get((page_id(self.item.item_id, ref), use))
        return parse(self.read(file)) if file else None


def write_mets(path: Path, document: MetsInput) -> None:
    """Write the METS (https://www.loc.gov/standards/mets/) of a package to a file, page by page.

    It contains no data of the run, so that equal items give equal bytes: no CREATEDATE, and
    premis.xml without digest and size."""
    item = document.item
    attributes = {
        "OBJID": item.item_id,
        "LABEL": item.description.get("title"),
        "TYPE": "digitized item",
        "PROFILE": PROFILE,
    }
    files = PageFiles(item, document.contents)
    with streamed(path, mets, "mets", attributes) as out:
        status = "incomplete" if item.missing else None
        agents = _agents(item)
        out.write(mets("metsHdr", *agents, attributes={"RECORDSTATUS": status}))
        for section in _descriptive(document):
            out.write(section)
        for section in _administrative(document):
            out.write(section)
        _write_technical(out, document, files)
        write_files(out, files, document.item_files)
        write_structure(out, document.item, document.delivered, files, document.item_files)


def _agents(item: ItemRecord) -> list[etree._Element]:
    software = {"ROLE": "CREATOR", "TYPE": "OTHER", "OTHERTYPE": "SOFTWARE"}
    found = [mets("agent", mets("name", "copystand"), attributes=software)]
    institution = item.institution
    if institution.name:
        custodian = {"ROLE": "CUSTODIAN", "TYPE": "ORGANIZATION"}
        note = mets("note", institution.identifier) if institution.identifier else None
        found.append(mets("agent", mets("name", institution.name), note, attributes=custodian))
    return found


def _descriptive(document: MetsInput) -> Iterator[etree._Element]:
    """The MODS of the item, then the records of chapters."""
    root = parse(document.mods)
    one = f"{{{MODS}}}mods"
    record = root if root.tag == one else next(iter(root.iter(one)), root)
    yield wrapping("dmdSec", DMD_MODS, "MODS", record)
    yield from document.delivered.sections if document.delivered else ()


def _administrative(document: MetsInput) -> Iterator[etree._Element]:
    """What concerns the item: rights and addresses, delivered sections, records, history."""
    yield _of_item(document)
    yield from document.delivered.administrative if document.delivered else ()
    records = list(document.of_role("descriptive", "structural"))
    yield mets(
        "amdSec",
        *(_section("sourceMD", one) for one in records),
        attributes={"ID": AMD_RECORDS},
    )
    history = reference("PREMIS", "premis.xml", {"MIMETYPE": "text/xml"})
    yield mets(
        "amdSec",
        mets("digiprovMD", history, attributes={"ID": "PREMIS"}),
        *(_section("digiprovMD", one) for one in document.of_role("preservation")),
        attributes={"ID": AMD_HISTORY},
    )


def _of_item(document: MetsInput) -> etree._Element:
    item = document.item
    wrapped = rights_element(item.rights)
    delivered = document.delivered
    # Portals accept one statement about an item. One that was delivered is about this item.
    stated = delivered is not None and bool(delivered.described.get("ADMID"))
    rights, links = (None, None) if stated else (rights_for_portals(item), links_for_portals(item))
    parts = [
        wrapping("rightsMD", "RIGHTS_PORTAL", "DVRIGHTS", rights) if rights is not None else None,
        wrapping("rightsMD", "RIGHTS", "DC", wrapped) if wrapped is not None else None,
        *(_section("rightsMD", one) for one in document.of_role("rights")),
        wrapping("digiprovMD", "LINKS_PORTAL", "DVLINKS", links) if links is not None else None,
    ]
    return mets("amdSec", *parts, attributes={"ID": AMD_ITEM})


def _write_technical(out: Stream, document: MetsInput, files: PageFiles) -> None:
    """An amdSec for each file with technical metadata, and for each page with a description."""
    for page in document.item.pages:
        described = document.page_document(page["ref"], "embedded-dc")
        if described is not None:
            files.described.add(page["ref"])
            section = wrapping("sourceMD", f"DESC_{page['ref']}", "DC", described)
            out.write(mets("amdSec", section, attributes={"ID": f"AMD_DESC_{page['ref']}"}))
        mix = document.page_document(page["ref"], "mix")
        for section in technical_sections(page, mix, files, document.size_of):
            out.write(section)


def reference(schema: str, href: str, extra: dict[str, str | None]) -> etree._Element:
    """A mdRef to a file of the package."""
    kind = KNOWN_TYPES.get(schema, "OTHER")
    attributes: dict[str, str | None] = {
        "LOCTYPE": "URL",
        LINK_TYPE: "simple",
        HREF: href,
        "MDTYPE": kind,
        "OTHERMDTYPE": schema if kind == "OTHER" else None,
    }
    return mets("mdRef", attributes=attributes | extra)


def _section(name: str, one: MetadataFile) -> etree._Element:
    checked: dict[str, str | None] = {
        "MIMETYPE": one.payload.media_type,
        "SIZE": str(one.payload.size_bytes),
        "CHECKSUM": one.payload.sha256,
        "CHECKSUMTYPE": "SHA-256",
        "LABEL": one.payload.original_name,
    }
    return mets(
        name, reference(one.schema, one.payload.href, checked), attributes={"ID": one.section}
    )

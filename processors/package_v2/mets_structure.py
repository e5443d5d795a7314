"""The structure in METS: pages in order, logical divisions linked to them, and the folders."""

from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from pathlib import PurePosixPath
from typing import Any

from lxml import etree

from processors.package.item_record import ItemRecord
from processors.package.layout import Payload
from processors.package_v2.delivered_structure import DeliveredStructure
from processors.package_v2.descriptive import host_address
from processors.package_v2.mets_files import PageFiles
from processors.package_v2.mets_names import (
    AMD_HISTORY,
    AMD_ITEM,
    AMD_RECORDS,
    DMD_MODS,
    FROM,
    HREF,
    LINK_TYPE,
    PHYSICAL,
    TO,
    mets,
)
from processors.profile_packaging import Packaging
from processors.xml.writing import Stream

TOP = "LOG_0000"


def write_structure(
    out: Stream,
    item: ItemRecord,
    delivered: DeliveredStructure | None,
    files: PageFiles,
    item_files: Sequence[Payload],
) -> None:
    """The structMaps and the structLink."""
    with out.element("structMap", {"TYPE": "LOGICAL"}):
        out.write(_delivered(delivered) if delivered else _one_division(item))
    _write_physical(out, item, delivered, files, item_files)
    _write_folders(out, item, (*item_files, *files.contents.payloads))
    with out.element("structLink"):
        for start, end in _links(item, delivered):
            out.write(mets("smLink", attributes={FROM: start, TO: end}))


def _one_division(item: ItemRecord) -> etree._Element:
    """The item; a part of a work that has an address is below that work."""
    host = host_address(item.description)
    of_item: dict[str, str | None] = {
        "ID": TOP,
        "TYPE": "volume"
        if host
        else Packaging.model_validate(item.profile.get("package", {})).type,
        "LABEL": item.description.get("title"),
        "DMDID": DMD_MODS,
        "ADMID": AMD_ITEM,
    }
    division = mets("div", attributes=of_item)
    if host is None:
        return division
    pointer = mets("mptr", attributes={"LOCTYPE": "URL", LINK_TYPE: "simple", HREF: host})
    above = {"ID": "LOG_HOST", "TYPE": "multivolume_work"}
    return mets("div", pointer, division, attributes=above)


def _delivered(delivered: DeliveredStructure) -> etree._Element:
    """The delivered divisions; the one that is the item has the MODS of the package."""
    described = delivered.described
    # Its other records, such as Dublin Core, follow the MODS.
    described.set("DMDID", " ".join([DMD_MODS, *(described.get("DMDID") or "").split()]))
    if not described.get("ADMID"):
        described.set("ADMID", AMD_ITEM)
    top = deepcopy(delivered.top)
    etree.cleanup_namespaces(top)
    return top


def _write_physical(
    out: Stream,
    item: ItemRecord,
    delivered: DeliveredStructure | None,
    files: PageFiles,
    item_files: Sequence[Payload],
) -> None:
    sequence = {
        "ID": PHYSICAL,
        "TYPE": "physSequence",
        "LABEL": item.description.get("title"),
        "ADMID": f"{AMD_ITEM} {AMD_RECORDS} {AMD_HISTORY}",
    }
    content_ids = delivered.content_ids if delivered else {}
    with out.element("structMap", {"TYPE": "PHYSICAL"}), out.element("div", sequence):
        for file in item_files:
            out.write(_pointer(file))
        for page in item.pages:
            described = page["ref"] in files.described
            out.write(_page(page, files.of(page["ref"]), described, content_ids.get(page["ref"])))


def _page(
    page: dict[str, Any], files: Sequence[Payload], described: bool, content_ids: str | None
) -> etree._Element:
    """The division of a page; that of a missing page has no file."""
    return mets(
        "div",
        *(_pointer(file) for file in files),
        attributes={
            "ID": f"PAGE_{page['ref']}",
            "TYPE": page["kind"],
            "ORDER": str(page["sequence"]),
            "ORDERLABEL": " ".join(page.get("labels") or ()) or None,
            "LABEL": page.get("layout") if page.get("layout") == "spread" else None,
            "ADMID": f"AMD_DESC_{page['ref']}" if described else None,
            "CONTENTIDS": content_ids,
        },
    )


def _pointer(file: Payload) -> etree._Element:
    return mets("fptr", attributes={"FILEID": file.xml_id})


def _write_folders(out: Stream, item: ItemRecord, payloads: Iterable[Payload]) -> None:
    """The folders of the package, in the form that Archivematica reads."""
    folders: dict[str, list[Payload]] = {}
    for payload in payloads:
        folders.setdefault(PurePosixPath(payload.path).parent.name, []).append(payload)
    top = {"TYPE": "Directory", "LABEL": item.item_id}
    with out.element("structMap", {"TYPE": "physical"}), out.element("div", top):
        for folder in sorted(folders):
            with out.element("div", {"TYPE": "Directory", "LABEL": folder}):
                for payload in folders[folder]:
                    about = {"TYPE": "Item", "LABEL": PurePosixPath(payload.path).name}
                    out.write(mets("div", _pointer(payload), attributes=about))


def _links(item: ItemRecord, delivered: DeliveredStructure | None) -> Iterator[tuple[str, str]]:
    """From each division to its pages; the item links to the physical sequence and all pages."""
    whole = delivered.described.get("ID") or TOP if delivered else TOP
    pages_of = delivered.pages_of if delivered else {TOP: ()}
    for division, refs in pages_of.items():
        if division == whole:
            yield division, PHYSICAL
            refs = tuple(page["ref"] for page in item.pages)
        yield from ((division, f"PAGE_{ref}") for ref in refs)

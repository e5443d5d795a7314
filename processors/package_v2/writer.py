"""The files and bag-info of a package of layout 2."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from processors.imaging.header import DamagedHeader
from processors.imaging.header_readers import read_header
from processors.outcome import StorageError
from processors.package.contents import Contents
from processors.package.item_record import ItemRecord
from processors.package.layout import Payload
from processors.package_metadata import metadata_files as files
from processors.package_metadata.metadata_files import MetadataFile
from processors.package_v2.delivered_structure import DeliveredStructure, delivered_structure
from processors.package_v2.descriptive import dublin_core, mods
from processors.package_v2.iiif_files import chapters_of, iiif_files
from processors.package_v2.mets import MetsInput, write_mets
from processors.package_v2.page_texts import with_packaged_texts
from processors.package_v2.pdf_of_item import bookmarks, pdf_of_item
from processors.package_v2.premis_document import write_premis
from processors.pdf.outline import Bookmark
from processors.tools import Tools
from processors.xml.record_validation import has_namespace
from processors.xml.writing import serialised

LAYOUT_FIELD = "Package-Layout"
MAX_PAGES_LISTED = 20
FAMILIES = {"image/jpeg": "jpeg", "image/tiff": "tiff", "image/png": "png"}


def package_files(item: ItemRecord, contents: Contents, tools: Tools) -> list[Payload]:
    """The files of the pages and of the item, MODS, DC, submitted records, METS and PREMIS."""
    contents = with_packaged_texts(item, contents, tools)
    submitted = files.submitted_records(item)
    read = partial(files.read, tools=tools)
    structures = (read(one.payload.stored) for one in submitted if one.schema == "METS")
    delivered = delivered_structure(structures, item.pages)
    description = _mods(item, delivered, submitted, tools)
    main = [
        MetadataFile(files.written("mods", description, tools), "MODS"),
        MetadataFile(_dublin_core(item, submitted, tools), "DublinCore"),
    ]
    metadata = [*main, *submitted]
    size_of = partial(_size, tools=tools)
    item_files = pdf_of_item(item, contents, _chapters(delivered), tools)
    chapters = chapters_of(delivered.described, delivered.pages_of) if delivered else ()
    item_files += iiif_files(item, contents, item_files, chapters, size_of, tools)
    document = MetsInput(
        item,
        contents,
        description,
        metadata,
        item_files,
        delivered,
        read,
        size_of,
    )
    mets, premis = (tools.scratch / f"{name}.xml" for name in ("mets", "premis"))
    write_mets(mets, document)
    named = [*item_files, *(one.payload for one in metadata), files.as_payload("mets", mets)]
    write_premis(premis, item, contents, named, partial(files.identified, tools=tools))
    return [*contents.files(), *named, files.as_payload("premis", premis)]


def _chapters(delivered: DeliveredStructure | None) -> tuple[Bookmark, ...]:
    """The divisions of the item in a delivered METS, as bookmarks."""
    return bookmarks(delivered.described, delivered.pages_of) if delivered else ()


def _mods(
    item: ItemRecord,
    delivered: DeliveredStructure | None,
    submitted: Sequence[MetadataFile],
    tools: Tools,
) -> bytes:
    """The first submitted MODS, else that of the item in a delivered METS, else one that is made
    from the fields of the item."""
    given = _submitted_as("mods", submitted, tools)
    if given is not None:
        return given
    if delivered is not None and delivered.mods is not None:
        return serialised(delivered.mods)
    return mods(item)


def _dublin_core(item: ItemRecord, submitted: Sequence[MetadataFile], tools: Tools) -> Payload:
    given = _submitted_as("dc", submitted, tools)
    content = given or dublin_core(item.item_id, item.description, item.rights)
    return files.written("dc", content, tools)


def _submitted_as(name: str, submitted: Sequence[MetadataFile], tools: Tools) -> bytes | None:
    """The first submitted descriptive record of this schema."""
    for one in submitted:
        if one.role == "descriptive" and files.MAIN_SCHEMAS.get(one.schema) == name:
            content = files.read(one.payload.stored, tools)
            if has_namespace(content):
                return content
    return None


def _size(payload: Payload, tools: Tools) -> tuple[int, int] | None:
    """Width and height in the header of an image that the line made; None if it has none."""
    family = FAMILIES.get(payload.media_type)
    if family is None:
        return None
    path = (
        payload.source if isinstance(payload.source, Path) else tools.storage.path(payload.stored)
    )
    try:
        header = read_header(path, family)
    except DamagedHeader:
        return None
    except OSError as wrong:
        raise StorageError(f"{payload.path}: {wrong}") from wrong
    return header.width_px, header.height_px


def bag_info(item: ItemRecord, package: str, payloads: Sequence[Payload]) -> dict[str, str]:
    """The fields of bag-info.txt; the date is that of the fact, so that repeated work is equal."""
    total = sum(file.size_bytes for file in payloads)
    info = {
        "Bagging-Date": item.completed.head.occurred_at.date().isoformat(),
        "Payload-Oxum": f"{total}.{len(payloads)}",
        "External-Identifier": package,
        "Internal-Sender-Identifier": item.item_id,
    }
    if item.description.get("title"):
        info["Internal-Sender-Description"] = item.description["title"]
    if item.completed.head.batch_id:
        info["Bag-Group-Identifier"] = item.completed.head.batch_id
    info[LAYOUT_FIELD] = "2"
    if item.missing:
        first = ", ".join(item.missing[:MAX_PAGES_LISTED])
        info["Completeness"] = f"incomplete; {len(item.missing)} pages are missing: {first}"
    return info

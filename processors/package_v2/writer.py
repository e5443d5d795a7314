"""The files and bag-info of a package of layout 2."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from processors.imaging.header import DamagedHeader
from processors.imaging.header_readers import read_header
from processors.outcome import StorageError
from processors.package import bag
from processors.package.bag import Tags
from processors.package.contents import Contents
from processors.package.item_record import ItemRecord
from processors.package.layout import Payload
from processors.package_metadata import metadata_files as files
from processors.package_metadata.metadata_files import MetadataFile
from processors.package_v2.bag_info import bag_info, profile_of, tag_files
from processors.package_v2.delivered_structure import DeliveredStructure, delivered_structure
from processors.package_v2.descriptive import dublin_core, mods
from processors.package_v2.iiif_files import chapters_of, iiif_files
from processors.package_v2.mets import MetsInput, write_mets
from processors.package_v2.page_texts import with_packaged_texts
from processors.package_v2.pdf_of_item import pdf_of_item
from processors.package_v2.premis_document import write_premis
from processors.tools import Tools
from processors.xml.record_validation import has_namespace
from processors.xml.writing import serialised

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
    size_of = partial(image_size, tools=tools)
    chapters = chapters_of(delivered.described, delivered.pages_of) if delivered else ()
    item_files = pdf_of_item(item, contents, chapters, tools)
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


def image_size(payload: Payload, tools: Tools) -> tuple[int, int] | None:
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


def tags(item: ItemRecord, package: str, payloads: Sequence[Payload]) -> Tags:
    """The tag files, with the manifests that the bag profile of the batch states."""
    profile = profile_of(item)
    tag_manifests = profile.manifests if profile.tag_manifests is None else profile.tag_manifests
    return bag.tags(
        {file.path: file.sha256 for file in payloads},
        bag_info(item, package, payloads),
        tag_files(item, package),
        profile.manifests,
        tag_manifests,
    )

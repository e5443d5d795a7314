"""The files and bag-info of a package of layout 1."""

from collections.abc import Sequence
from functools import partial

from processors.package import bag
from processors.package.bag import Tags
from processors.package.contents import Contents
from processors.package.item_record import ItemRecord
from processors.package.layout import Payload
from processors.package_metadata import metadata_files as files
from processors.package_metadata.metadata_files import MetadataFile
from processors.package_v1.descriptive import dublin_core, mods
from processors.package_v1.mets import MetsInput, write_mets
from processors.package_v1.mets_structure import submitted_structure
from processors.package_v1.premis_document import write_premis
from processors.tools import Tools

MAX_PAGES_LISTED = 20


def package_files(item: ItemRecord, contents: Contents, tools: Tools) -> list[Payload]:
    """The files of the pages, MODS, DC, submitted records, METS and PREMIS."""
    submitted = files.submitted_records(item)
    main = [
        files.main_record(item, "mods", mods, submitted, tools),
        files.main_record(item, "dc", dublin_core, submitted, tools),
    ]
    metadata = [MetadataFile(main[0], "MODS"), MetadataFile(main[1], "DublinCore"), *submitted]
    structures = (one for one in submitted if one.schema == "METS")
    read = partial(files.read, tools=tools)
    document = MetsInput(
        item,
        contents,
        metadata,
        submitted_structure((read(one.payload.stored) for one in structures), item.pages),
        read,
    )
    mets, premis = (tools.scratch / f"{name}.xml" for name in ("mets", "premis"))
    write_mets(mets, document)
    named = [one.payload for one in metadata] + [files.as_payload("mets", mets)]
    write_premis(premis, item, contents, named, partial(files.identified, tools=tools))
    return [*contents.files(), *named, files.as_payload("premis", premis)]


def tags(item: ItemRecord, package: str, payloads: Sequence[Payload]) -> Tags:
    """The tag files, all before the payload."""
    digests = {file.path: file.sha256 for file in payloads}
    return Tags(bag.tag_files(digests, bag_info(item, package, payloads)))


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
    if item.missing:
        first = ", ".join(item.missing[:MAX_PAGES_LISTED])
        info["Completeness"] = f"incomplete; {len(item.missing)} pages are missing: {first}"
    return info

"""Makes the package of a completed item, a BagIt bag in a tar, from its item record."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO

from processors.imaging import format_identification
from processors.outcome import Done, Outcome, StorageError, rejected
from processors.package import bag, tar_writer
from processors.package.contents import Contents, contents_of
from processors.package.item_record import ItemRecord, RecordIncomplete, read_item
from processors.package.layout import (
    DERIVATIVE_GROUPS,
    METADATA,
    SUBMITTED,
    TARGET,
    Payload,
    submitted_name,
    unique_path,
)
from processors.package_metadata.descriptive import dublin_core, mods
from processors.package_metadata.mets import MetadataFile, MetsInput, write_mets
from processors.package_metadata.mets_structure import submitted_structure
from processors.package_metadata.premis_document import write_premis
from processors.step import FormatName
from processors.tools import Area, Tools
from processors.xml.record_validation import has_namespace
from schemas.ids import package_id
from schemas.models import Act, FileRef, ItemCompleted, PackageCounts, PackagePublished

XML = "application/xml"
TAR = "application/x-tar"
MAX_PAGES_LISTED = 20
MAIN_SCHEMAS = {"MODS": "mods", "DublinCore": "dc", "DC": "dc"}
"""Submitted descriptive records that replace those made from the item's fields."""
PDF_PUIDS = {f"1.{minor}": f"fmt/{14 + minor}" for minor in range(7)} | {"1.7": "fmt/276"}


def assemble_package(completed: ItemCompleted, tools: Tools) -> Outcome:
    """Write the package of a completed item, verify what was stored, and publish it."""
    try:
        item = read_item(completed, tools)
        contents = contents_of(item)
        item = item.without(contents.withdrawn)
    except RecordIncomplete as incomplete:
        return rejected("package.record-incomplete", str(incomplete))
    package = package_id(item.item_id, completed.head.revision)
    files = [*contents.files(), *_metadata_files(item, contents, tools)]
    files.sort(key=lambda file: bag.by_bytes(file.path))
    digests = {file.path: file.sha256 for file in files}
    tags = bag.tag_files(digests, _bag_info(item, package, files))
    target = tools.scratch / "package.tar"
    try:
        mtime = int(completed.head.occurred_at.timestamp())
        written = tar_writer.write(target, package, _members(tags, files, tools), mtime=mtime)
    except tar_writer.FixityMismatch as mismatch:
        found = f"the store has {mismatch.found}, expected {mismatch.expected}"
        return rejected("package.fixity-mismatch", found, mismatch.path)
    stored = _store(target, package, written, tags, files, tools)
    content = bag.content_digest(digests)
    # Each page with a master counts, also if several are images of one file.
    masters = sum(file.use == "master" for file in contents.payloads)
    return Done(_published(item, package, stored, files, contents.read, masters, content))


def _store(
    target: Path,
    package: str,
    written: str,
    tags: dict[str, bytes],
    files: Sequence[Payload],
    tools: Tools,
) -> FileRef:
    """Store the tar. Raises StorageError if the stored bytes differ from those written.

    The tar is not unpacked again: each file and the whole tar were hashed while they were written,
    and the store verifies its copy against that digest."""
    sizes = {name: len(content) for name, content in tags.items()}
    sizes |= {file.path: file.size_bytes for file in files}
    differences = tar_writer.differences(target, package, sizes)
    if differences:
        raise StorageError(f"the tar differs from its manifests: {'; '.join(differences[:3])}")
    tools.progress(f"storing {package}")
    stored = tools.storage.keep(
        target, area=Area.PACKAGES, use="package", media_type=TAR, move=True
    )
    if stored.sha256 != written:
        raise StorageError(f"the tar was written as {written} and stored as {stored.sha256}")
    target.unlink(missing_ok=True)
    return stored


def _metadata_files(item: ItemRecord, contents: Contents, tools: Tools) -> list[Payload]:
    """MODS, DC, submitted records, METS and PREMIS as files of the package."""
    submitted = _submitted(item)
    main = [
        _main_record(item, "mods", mods, submitted, tools),
        _main_record(item, "dc", dublin_core, submitted, tools),
    ]
    metadata = [MetadataFile(main[0], "MODS"), MetadataFile(main[1], "DublinCore"), *submitted]
    structures = (one for one in submitted if one.schema == "METS")
    document = MetsInput(
        item,
        contents,
        metadata,
        submitted_structure((_read(one.payload.stored, tools) for one in structures), item.pages),
        partial(_read, tools=tools),
    )
    mets = tools.scratch / "mets.xml"
    write_mets(mets, document)
    files = [one.payload for one in metadata] + [_as_payload("mets", mets)]
    premis = tools.scratch / "premis.xml"
    write_premis(premis, item, contents, files, partial(_identified, tools=tools))
    return [*files, _as_payload("premis", premis)]


def _read(file: FileRef, tools: Tools) -> bytes:
    tools.progress(f"reading {file.use}")
    return tools.storage.read(file)


def _identified(payload: Payload, tools: Tools) -> FormatName:
    """The format of a file, from its first bytes or else from its media type."""
    with _open(payload, tools) as file:
        head = file.read(format_identification.HEAD_BYTES)
    found = format_identification.identify(head)
    if found is None:
        return FormatName(payload.media_type)
    if found.family == "pdf":
        version = head[5:8].decode("ascii", "replace")
        return FormatName(found.name, version, PDF_PUIDS.get(version))
    return FormatName(found.name, found.version, found.puid)


def _submitted(item: ItemRecord) -> list[MetadataFile]:
    """The submitted records, unchanged."""
    taken: set[str] = set()
    records = []
    for record in item.records:
        file = record["file"]
        media_type = file.get("media_type") or XML
        payload = Payload(
            path=unique_path(f"{SUBMITTED}/{submitted_name(file['path'])}", taken),
            source=file["key"],
            sha256=file["sha256"],
            size_bytes=file["size_bytes"],
            media_type=media_type,
            use="metadata",
            original_name=file["path"],
        )
        records.append(MetadataFile(payload, record["schema"], record["role"]))
    return records


def _main_record(
    item: ItemRecord,
    name: str,
    generate: Callable[..., bytes],
    submitted: Sequence[MetadataFile],
    tools: Tools,
) -> Payload:
    """mods.xml or dc.xml: the first submitted record of that schema, else a minimal one."""
    for one in submitted:
        if one.role == "descriptive" and MAIN_SCHEMAS.get(one.schema) == name:
            content = tools.storage.read(one.payload.stored)
            if has_namespace(content):
                return _written(name, content, tools)
    return _written(name, generate(item.item_id, item.description, item.rights), tools)


def _written(name: str, content: bytes, tools: Tools) -> Payload:
    path = tools.scratch / f"{name}.xml"
    path.write_bytes(content)
    return _as_payload(name, path)


def _as_payload(name: str, path: Path) -> Payload:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    size = path.stat().st_size
    return Payload(f"{METADATA}/{name}.xml", path, digest, size, XML, use="metadata")


def _bag_info(item: ItemRecord, package: str, files: Sequence[Payload]) -> dict[str, str]:
    """The fields of bag-info.txt; the date is that of the fact, so that repeated work is equal."""
    total = sum(file.size_bytes for file in files)
    info = {
        "Bagging-Date": item.completed.head.occurred_at.date().isoformat(),
        "Payload-Oxum": f"{total}.{len(files)}",
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


def _members(
    tags: dict[str, bytes], files: Sequence[Payload], tools: Tools
) -> Iterator[tar_writer.Member]:
    """Tag files first, so that a reader can check the stream while it arrives; then the payload."""
    for name in bag.TAG_FILES:
        yield tar_writer.member_of(name, tags[name])
    for file in files:
        yield tar_writer.Member(
            file.path, file.sha256, file.size_bytes, partial(_open, file, tools)
        )


def _open(file: Payload, tools: Tools) -> BinaryIO:
    """Open a file of the package. Raises StorageError if the store does not have it."""
    tools.progress(f"packing {file.path}")
    path = file.source if isinstance(file.source, Path) else tools.storage.path(file.stored)
    try:
        return path.open("rb")
    except OSError as wrong:
        raise StorageError(f"{file.path}: {wrong}") from wrong


def _published(
    item: ItemRecord,
    package: str,
    stored: FileRef,
    files: Sequence[Payload],
    read: int,
    masters: int,
    content: str,
) -> PackagePublished:
    return PackagePublished(
        package_id=package,
        item_id=item.item_id,
        revision=item.completed.head.revision,
        key=stored.key,
        sha256=stored.sha256,
        size_bytes=stored.size_bytes,
        content_digest=content,
        rights=item.rights,
        counts=PackageCounts(
            pages=sum(page["kind"] not in (TARGET, "missing") for page in item.pages),
            masters=masters,
            texts=read,
            missing=len(item.missing),
            derivatives=sum(file.group in DERIVATIVE_GROUPS for file in files),
            files=len(files),
        ),
        files=(stored,),
        acts=_acts(package, stored, len(files), content),
    )


def _acts(package: str, stored: FileRef, count: int, content: str) -> tuple[Act, ...]:
    item, tar = (f"package:{package}",), (f"sha256:{stored.sha256}",)
    return (
        Act(
            type="fixity check",
            outcome="suc",
            detail=f"{count} files had the SHA-256 that their facts state while they were copied",
            sources=item,
        ),
        Act(
            type="message digest calculation",
            outcome="suc",
            detail=f"SHA-256 of {count} payload files and of the tar; content digest {content}",
            sources=item,
            results=tar,
        ),
        Act(
            type="validation",
            outcome="suc",
            detail="The tar's headers were read again and agree with the bag's manifests; what is "
            "stored has the SHA-256 that was computed while it was written",
            sources=tar,
        ),
    )

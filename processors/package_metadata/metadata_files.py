"""Metadata files of a package: submitted records, and documents that were just written."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from processors.imaging import format_identification
from processors.outcome import StorageError
from processors.package.item_record import ItemRecord
from processors.package.layout import METADATA, SUBMITTED, Payload, submitted_name, unique_path
from processors.step import FormatName
from processors.tools import Tools
from processors.xml.record_validation import has_namespace
from schemas.models import FileRef

XML = "application/xml"
MAIN_SCHEMAS = {"MODS": "mods", "DublinCore": "dc", "DC": "dc"}
"""Submitted descriptive records that replace those made from the item's fields."""
PDF_PUIDS = {f"1.{minor}": f"fmt/{14 + minor}" for minor in range(7)} | {"1.7": "fmt/276"}


@dataclass(frozen=True)
class MetadataFile:
    """A metadata file of the package, with its schema and role."""

    payload: Payload
    schema: str
    role: str = "descriptive"

    @property
    def section(self) -> str:
        """ID of the METS section that refers to it."""
        return f"SEC_{self.payload.xml_id}"


def submitted_records(item: ItemRecord) -> list[MetadataFile]:
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


def main_record(
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
                return written(name, content, tools)
    return written(name, generate(item.item_id, item.description, item.rights), tools)


def written(name: str, content: bytes, tools: Tools) -> Payload:
    """A metadata file with this content, written to the scratch folder."""
    path = tools.scratch / f"{name}.xml"
    path.write_bytes(content)
    return as_payload(name, path)


def as_payload(name: str, path: Path) -> Payload:
    """A metadata file that was written."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    size = path.stat().st_size
    return Payload(f"{METADATA}/{name}.xml", path, digest, size, XML, use="metadata")


def read(file: FileRef, tools: Tools) -> bytes:
    """The bytes of a file of the store. Raises StorageError."""
    tools.progress(f"reading {file.use}")
    return tools.storage.read(file)


def opened(file: Payload, tools: Tools) -> BinaryIO:
    """Open a file of the package. Raises StorageError if the store does not have it."""
    tools.progress(f"packing {file.path}")
    path = file.source if isinstance(file.source, Path) else tools.storage.path(file.stored)
    try:
        return path.open("rb")
    except OSError as wrong:
        raise StorageError(f"{file.path}: {wrong}") from wrong


def identified(payload: Payload, tools: Tools) -> FormatName:
    """The format of a file, from its first bytes or else from its media type."""
    with opened(payload, tools) as file:
        head = file.read(format_identification.HEAD_BYTES)
    found = format_identification.identify(head)
    if found is None:
        return FormatName(payload.media_type)
    if found.family == "pdf":
        version = head[5:8].decode("ascii", "replace")
        return FormatName(found.name, version, PDF_PUIDS.get(version))
    return FormatName(found.name, found.version, found.puid)

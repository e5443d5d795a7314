"""Writes page lists: the part of a manifest that later steps of an item need."""

import json
from pathlib import PurePosixPath
from typing import Any

from processors.manifest import File, Item, Manifest, Page
from processors.tools import staging_key
from processors.xml.submitted_mets import name_key
from schemas.models import FileRef

MEDIA_TYPES = {
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".jp2": "image/jp2",
    ".gif": "image/gif",
    ".bmp": "image/bmp",
    ".webp": "image/webp",
    ".xml": "application/xml",
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".txt": "text/plain",
}
"""Media types by suffix of the delivered name; acquire_page identifies the format by the bytes."""


def languages_of(item: Item, page: Page) -> tuple[str, ...]:
    """The page's languages, else the item's; empty if none is stated."""
    return page.languages or item.languages or ()


def script_of(item: Item, page: Page) -> str | None:
    """The page's script, else the item's."""
    return page.script or item.script


DigestsByName = dict[str, tuple[str, ...]]
"""Digests in a submitted METS, as `md5:…`, by base name."""


def page_list(
    manifest: Manifest, received: FileRef, item: Item, stated: DigestsByName | None = None
) -> bytes:
    """The page list of an item: canonical JSON with defaults filled in, pages in order.

    The digests in a submitted METS (`stated`) are added to the vendor checksums of the pages, so
    that acquire_page checks them."""
    document = {
        "item": item.model_dump(mode="json", exclude={"pages", "metadata"}),
        "pages": [_page(item, page, stated or {}) for page in _ordered(item)],
        "records": [
            {
                "role": record.role,
                "schema": record.schema_,
                "version": record.version,
                "file": _file(record.file),
            }
            for record in item.metadata
        ],
        "batch": {
            "batch_id": manifest.batch_id,
            "project": manifest.project,
            "operator": manifest.operator,
            "manifest": {
                "key": received.key,
                "sha256": received.sha256,
                "size_bytes": received.size_bytes,
            },
            "scanner_profile": manifest.scanner_profile,
            "metadata_schema": manifest.metadata_schema,
        },
    }
    return canonical_json(document)


def canonical_json(document: Any) -> bytes:
    """Canonical JSON: sorted keys, no white space."""
    return json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def _ordered(item: Item) -> list[Page]:
    return sorted(item.pages, key=lambda page: (page.sequence, page.effective_ref))


def _page(item: Item, page: Page, stated: DigestsByName) -> dict[str, Any]:
    # The page lists of earlier versions have no images, and equal deliveries give equal bytes.
    without = {"image"} if page.image is None else None
    return {
        **page.model_dump(mode="json", exclude=without),
        "ref": page.effective_ref,
        "languages": list(languages_of(item, page)),
        "script": script_of(item, page),
        "file": _file(page.file, stated) if page.file else None,
        "text": _file(page.text) if page.text else None,
    }


def _file(file: File, stated: DigestsByName | None = None) -> dict[str, Any]:
    path = PurePosixPath(file.path)
    suffix, also = path.suffix.lower(), (stated or {}).get(name_key(path.name), ())
    return {
        **file.model_dump(mode="json"),
        "vendor_checksums": sorted({*file.vendor_checksums, *also}),
        "key": staging_key(file.sha256),
        "media_type": MEDIA_TYPES.get(suffix, "application/octet-stream"),
    }

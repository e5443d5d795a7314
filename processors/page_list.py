"""Page lists: what an item's later steps need of the manifest, as one canonical document."""

import json
from pathlib import PurePosixPath
from typing import Any

from processors.manifest import File, Item, Manifest, Page
from processors.ocr.languages import DEFAULT_LANGUAGES
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
}
"""What a delivered name promises; acquire_page looks at the bytes."""


def staging_key(sha256: str) -> str:
    """Where a station stores a file."""
    return f"staging/sha256/{sha256[:2]}/{sha256}"


def languages_of(item: Item, page: Page) -> tuple[str, ...]:
    """The page's languages, else the item's, else English."""
    return page.languages or item.languages or DEFAULT_LANGUAGES


def script_of(item: Item, page: Page) -> str | None:
    """The page's script, else the item's."""
    return page.script or item.script


Stated = dict[str, tuple[str, ...]]
"""Digests that a submitted METS states, as `md5:…`, by base name."""


def page_list(
    manifest: Manifest, received: FileRef, item: Item, stated: Stated | None = None
) -> bytes:
    """The page list of an item: canonical JSON, defaults filled in, pages in order.

    What a METS states of a page's file joins the digests that the manifest gives, so that the
    page is checked by it."""
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
    """The one way of writing a document."""
    return json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def _ordered(item: Item) -> list[Page]:
    return sorted(item.pages, key=lambda page: (page.sequence, page.known_as))


def _page(item: Item, page: Page, stated: Stated) -> dict[str, Any]:
    return {
        **page.model_dump(mode="json"),
        "ref": page.known_as,
        "languages": list(languages_of(item, page)),
        "script": script_of(item, page),
        "file": _file(page.file, stated) if page.file else None,
        "text": _file(page.text) if page.text else None,
    }


def _file(file: File, stated: Stated | None = None) -> dict[str, Any]:
    path = PurePosixPath(file.path)
    suffix, also = path.suffix.lower(), (stated or {}).get(name_key(path.name), ())
    return {
        **file.model_dump(mode="json"),
        "vendor_checksums": sorted({*file.vendor_checksums, *also}),
        "key": staging_key(file.sha256),
        "media_type": MEDIA_TYPES.get(suffix, "application/octet-stream"),
    }

"""Builds deliveries for tests: tiny images, folders, manifests; a test mentions what matters to it."""

import json
import struct
import zlib
from hashlib import sha256
from pathlib import Path
from typing import Any

from processors.manifest import body_digest
from processors.tools import Area, Tools
from schemas.models import BatchReceived, FileRef
from streams.storage.memory import MemoryStorage
from tests.support.builders import a_head

CORPORA = Path(__file__).parents[3] / "shared" / "corpora"
MODS = (
    b'<mods xmlns="http://www.loc.gov/mods/v3" version="3.8">'
    b"<titleInfo><title>Psalter</title></titleInfo></mods>"
)
METS = b'<mets:mets xmlns:mets="http://www.loc.gov/METS/"/>'
ALTO = b'<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#"/>'


def a_png(shade: int = 0) -> bytes:
    """A whole PNG of one grey pixel (PNG 1.2, 3.2)."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes((0, shade % 256)))
    text = f"n\0{shade}".encode()
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"tEXt", text)
        + chunk(b"IDAT", pixels)
        + chunk(b"IEND", b"")
    )


def a_folder(at: Path, files: dict[str, bytes | str]) -> Path:
    """A folder with these files."""
    at.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = at / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return at


def a_listed(path: str, content: bytes) -> dict[str, Any]:
    """A file as a manifest lists it."""
    return {"path": path, "sha256": sha256(content).hexdigest(), "size_bytes": len(content)}


def a_manifest_page(number: int, item: str = "vol-1", /, **changes: Any) -> dict[str, Any]:
    """A page as a manifest lists it."""
    content = a_png(number)
    page = {
        "ref": f"{number:04d}",
        "sequence": number,
        "kind": "page",
        "file": a_listed(f"{item}/{number:04d}.png", content),
    }
    return {**page, **changes}


def an_item(
    item_id: str = "vol-1", pages: int | list[dict[str, Any]] = 3, **changes: Any
) -> dict[str, Any]:
    """An item as a manifest lists it, with a MODS record."""
    record = {
        "role": "descriptive",
        "schema": "MODS",
        "version": "3.8",
        "file": a_listed(f"{item_id}/mods.xml", MODS),
    }
    item = {
        "item_id": item_id,
        "title": "Psalter",
        "languages": ["eng"],
        "metadata": [record],
        "pages": [a_manifest_page(number, item_id) for number in range(1, pages + 1)]
        if isinstance(pages, int)
        else pages,
    }
    return {**item, **changes}


def sealed(body: dict[str, Any]) -> dict[str, Any]:
    """The body with its digest."""
    return {**body, "checksums": {"manifest_sha256": body_digest(body)}}


def a_manifest(*items: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A manifest without fault; file_count and digest follow what a test changes."""
    listed = list(items) or [an_item()]
    body = {
        "batch_id": "b-1",
        "scanner_profile": "as-delivered",
        "file_count": sum(
            len(one["metadata"]) + sum(page.get("file") is not None for page in one["pages"])
            for one in listed
        ),
        "metadata_schema": "MODS",
        "items": listed,
    }
    return sealed({**body, **changes})


def as_bytes(manifest: Any) -> bytes:
    """A manifest as it travels."""
    return json.dumps(manifest).encode()


def memory_tools(folder: Path) -> Tools:
    """A store in memory and a scratch folder."""
    return Tools(MemoryStorage(folder / "store"), folder)


def staged(tools: Tools, manifest: dict[str, Any], pages: int = 3) -> BatchReceived:
    """The manifest in the store, with its files, and the fact that announces it."""
    for content in (*(a_png(number) for number in range(1, pages + 1)), MODS):
        tools.storage.keep(content, area=Area.STAGING, use="capture", media_type="image/png")
    received: FileRef = tools.storage.keep(
        as_bytes(manifest), area=Area.STAGING, use="manifest", media_type="application/json"
    )
    return BatchReceived(
        head=a_head(batch_id="b-1", item_id=None, page_id=None),
        manifest_sha256=manifest["checksums"]["manifest_sha256"],
        files=(received,),
    )

"""Builds completed items by hand, with everything they name in a memory store."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from processors.assemble_package import assemble_package
from processors.outcome import Done
from processors.tools import Area, Tools
from schemas import ids
from schemas.models import (
    Act,
    Agent,
    BatchAccepted,
    CaptureAccepted,
    FileRef,
    ItemCompleted,
    ItemRegistered,
    PackagePublished,
    PageAcquired,
    PageAdmitted,
    PageRecognized,
    Producer,
    Record,
)
from streams.storage.memory import MemoryStorage
from tests.builders import NOON, a_head

RIGHTS = {
    "uri": "http://rightsstatements.org/vocab/NoC-NC/1.0/",
    "access": "open",
    "embargo_until": "2030-01-01",
    "holder": "Library & Archive",
    "note": "Gift of 1921",
}
MODS = b'<mods xmlns="http://www.loc.gov/mods/v3"><titleInfo><title>S</title></titleInfo></mods>'


def memory_tools(folder: Path) -> Tools:
    """Tools with a memory store; all files below the folder."""
    scratch = folder / "scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    return Tools(storage=MemoryStorage(folder / "store"), scratch=scratch)


def a_page_entry(sequence: int, **changes: Any) -> dict[str, Any]:
    """One entry of a page list."""
    ref = f"{sequence:04d}"
    page = {
        "ref": ref,
        "sequence": sequence,
        "kind": "page",
        "layout": "single",
        "labels": [f"{sequence}r"],
        "languages": ["lat"],
        "script": "Latn",
        "capture": None,
        "file": {"path": f"vol-1/scan {ref}.tif"},
    }
    return page | changes


PAGES = (
    a_page_entry(1, kind="cover", labels=[]),
    a_page_entry(2, layout="spread", labels=["1v", "2r"]),
    a_page_entry(3, kind="missing", file=None),
    a_page_entry(4, kind="target"),
)


def a_completed_item(
    tools: Tools,
    pages: tuple[dict[str, Any], ...] = PAGES,
    records: tuple[tuple[str, str, bytes], ...] = (),
    run: str = "run-1",
    revision: int = 1,
    **description: Any,
) -> ItemCompleted:
    """An item of these pages, completed in a run; records are (schema, path, bytes)."""
    item = {
        "item_id": "vol-1",
        "identifiers": [{"type": "shelfmark", "value": "Ms. <fol> 88 ſ"}],
        "title": "Psalter & Hymns",
        "languages": ["lat", "ger"],
        "script": "Latn",
        "part_of": None,
        "rights": RIGHTS,
    } | description
    page_list = _kept(
        tools,
        "page-list",
        {"item": item, "pages": list(pages), "records": _records(tools, records), "batch": {}},
    )
    facts = _facts(tools, pages, run)
    capture = CaptureAccepted(
        head=_head(run, "captured"), capture_id="c-1", sequence=1, operator="p-4"
    )
    record = {
        "item_id": "vol-1",
        "batch_id": "b-1",
        "revision": revision,
        "facts": [
            {"record": type(fact).__name__, "fact": fact.model_dump(mode="json")} for fact in facts
        ],
        "captures": [{"record": type(capture).__name__, "fact": capture.model_dump(mode="json")}],
        "releases": [],
    }
    return ItemCompleted(
        head=_head(run, "completed", page_id=None, revision=revision),
        page_count=len(pages),
        priority="normal",
        files=(_kept(tools, "item-record", record), page_list),
    )


def published(item: ItemCompleted, tools: Tools) -> PackagePublished:
    """The package that the step makes of an item."""
    outcome = assemble_package(item, tools)
    assert isinstance(outcome, Done), outcome
    (fact,) = outcome.facts
    assert isinstance(fact, PackagePublished)
    return fact


def tar_of(package: PackagePublished, tools: Tools) -> bytes:
    """The bytes of its tar."""
    return tools.storage.read(package.files[0])


def _head(run: str, name: str, **changes: Any) -> Any:
    minutes = timedelta(minutes=len(run))
    producer = Producer(name="copystand/test", version="1")
    event = ids.make_id(run, name)
    return a_head(event_id=event, occurred_at=NOON + minutes, producer=producer, **changes)


def _kept(tools: Tools, use: str, document: dict[str, Any]) -> FileRef:
    value = json.dumps(document, sort_keys=True, ensure_ascii=False).encode()
    return tools.storage.keep(value, area=Area.RECORDS, use=use, media_type="application/json")


def _records(tools: Tools, records: tuple[tuple[str, str, bytes], ...]) -> list[dict[str, Any]]:
    entries = []
    for schema, path, content in records:
        kept = tools.storage.keep(
            content, area=Area.STAGING, use="metadata", media_type="application/xml"
        )
        file = kept.model_dump(include={"key", "sha256", "size_bytes", "media_type"})
        role = "preservation" if schema == "PREMIS" else "descriptive"
        entries.append(
            {"role": role, "schema": schema, "version": None, "file": file | {"path": path}}
        )
    return entries


def _facts(tools: Tools, pages: tuple[dict[str, Any], ...], run: str) -> list[Record]:
    facts: list[Record] = [
        BatchAccepted(
            head=_head(run, "accepted", item_id=None, page_id=None),
            item_count=1,
            page_count=len(pages),
            manifest_sha256="ab" * 32,
            received_sha256="cd" * 32,
            scanner_profile="as-delivered",
            priority="normal",
            operator="o-17",
        ),
        ItemRegistered(
            head=_head(run, "registered", page_id=None), page_count=len(pages), priority="normal"
        ),
    ]
    for page in pages:
        if page["file"]:
            facts += _page_facts(tools, page, run)
    return facts


def _page_facts(tools: Tools, page: dict[str, Any], run: str) -> list[Record]:
    ref = page["ref"]
    head = {
        name: _head(run, f"{name} {ref}", page_id=f"vol-1:{ref}")
        for name in ("admitted", "acquired", "recognized")
    }
    shared = {name: page[name] for name in ("ref", "sequence", "kind", "layout")}
    shared |= {"labels": tuple(page["labels"]), "original_name": f"scan {ref}.tif"}
    content = f"master {page.get('looks_like', ref)}".encode() * 100
    master = tools.storage.keep(content, area=Area.MASTERS, use="master", media_type="image/tiff")
    admitted = PageAdmitted(head=head["admitted"], priority="normal", **shared)
    acquired = PageAcquired(
        head=head["acquired"],
        format_name="Tagged Image File Format",
        format_puid="fmt/353",
        width_px=100,
        height_px=200,
        bits_per_sample=8,
        samples_per_pixel=3,
        colour_space="rgb",
        resolution_dpi=300.0,
        files=(master,),
        acts=(_warning(master),),
        **shared,
    )
    read = page["kind"] != "target"
    recognized = PageRecognized(
        head=head["recognized"],
        words=1,
        characters=5,
        read=read,
        files=_texts(tools, ref) if read else (),
    )
    return [admitted, acquired, recognized]


def _warning(master: FileRef) -> Act:
    return Act(
        type="validation",
        outcome="war",
        code="page.icc-missing",
        detail="No ICC profile; a \x00 in the tag",
        agents=(Agent(type="software", name="libvips", version="8.18", role="executing program"),),
        sources=(f"sha256:{master.sha256}",),
    )


def _texts(tools: Tools, ref: str) -> tuple[FileRef, ...]:
    types = {
        "alto": "application/xml",
        "hocr": "text/html",
        "text": "text/plain",
        "tsv": "text/tab-separated-values",
        "pdf": "application/pdf",
    }
    return tuple(
        tools.storage.keep(
            f"{use} {ref}".encode(), area=Area.DERIVATIVES, use=use, media_type=media_type
        )
        for use, media_type in types.items()
    )

"""Builds completed items by hand, with everything they name in a memory store."""

import io
import json
import tarfile
from pathlib import Path
from typing import Any

from lxml import etree

from processors.assemble_package import assemble_package
from processors.outcome import Done
from processors.tools import Area, Tools
from processors.xml.parser import parse
from schemas import models
from schemas.models import (
    CaptureAccepted,
    FileRef,
    ItemCompleted,
    PackagePublished,
    Record,
)
from streams.storage.memory import MemoryStorage
from tests.support.package_facts import facts_made, head_of, with_its_file

RIGHTS = {
    "uri": "http://rightsstatements.org/vocab/NoC-NC/1.0/",
    "access": "open",
    "embargo_until": "2030-01-01",
    "holder": "Library & Archive",
    "note": "Gift of 1921",
}


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
    withdrawn: tuple[str, ...] = (),
    not_pages: tuple[str, ...] = (),
    supersedes: tuple[str, ...] = (),
    capture: CaptureAccepted | None = None,
    layout: int | None = None,
    profile: dict[str, Any] | None = None,
    history: tuple[Record, ...] = (),
    readable: bool | None = None,
    **description: Any,
) -> ItemCompleted:
    """An item of these pages, completed in a run; records are (schema, path, bytes). Without a
    layout, its record is one from before there were layouts. Images and texts can be read if the
    layout needs that, or if it is asked."""
    item = {
        "item_id": "vol-1",
        "identifiers": [{"type": "shelfmark", "value": "Ms. <fol> 88 ſ"}],
        "title": "Psalter & Hymns",
        "languages": ["lat", "ger"],
        "script": "Latn",
        "part_of": None,
        "rights": RIGHTS,
    } | description
    pages = tuple(with_its_file(page) for page in pages)
    page_list = _kept(
        tools,
        "page-list",
        {"item": item, "pages": list(pages), "records": _records(tools, records), "batch": {}},
    )
    readable = (layout or 1) > 1 if readable is None else readable
    facts = facts_made(tools, pages, run, readable=readable)
    capture = capture or CaptureAccepted(
        head=head_of(run, "captured"), capture_id="c-1", sequence=1, operator="p-4"
    )
    record = {
        **({"bag_layout": layout} if layout else {}),
        "item_id": "vol-1",
        "batch_id": "b-1",
        "revision": revision,
        "facts": [
            {"record": type(fact).__name__, "fact": fact.model_dump(mode="json")} for fact in facts
        ],
        "captures": [{"record": type(capture).__name__, "fact": capture.model_dump(mode="json")}],
        "releases": [],
        "withdrawn": list(withdrawn),
        **({"history": [_entry(fact) for fact in history]} if history else {}),
        **({"not_pages": list(not_pages)} if not_pages else {}),
        **({"supersedes": list(supersedes)} if supersedes else {}),
    }
    return ItemCompleted(
        head=head_of(run, "completed", page_id=None, revision=revision),
        page_count=len(pages),
        priority="normal",
        files=(
            _kept(tools, "item-record", record),
            page_list,
            *([_kept(tools, "profile", profile or {})] if layout else []),
        ),
    )


def _entry(fact: Record) -> dict[str, Any]:
    return {"record": type(fact).__name__, "fact": fact.model_dump(mode="json")}


def published(item: ItemCompleted, tools: Tools) -> PackagePublished:
    """The package that the step makes of an item."""
    outcome = assemble_package(item, tools)
    assert isinstance(outcome, Done), outcome
    (fact,) = outcome.facts
    assert isinstance(fact, PackagePublished)
    return fact


def files_of(package: PackagePublished, tools: Tools) -> dict[str, bytes]:
    """The bytes of every file of the bag, by path, in the order of the tar."""
    with tarfile.open(fileobj=io.BytesIO(tar_of(package, tools))) as archive:
        return {
            entry.name.removeprefix(f"{package.package_id}/"): archive.extractfile(entry).read()  # type: ignore[union-attr]
            for entry in archive
        }


def metadata_of(item: ItemCompleted, tools: Tools, name: str) -> etree._Element:
    """One metadata file of the package that is made of an item."""
    return parse(files_of(published(item, tools), tools)[f"data/metadata/{name}.xml"])


def facts_of(item: ItemCompleted, tools: Tools) -> list[Record]:
    """The facts that the item record holds, then the completion."""
    record = json.loads(tools.storage.read(item.files[0]))
    entries = record["captures"] + record["facts"]
    facts = [getattr(models, each["record"]).model_validate(each["fact"]) for each in entries]
    return [*facts, item]


def manifest_of(item: ItemCompleted, tools: Tools) -> dict[str, Any]:
    """The manifest that the item came with, as far as it tells of the item."""
    page_list = json.loads(tools.storage.read(item.files[1]))
    records = {"metadata": page_list["records"], "pages": page_list["pages"]}
    return {"batch_id": "b-1", "items": [page_list["item"] | records]}


def tar_of(package: PackagePublished, tools: Tools) -> bytes:
    """The bytes of its tar."""
    return tools.storage.read(package.files[0])


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
        role = {"PREMIS": "preservation", "METS": "structural"}.get(schema, "descriptive")
        entries.append(
            {"role": role, "schema": schema, "version": None, "file": file | {"path": path}}
        )
    return entries

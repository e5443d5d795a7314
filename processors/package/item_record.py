"""The item record as assemble_package reads it: facts, page list, records, in package order."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from processors.package.layout import PLACES, TARGET, Payload, packaged_name, unique_path
from processors.tools import Tools
from schemas import models
from schemas.ids import page_id, premis_id
from schemas.models import FileRef, ItemCompleted, PageAcquired, Record, Rights


class RecordIncomplete(ValueError):
    """The item record lacks what a package needs; the text says what."""


@dataclass(frozen=True)
class Item:
    """What is known of an item, read from its record and page list."""

    completed: ItemCompleted
    item_id: str
    description: dict[str, Any]
    """The item's fields as submitted, pages left out."""
    pages: tuple[dict[str, Any], ...]
    """Page list entries by sequence and ref."""
    records: tuple[dict[str, Any], ...]
    """Metadata records as submitted, with where their bytes are."""
    batch: dict[str, Any]
    entries: tuple[dict[str, Any], ...]

    def facts(self) -> Iterator[Record]:
        """Facts, captures and releases of the item record in its order, then the completion."""
        for entry in self.entries:
            yield getattr(models, entry["record"]).model_validate(entry["fact"])
        yield self.completed

    @property
    def rights(self) -> Rights:
        """Rights as submitted."""
        given = self.description.get("rights") or {}
        return Rights(**{name: given.get(name) for name in Rights.model_fields})

    @property
    def kinds(self) -> dict[str, str]:
        """Kind of every page by page_id."""
        return {page_id(self.item_id, page["ref"]): page["kind"] for page in self.pages}


def read_item(completed: ItemCompleted, tools: Tools) -> Item:
    """The item that a completion speaks of, from its record. Raises RecordIncomplete."""
    record = _document(completed, "item-record", tools)
    page_list = _document(completed, "page-list", tools)
    return Item(
        completed=completed,
        item_id=record["item_id"],
        description=page_list["item"],
        pages=tuple(sorted(page_list["pages"], key=lambda page: (page["sequence"], page["ref"]))),
        records=tuple(page_list.get("records") or ()),
        batch=page_list.get("batch") or {},
        entries=tuple(record["facts"] + record.get("captures", []) + record.get("releases", [])),
    )


def _document(completed: ItemCompleted, use: str, tools: Tools) -> dict[str, Any]:
    for file in completed.files:
        if file.use == use:
            document: dict[str, Any] = json.loads(tools.storage.read(file))
            return document
    raise RecordIncomplete(f"item.completed names no file of use {use}")


def page_payloads(item: Item) -> list[Payload]:
    """The files of all pages that go into the package, in order. Raises RecordIncomplete."""
    kinds, taken = item.kinds, set[str]()
    payloads: list[Payload] = []
    seen: set[str] = set()
    for fact in item.facts():
        page = fact.head.page_id  # type: ignore[attr-defined]
        if page is None:
            continue
        for file in fact.files:  # type: ignore[attr-defined]
            if file.use in PLACES:
                payloads.append(_payload(fact, file, kinds.get(page, "page"), taken))
        if isinstance(fact, PageAcquired):
            seen.add(page)
    lacking = [
        page["ref"]
        for page in item.pages
        if page.get("file") and page_id(item.item_id, page["ref"]) not in seen
    ]
    if lacking:
        raise RecordIncomplete(f"the record holds no master of page {', '.join(lacking[:5])}")
    return payloads


def _payload(fact: Record, file: FileRef, kind: str, taken: set[str]) -> Payload:
    head = fact.head  # type: ignore[attr-defined]
    folder, group = PLACES[file.use]
    path = f"{folder}/{packaged_name(head.page_id, file.use, file.media_type)}"
    return Payload(
        path=unique_path(path, taken),
        source=file,
        sha256=file.sha256,
        size_bytes=file.size_bytes,
        media_type=file.media_type,
        use=file.use,
        group="TARGET" if kind == TARGET and file.use == "master" else group,
        page_id=head.page_id,
        original_name=fact.original_name if isinstance(fact, PageAcquired) else None,
        event_id=premis_id(head.event_id, 0),
    )

"""Reads the item record and the page list of a completed item."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from processors.institution import Institution
from processors.outcome import ObjectUnusable, StorageError
from processors.package.record_file import members
from processors.profile_packaging import FIRST_LAYOUT, KNOWN_LAYOUTS, layout_for
from processors.tools import Tools
from schemas import models
from schemas.models import Fact, FileRef, ItemCompleted, Rights

LAYOUT = "bag_layout"
"""Member with the layout version of the package. Members are sorted by name and this is the first,
so that it is read without the facts; a record without it is of layout 1."""
FACTS = ("facts", "captures", "releases")
HISTORY = "history"
"""Facts of the item that made none of its files: submissions, quarantines, decisions, attempts."""
FACTS_PER_PROGRESS_REPORT = 200


class RecordIncomplete(ValueError):
    """The item record lacks something that a package needs; the message says what."""


@dataclass(frozen=True)
class ItemRecord:
    """A completed item, read from its record and page list."""

    completed: ItemCompleted
    item_id: str
    description: dict[str, Any]
    """The submitted fields of the item, without pages."""
    pages: tuple[dict[str, Any], ...]
    """Page list entries, sorted by sequence and ref."""
    records: tuple[dict[str, Any], ...]
    """Submitted metadata records, with the keys of their files."""
    record: Path
    """The file of the item record, which is too large for memory."""
    layout: int
    """The layout version of its package."""
    profile: dict[str, Any]
    """The frozen profile of its batch; empty for a record of layout 1, which does not use it."""
    progress: Callable[[str], None]

    def facts(self) -> Iterator[Fact]:
        """Facts, captures and releases in the order of the item record, then the completion."""
        return self._facts(FACTS)

    def history_and_facts(self) -> Iterator[Fact]:
        """The same, and the facts that made none of the files."""
        return self._facts((*FACTS, HISTORY))

    def _facts(self, names: tuple[str, ...]) -> Iterator[Fact]:
        for number, (key, value) in enumerate(members(self.record)):
            if number % FACTS_PER_PROGRESS_REPORT == 0:
                self.progress("reading the item record")
            if key in names:
                yield getattr(models, value["record"]).model_validate(value["fact"])
        yield self.completed

    def withdrawn(self) -> frozenset[str]:
        """Refs of the pages that a person withdrew."""
        return frozenset(value for key, value in members(self.record) if key == "withdrawn")

    def not_pages(self) -> frozenset[str]:
        """Refs of the withdrawn pages whose files are no pages of the item."""
        return frozenset(value for key, value in members(self.record) if key == "not_pages")

    def superseded(self) -> tuple[str, ...]:
        """The package of an earlier version of the item that this one replaces."""
        return tuple(value for key, value in members(self.record) if key == "supersedes")

    def without(self, refs: frozenset[str]) -> Self:
        """The item with these withdrawn pages as missing, or removed if they are no pages."""
        removed = self.not_pages() if refs else frozenset[str]()
        pages = (
            {**page, "kind": "missing", "file": None} if page["ref"] in refs else page
            for page in self.pages
            if page["ref"] not in removed
        )
        return replace(self, pages=tuple(pages))

    @property
    def missing(self) -> tuple[str, ...]:
        """Refs of the pages that have no file in the package."""
        return tuple(page["ref"] for page in self.pages if page["kind"] == "missing")

    @property
    def institution(self) -> Institution:
        """The institution in the frozen profile; without statements if that has none."""
        return Institution.model_validate(self.profile.get("institution", {}))

    @property
    def rights(self) -> Rights:
        """The submitted rights."""
        given = self.description.get("rights") or {}
        return Rights(**{name: given.get(name) for name in Rights.model_fields})


def read_item(completed: ItemCompleted, tools: Tools) -> ItemRecord:
    """The item of a completion. Raises RecordIncomplete and StorageError."""
    record = _checked(_named(completed, "item-record"), tools)
    page_list = json.loads(tools.storage.read(_named(completed, "page-list")))
    recorded = _layout(record)
    profile = _profile(completed, tools) if recorded != FIRST_LAYOUT else {}
    return ItemRecord(
        completed=completed,
        item_id=page_list["item"]["item_id"],
        description=page_list["item"],
        pages=tuple(sorted(page_list["pages"], key=lambda page: (page["sequence"], page["ref"]))),
        records=tuple(page_list.get("records") or ()),
        record=record,
        layout=layout_for(recorded, profile),
        profile=profile,
        progress=tools.progress,
    )


def _layout(record: Path) -> int:
    name, value = next(members(record), ("", None))
    layout = value if name == LAYOUT else FIRST_LAYOUT
    if layout not in KNOWN_LAYOUTS:
        raise RecordIncomplete(f"the record states the unknown layout {layout}")
    return int(layout)


def _profile(completed: ItemCompleted, tools: Tools) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(tools.storage.read(_named(completed, "profile")))
    return document


def _named(completed: ItemCompleted, use: str) -> FileRef:
    for file in completed.files:
        if file.use == use:
            return file
    raise RecordIncomplete(f"item.completed names no file with use {use}")


def _checked(file: FileRef, tools: Tools) -> Path:
    """A local copy of a file, with verified digest. Raises StorageError."""
    path = tools.storage.path(file)
    try:
        with path.open("rb") as content:
            found = hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as wrong:
        raise StorageError(f"{file.key}: {wrong}") from wrong
    if found != file.sha256:
        raise ObjectUnusable(f"{file.key} holds {found}, not {file.sha256}")
    return path

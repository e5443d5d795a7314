"""Collects the contents of a package in one pass over the facts of its item."""

from dataclasses import dataclass
from sys import intern
from typing import Any

from processors.package.captured import CaptureDevice, MasterCapture, capture_of
from processors.package.item_record import ItemRecord, RecordIncomplete
from processors.package.layout import TARGET, TARGETS, Payload, packaged_name, unique_path
from processors.page_files import master_name
from processors.pipeline import package_files
from schemas.ids import page_id, premis_id
from schemas.models import (
    Act,
    CaptureAccepted,
    Fact,
    FileRef,
    PageAcquired,
    PageDescribed,
    PageRecognized,
)

WRAPPED_USES = ("mix", "embedded-dc")
"""Uses whose documents are wrapped in METS instead of being files of the package."""


@dataclass(frozen=True, slots=True)
class MasterProperties:
    """Properties of a master, for its PREMIS object."""

    format_name: str
    format_version: str | None
    format_puid: str | None
    width_px: int
    height_px: int
    colour_space: str
    resolution_dpi: float | None


@dataclass(frozen=True, slots=True)
class CreatingApplication:
    """The software that wrote a master, and when."""

    software: str | None
    captured_at: str | None


@dataclass(frozen=True)
class Contents:
    """Files and properties of the pages of an item."""

    payloads: tuple[Payload, ...]
    wrapped: dict[tuple[str, str], FileRef]
    """Documents to wrap in METS, by page_id and use."""
    masters: dict[str, MasterProperties]
    created_by: dict[str, CreatingApplication]
    captures: dict[str, MasterCapture]
    """The captures of the masters, by page_id."""
    read: int
    """Number of pages with text."""
    withdrawn: frozenset[str]
    """Refs of pages that a person withdrew."""

    def by_page(self) -> dict[str, list[Payload]]:
        """Files of each page, in order."""
        found: dict[str, list[Payload]] = {}
        for payload in self.payloads:
            found.setdefault(payload.page_id or "", []).append(payload)
        return found

    def files(self) -> list[Payload]:
        """The payloads, but a file whose images are pages once."""
        first: dict[str, Payload] = {}
        for payload in self.payloads:
            first.setdefault(payload.path, payload)
        return list(first.values())


class _Collector:
    """Collects contents fact by fact."""

    def __init__(self, item: ItemRecord) -> None:
        self._kinds = {page_id(item.item_id, page["ref"]): page["kind"] for page in item.pages}
        self._texts = {
            page_id(item.item_id, page["ref"]): page["text"]["path"]
            for page in item.pages
            if page.get("text")
        }
        self._taken: set[str] = set()
        self._software: dict[tuple[str, str | None], tuple[str, str | None]] = {}
        self.payloads: list[Payload] = []
        self.wrapped: dict[tuple[str, str], FileRef] = {}
        self.masters: dict[str, MasterProperties] = {}
        self.created_by: dict[str, CreatingApplication] = {}
        self._devices: dict[Any, CaptureDevice] = {}
        self._captured: dict[str, MasterCapture] = {}
        self._masters: dict[str, str] = {}
        self.read: set[str] = set()

    def add(self, fact: Fact) -> None:
        """Add the files and properties in a fact."""
        page = fact.head.page_id
        # The fact of a capture may be about a page that was removed from the list.
        if page not in self._kinds:
            return
        for file in fact.files:
            if file.use == "master":
                self._masters[page] = file.sha256
            if file.use in package_files():
                self.payloads.append(self._payload(fact, file, page))
            elif file.use in WRAPPED_USES:
                self.wrapped[page, file.use] = file
        if isinstance(fact, PageAcquired):
            self.masters[page] = MasterProperties(
                **{name: getattr(fact, name) for name in MasterProperties.__slots__}
            )
        elif isinstance(fact, PageDescribed):
            self.created_by[page] = CreatingApplication(fact.capture_software, fact.captured_at)
        elif isinstance(fact, PageRecognized) and fact.read:
            self.read.add(page)
        elif isinstance(fact, CaptureAccepted):
            capture = capture_of(fact, self._devices)
            if capture is not None:
                self._captured[page] = capture

    def captures(self) -> dict[str, MasterCapture]:
        """The captures whose files are the masters."""
        return {
            page: capture
            for page, capture in self._captured.items()
            if capture.sha256 == self._masters.get(page)
        }

    def _payload(self, fact: Fact, file: FileRef, page: str) -> Payload:
        target = package_files()[file.use]
        image = fact.image if isinstance(fact, PageAcquired) and file.use == "master" else None
        ordinal, act = _creating_act(fact, file)
        return Payload(
            path=self._path(target.folder, page, file, image),
            source=file.key,
            sha256=file.sha256,
            size_bytes=file.size_bytes,
            # Interned, because all facts repeat the same values.
            media_type=intern(file.media_type),
            use=intern(file.use),
            group=TARGETS if self._kinds[page] == TARGET and file.use == "master" else target.group,
            page_id=page,
            original_name=self._delivered_as(fact, file, page),
            event_id=premis_id(fact.head.event_id, ordinal),
            made_by=self._creating_software(act) if act and file.use != "master" else None,
            image=image,
        )

    def _path(self, folder: str, page: str, file: FileRef, image: int | None) -> str:
        """The path of a file; pages that are images of one file have the same path."""
        if image is not None:
            item_id, _, ref = page.rpartition(":")
            return f"{folder}/{master_name(item_id, ref, file, image)}"
        path = f"{folder}/{packaged_name(page, file.use, file.media_type)}"
        return unique_path(path, self._taken)

    def _delivered_as(self, fact: Fact, file: FileRef, page: str) -> str | None:
        """The delivered name of a master or a delivered text."""
        if isinstance(fact, PageAcquired):
            return fact.original_name
        taken_over = isinstance(fact, PageRecognized) and fact.provided and file.use == "alto"
        return self._texts.get(page) if taken_over else None

    def _creating_software(self, act: Act) -> tuple[str, str | None] | None:
        """The last program of the act; earlier ones prepared its input."""
        programs = [
            (agent.name, agent.version)
            for agent in act.agents
            if agent.type == "software" and agent.version
        ]
        return self._software.setdefault(programs[-1], programs[-1]) if programs else None


def _creating_act(fact: Fact, file: FileRef) -> tuple[int, Act | None]:
    """The act that names a file as its result, with its ordinal; 0 and None for the transition."""
    name = f"sha256:{file.sha256}"
    for ordinal, act in enumerate(fact.acts, 1):
        if name in act.results:
            return ordinal, act
    return 0, None


def contents_of(item: ItemRecord) -> Contents:
    """The contents of the package of an item. Raises RecordIncomplete."""
    collector = _Collector(item)
    for fact in item.facts():
        collector.add(fact)
    without_master = [page["ref"] for page in item.pages if _lacks_master(item, page, collector)]
    withdrawn = item.withdrawn() if without_master else frozenset[str]()
    unexpected = [ref for ref in without_master if ref not in withdrawn]
    if unexpected:
        raise RecordIncomplete(f"the record contains no master of page {', '.join(unexpected[:5])}")
    return Contents(
        tuple(collector.payloads),
        collector.wrapped,
        collector.masters,
        collector.created_by,
        collector.captures(),
        len(collector.read),
        withdrawn,
    )


def _lacks_master(item: ItemRecord, page: dict[str, Any], collector: _Collector) -> bool:
    return bool(page.get("file")) and page_id(item.item_id, page["ref"]) not in collector.masters

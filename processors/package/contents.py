"""What goes into a package, gathered in one pass over the facts of its item."""

from dataclasses import dataclass
from sys import intern
from typing import Any

from processors.package.item_record import Item, RecordIncomplete
from processors.package.layout import TARGET, TARGETS, Payload, packaged_name, unique_path
from processors.pipeline import package_files
from schemas.ids import page_id, premis_id
from schemas.models import Act, Fact, FileRef, PageAcquired, PageDescribed, PageRecognized

WRAPPED = ("mix", "embedded-dc")
"""Uses whose documents stand inside METS and are no files of the package."""


@dataclass(frozen=True, slots=True)
class Master:
    """What is known of the master of a page."""

    format_name: str
    format_version: str | None
    format_puid: str | None
    width_px: int
    height_px: int
    colour_space: str
    resolution_dpi: float | None


@dataclass(frozen=True, slots=True)
class Embedded:
    """What a master says of how it came to be."""

    software: str | None
    captured_at: str | None


@dataclass(frozen=True)
class Contents:
    """Files and facts of the pages, by page_id where they are a page's."""

    payloads: tuple[Payload, ...]
    wrapped: dict[tuple[str, str], FileRef]
    """Documents to be wrapped in METS, by page_id and use."""
    masters: dict[str, Master]
    embedded: dict[str, Embedded]
    read: int
    """Pages with text."""
    withdrawn: frozenset[str]
    """Refs of pages that were to have a file and have none."""

    def by_page(self) -> dict[str, list[Payload]]:
        """Files of each page in their order."""
        found: dict[str, list[Payload]] = {}
        for payload in self.payloads:
            found.setdefault(payload.page_id or "", []).append(payload)
        return found


class _Gathering:
    """Contents while they grow."""

    def __init__(self, item: Item) -> None:
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
        self.masters: dict[str, Master] = {}
        self.embedded: dict[str, Embedded] = {}
        self.read: set[str] = set()

    def add(self, fact: Fact) -> None:
        """Take what a fact tells of its page."""
        page = fact.head.page_id
        # A capture's fact may speak of a page that has been withdrawn from the list.
        if page not in self._kinds:
            return
        for file in fact.files:
            if file.use in package_files():
                self.payloads.append(self._payload(fact, file, page))
            elif file.use in WRAPPED:
                self.wrapped[page, file.use] = file
        if isinstance(fact, PageAcquired):
            self.masters[page] = Master(**{name: getattr(fact, name) for name in Master.__slots__})
        elif isinstance(fact, PageDescribed):
            self.embedded[page] = Embedded(fact.capture_software, fact.captured_at)
        elif isinstance(fact, PageRecognized) and fact.read:
            self.read.add(page)

    def _payload(self, fact: Fact, file: FileRef, page: str) -> Payload:
        place = package_files()[file.use]
        path = f"{place.folder}/{packaged_name(page, file.use, file.media_type)}"
        ordinal, act = _making(fact, file)
        return Payload(
            path=unique_path(path, self._taken),
            source=file.key,
            sha256=file.sha256,
            size_bytes=file.size_bytes,
            # The same few words in every fact: kept once.
            media_type=intern(file.media_type),
            use=intern(file.use),
            group=TARGETS if self._kinds[page] == TARGET and file.use == "master" else place.group,
            page_id=page,
            original_name=self._delivered_as(fact, file, page),
            event_id=premis_id(fact.head.event_id, ordinal),
            made_by=self._maker_of(act) if act and file.use != "master" else None,
        )

    def _delivered_as(self, fact: Fact, file: FileRef, page: str) -> str | None:
        """The delivered name of a master, and of a text that was taken over as delivered."""
        if isinstance(fact, PageAcquired):
            return fact.original_name
        taken_over = isinstance(fact, PageRecognized) and fact.provided and file.use == "alto"
        return self._texts.get(page) if taken_over else None

    def _maker_of(self, act: Act) -> tuple[str, str | None] | None:
        """The last program of the act: what came before it prepared its input."""
        programs = [
            (agent.name, agent.version)
            for agent in act.agents
            if agent.type == "software" and agent.version
        ]
        return self._software.setdefault(programs[-1], programs[-1]) if programs else None


def _making(fact: Fact, file: FileRef) -> tuple[int, Act | None]:
    """Which event of a fact made a file: the act that names it as a result, else the transition."""
    name = f"sha256:{file.sha256}"
    for ordinal, act in enumerate(fact.acts, 1):
        if name in act.results:
            return ordinal, act
    return 0, None


def contents_of(item: Item) -> Contents:
    """Everything of the pages that goes into the package, in order. Raises RecordIncomplete."""
    gathering = _Gathering(item)
    for fact in item.facts():
        gathering.add(fact)
    lacking = [page["ref"] for page in item.pages if _lacks_its_master(item, page, gathering)]
    withdrawn = item.withdrawn() if lacking else frozenset[str]()
    unforeseen = [ref for ref in lacking if ref not in withdrawn]
    if unforeseen:
        raise RecordIncomplete(f"the record contains no master of page {', '.join(unforeseen[:5])}")
    return Contents(
        tuple(gathering.payloads),
        gathering.wrapped,
        gathering.masters,
        gathering.embedded,
        len(gathering.read),
        withdrawn,
    )


def _lacks_its_master(item: Item, page: dict[str, Any], gathering: _Gathering) -> bool:
    return bool(page.get("file")) and page_id(item.item_id, page["ref"]) not in gathering.masters

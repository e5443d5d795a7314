"""Collects the events of an item; those that differ in page and time alone become one."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from processors.captures import device_of, setting_texts
from processors.package.item_record import ItemRecord
from processors.premis import WORKER_ROLE, events_of
from schemas.ids import make_id
from schemas.models import (
    Agent,
    CaptureAccepted,
    ControlDecided,
    Fact,
    ItemRegistered,
    PremisEvent,
    WorkDeferred,
)
from schemas.times import written

SUCCESS, WARNING = "suc", "war"


def agent_id(agent: Agent) -> str:
    """Identifier of an agent, made of type, name and version."""
    version = f"@{agent.version}" if agent.version else ""
    return f"{agent.type}:{agent.name}{version}"


@dataclass
class Occurrence:
    """An event of the package: one event of the audit log, or several that are alike."""

    event: PremisEvent
    """The first one."""
    is_about_pages: bool
    at: datetime
    first_at: datetime
    ids: list[bytes] = field(default_factory=list)
    agents: dict[tuple[str, str], Agent] = field(default_factory=dict)
    """By agent_id and role."""
    objects: dict[str, None] = field(default_factory=dict)
    """The objects that the event names, as the log names them."""
    has_files: bool = False
    """Whether files of the package name it."""

    def add(self, event: PremisEvent) -> None:
        """Add an event of the log."""
        self.ids.append(event.head.event_id.encode())
        moment = event.head.occurred_at
        self.at, self.first_at = max(self.at, moment), min(self.first_at, moment)
        for agent in event.agents:
            self.agents.setdefault((agent_id(agent), agent.role), agent)
        if self.is_named_by_objects:
            return
        self.objects |= dict.fromkeys((*event.sources, *event.results))

    @property
    def is_named_by_objects(self) -> bool:
        """Whether the files that it made name it, instead of being named by it."""
        return self.is_about_pages and self.event.outcome == SUCCESS

    @property
    def event_id(self) -> str:
        """The id in the log, or one for several events that follows from the first."""
        first = self.event.head.event_id
        return first if len(self.ids) == 1 else make_id(first, "premis.xml", "combined")

    @property
    def detail(self) -> str:
        """The detail in the log; of several events, number, times, digest and the first detail."""
        if len(self.ids) == 1:
            return self.event.detail
        digest = hashlib.sha256(b"\n".join(sorted(self.ids))).hexdigest()
        return (
            f"{len(self.ids)} events of the audit log, from {written(self.first_at)} to "
            f"{written(self.at)}. SHA-256 of their sorted ids, one a line: {digest}. "
            f"The detail of the first: {self.event.detail}"
        )


class History:
    """The events of an item in order of time, and which event made a file."""

    def __init__(self, item: ItemRecord) -> None:
        self._alike: dict[Any, Occurrence] = {}
        self._of_event: dict[str, Occurrence] = {}
        self._of_capture: dict[str, Occurrence] = {}
        self.registration: Occurrence | None = None
        """The registration of the item with its submitted records."""
        self.serial_numbers: dict[str, str] = {}
        """A note with serial number or address of each device, by its agent_id."""
        for fact in item.history_and_facts():
            if isinstance(fact, CaptureAccepted):
                self._note_device(fact)
            for event in events_of(fact):
                self._add(fact, event)

    def _note_device(self, fact: CaptureAccepted) -> None:
        device = device_of(fact)
        if device is not None and fact.device_serial:
            note = f"serial number or address: {fact.device_serial}"
            self.serial_numbers[agent_id(device)] = note

    def _add(self, fact: Fact, event: PremisEvent) -> None:
        key = _likeness(fact, event) or event.head.event_id
        found = self._alike.get(key)
        if found is None:
            moment = event.head.occurred_at
            is_about_pages = not isinstance(key, str)
            found = self._alike[key] = Occurrence(event, is_about_pages, moment, moment)
        found.add(event)
        if isinstance(fact, ItemRegistered) and event.ordinal == 0:
            self.registration = found
        if found.is_named_by_objects and (event.results or event.ordinal == 0):
            self._of_event[event.head.event_id] = found
            if isinstance(fact, CaptureAccepted) and event.ordinal and fact.head.page_id:
                self._of_capture[fact.head.page_id] = found

    def __iter__(self) -> Iterator[Occurrence]:
        return iter(sorted(self._alike.values(), key=lambda one: one.at))

    def of_event(self, event_id: str | None) -> Occurrence | None:
        """The event of the package that stands for an event of the log that made files."""
        return self._of_event.get(event_id or "")

    def of_capture(self, page_id: str) -> Occurrence | None:
        """The event by which a device made the master of a page."""
        return self._of_capture.get(page_id)


def _likeness(fact: Fact, event: PremisEvent) -> tuple[object, ...] | None:
    """What events that become one have in common; None for an event that stays alone. Only events
    of pages become one: successes, warnings with the same code, and failed attempts of a step with
    the same class of error."""
    if fact.head.page_id is None or isinstance(fact, ControlDecided):
        return None
    if event.outcome not in (SUCCESS, WARNING) and not isinstance(fact, WorkDeferred):
        return None
    settings = tuple(setting_texts(fact)) if isinstance(fact, CaptureAccepted) else ()
    step = fact.step if isinstance(fact, WorkDeferred) else None
    agents = tuple((agent_id(one), one.role) for one in event.agents if not _is_worker(one))
    return (type(fact), event.event_type, event.outcome, event.code, step, agents, settings)


def _is_worker(agent: Agent) -> bool:
    return agent.role == WORKER_ROLE and agent.type == "software"

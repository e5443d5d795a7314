"""Which pages may enter the window of work: by priority, then in fair shares between batches."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from schemas import ids
from schemas.catalogue import topic_of
from schemas.models import UNSTAMPED, FileRef, PageAdmitted
from streams.tracker.derived_states import derive
from streams.tracker.registration import ACQUIRE
from streams.tracker.unit_of_work import UnitOfWork

WIDEST_WINDOW = 500
STALLED_AFTER = timedelta(minutes=10)
RANK = {"rush": 0, "normal": 1, "night": 2}
Work = int | str
"""A retry that is due, by its row in the outbox, or a page that was not admitted yet."""


@dataclass(frozen=True)
class Waiting:
    """A batch that waits for places in the window: how many it has, what is next, in order."""

    batch_id: str
    priority: str
    busy: int
    pages: tuple[str, ...]
    retries: tuple[int, ...] = ()
    served: int = 0
    """Number of the place that it was given last: who was served longest ago comes first."""

    @property
    def work(self) -> tuple[Work, ...]:
        """What was begun goes before what is new."""
        return (*self.retries, *self.pages)


def window_size(ended_lately: int, pool_size: int) -> int:
    """How many pages may be at work: what ended in the last 30 s, within bounds."""
    return min(max(ended_lately, 2 * pool_size), WIDEST_WINDOW)


def choose(room: int, waiting: Sequence[Waiting]) -> list[Work]:
    """What enters the window: higher priority first; among equals the batch with the smallest
    share, and among those the one that was served longest ago."""
    line = [
        (RANK.get(batch.priority, 1), batch.busy, batch.served, place, 0)
        for place, batch in enumerate(waiting)
        if batch.work
    ]
    latest = max((batch.served for batch in waiting), default=0)
    heapq.heapify(line)
    chosen: list[Work] = []
    while line and len(chosen) < room:
        rank, busy, _, place, at = heapq.heappop(line)
        work = waiting[place].work
        chosen.append(work[at])
        if at + 1 < len(work):
            heapq.heappush(line, (rank, busy + 1, latest + len(chosen), place, at + 1))
    return chosen


def admit(unit: UnitOfWork) -> None:
    """Give away the places in the window, and admit late what has been worked on already."""
    (in_window, ended_lately, served) = unit.run("window")[0]
    waits_until = unit.night.waits_until(unit.now) if unit.night else None
    unit.run("keep_schedule", night_from=waits_until)
    room = window_size(ended_lately, unit.pool_size) - in_window
    pages = [page_id for (page_id,) in unit.run("late")]
    if room > 0:
        waiting = _waiting(unit, room, night=waits_until is None)
        chosen = choose(room, waiting)
        _note_served(unit, served, waiting, chosen)
        pages += [work for work in chosen if isinstance(work, str)]
        _let_go(unit, [work for work in chosen if isinstance(work, int)])
    if not pages:
        return
    rows = unit.run("to_admit", pages=pages)
    by_id = {row[0]: row for row in rows}
    facts = [_admitted(unit, by_id[page_id]) for page_id in pages]
    unit.emit(facts)
    unit.run_many("admitted", [(fact.head.event_id, fact.head.page_id) for fact in facts])
    for fact in facts:
        unit.mark_affected(fact.head)
    derive(unit)


def _waiting(unit: UnitOfWork, room: int, night: bool) -> list[Waiting]:
    """Batches that may be served now. Without space in the store nothing new is begun."""
    ranks = sorted(RANK, key=lambda priority: RANK[priority])
    values = {"now": unit.now, "new": unit.has_room(), "night": night}
    rows = unit.run("waiting", room=room, ranks=ranks, **values)
    return [
        Waiting(batch_id, priority, busy, tuple(pages), tuple(retries), served)
        for batch_id, priority, busy, pages, retries, served in rows
    ]


def _note_served(
    unit: UnitOfWork, served: int, waiting: Sequence[Waiting], chosen: Sequence[Work]
) -> None:
    owners = {work: batch.batch_id for batch in waiting for work in batch.work}
    numbers = {owners[work]: served + place for place, work in enumerate(chosen, 1)}
    if numbers:
        batches, latest = sorted(numbers), served + len(chosen)
        in_order = [numbers[batch_id] for batch_id in batches]
        unit.run("served", latest=latest, batches=batches, numbers=in_order)


def _let_go(unit: UnitOfWork, retries: Sequence[int]) -> None:
    """These are due and have a place in the window again; the relay sends them."""
    if retries:
        unit.affected.pages |= {page_id for (page_id,) in unit.run("let_go", ids=list(retries))}
        derive(unit)


def publish_stalled(unit: UnitOfWork, patience: timedelta = STALLED_AFTER) -> int:
    """Publish admitted pages again of which nothing was heard; receipts make that free."""
    rows = unit.run("stalled", patience=patience)
    for page_id, value in rows:
        unit.publish_later(topic_of("PageAdmitted").name, page_id, value, page_id=page_id)
    return len(rows)


def _admitted(unit: UnitOfWork, row: tuple[Any, ...]) -> PageAdmitted:
    page_id, item_id, batch_id, revision, entry, cause_id, *rest = row
    occurred_at, profile, required, priority = rest
    about = UNSTAMPED.model_copy(
        update={
            "batch_id": batch_id,
            "item_id": item_id,
            "page_id": page_id,
            "revision": revision,
        }
    )
    event_id = ids.make_id(page_id, revision, "PageAdmitted")
    file = entry["file"]
    capture = FileRef(
        use="capture",
        **{name: file[name] for name in ("key", "sha256", "size_bytes", "media_type")},
    )
    return PageAdmitted(
        head=unit.head(event_id, cause_id, occurred_at, about),
        ref=entry["ref"],
        sequence=entry["sequence"],
        kind=entry["kind"],
        layout=entry["layout"],
        labels=tuple(entry["labels"] or ()),
        languages=tuple(entry["languages"] or ()),
        script=entry["script"],
        original_name=file["path"],
        capture=entry["capture"],
        priority=priority,
        required_branches=tuple(step for step in required if step != ACQUIRE),
        vendor_checksums=tuple(file.get("vendor_checksums") or ()),
        files=(capture, FileRef(**profile), *_provided_text(entry)),
    )


def _provided_text(entry: dict[str, Any]) -> tuple[FileRef, ...]:
    """The ALTO that was delivered with a page, if any."""
    text = entry.get("text")
    if not text:
        return ()
    named = {name: text[name] for name in ("key", "sha256", "size_bytes", "media_type")}
    return (FileRef(use="provided-text", **named),)

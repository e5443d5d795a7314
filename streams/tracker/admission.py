"""Admits pages to the window of work: by priority, then in equal shares between batches."""

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

LARGEST_WINDOW = 500
STALLED_AFTER = timedelta(minutes=10)
RANK = {"rush": 0, "normal": 1, "night": 2}
Work = int | str
"""A due retry, by the id of its row in the outbox, or a page that was not admitted yet."""


@dataclass(frozen=True)
class WaitingBatch:
    """A batch that waits for places in the window, with its share of it and its next work."""

    batch_id: str
    priority: str
    pages_in_window: int
    pages: tuple[str, ...]
    retries: tuple[int, ...] = ()
    last_place: int = 0
    """Number of the last place given to it. The batch with the lowest number goes first."""

    @property
    def work(self) -> tuple[Work, ...]:
        """Its work; retries of started pages precede new pages."""
        return (*self.retries, *self.pages)


def window_size(ended_recently: int, pool_size: int) -> int:
    """How many pages may be at work: as many as ended in the last 30 s, within limits."""
    return min(max(ended_recently, 2 * pool_size), LARGEST_WINDOW)


def select_work(places: int, waiting: Sequence[WaitingBatch]) -> list[Work]:
    """The work that enters the window: the highest priority first; within a priority the batch with
    the smallest share of the window, and of these the one that has waited longest."""
    queue = [
        (RANK.get(batch.priority, 1), batch.pages_in_window, batch.last_place, index, 0)
        for index, batch in enumerate(waiting)
        if batch.work
    ]
    latest = max((batch.last_place for batch in waiting), default=0)
    heapq.heapify(queue)
    selected: list[Work] = []
    while queue and len(selected) < places:
        rank, share, _, index, position = heapq.heappop(queue)
        work = waiting[index].work
        selected.append(work[position])
        if position + 1 < len(work):
            place = latest + len(selected)
            heapq.heappush(queue, (rank, share + 1, place, index, position + 1))
    return selected


def admit(unit: UnitOfWork) -> None:
    """Fill the free places of the window, and admit pages that already have results."""
    (in_window, ended_recently, last_place) = unit.run("window")[0]
    night_from = unit.night.waits_until(unit.now) if unit.night else None
    unit.run("set_night_start", night_from=night_from)
    places = window_size(ended_recently, unit.pool_size) - in_window
    pages = [page_id for (page_id,) in unit.run("late_pages")]
    if places != 0:
        waiting, selected = _next_work(unit, places, is_night=night_from is None)
        _record_places(unit, last_place, waiting, selected)
        pages += [work for work in selected if isinstance(work, str)]
        _release_retries(unit, [work for work in selected if isinstance(work, int)])
    if pages:
        _admit_pages(unit, pages)


def _admit_pages(unit: UnitOfWork, pages: Sequence[str]) -> None:
    by_id = {row[0]: row for row in unit.run("pages_to_admit", pages=pages)}
    facts = [_admitted(unit, by_id[page_id]) for page_id in pages]
    unit.emit(facts)
    unit.run_many("mark_admitted", [(fact.head.event_id, fact.head.page_id) for fact in facts])
    for fact in facts:
        unit.mark_affected(fact.head)
    derive(unit)


def _next_work(
    unit: UnitOfWork, places: int, is_night: bool
) -> tuple[list[WaitingBatch], list[Work]]:
    """The batches that may get a place, and their work that enters the window."""
    if places > 0:
        waiting = _waiting_batches(unit, places, is_night)
        return waiting, select_work(places, waiting)
    # The window has shrunk below what is at work, for example since a lane was limited. That may
    # take hours, so rush batches do not wait for it: they get the smallest window.
    places = window_size(0, unit.pool_size)
    rush = [one for one in _waiting_batches(unit, places, is_night) if one.priority == "rush"]
    return rush, select_work(places - sum(one.pages_in_window for one in rush), rush)


def _waiting_batches(unit: UnitOfWork, places: int, is_night: bool) -> list[WaitingBatch]:
    """Batches that may start or continue now. Without space in the store no new page starts."""
    rows = unit.run(
        "waiting_batches",
        places=places,
        priorities=sorted(RANK, key=lambda priority: RANK[priority]),
        now=unit.now,
        has_space=unit.has_space(),
        is_night=is_night,
    )
    return [
        WaitingBatch(batch_id, priority, in_window, tuple(pages), tuple(retries), last_place)
        for batch_id, priority, in_window, pages, retries, last_place in rows
    ]


def _record_places(
    unit: UnitOfWork, last_place: int, waiting: Sequence[WaitingBatch], selected: Sequence[Work]
) -> None:
    owners = {work: batch.batch_id for batch in waiting for work in batch.work}
    place_of = {owners[work]: last_place + number for number, work in enumerate(selected, 1)}
    if place_of:
        batches = sorted(place_of)
        unit.run(
            "record_places",
            last_place=last_place + len(selected),
            batches=batches,
            places=[place_of[batch_id] for batch_id in batches],
        )


def _release_retries(unit: UnitOfWork, retries: Sequence[int]) -> None:
    """Let the relay publish due retries, whose pages have a place in the window again."""
    if retries:
        pages = unit.run("release_retries", ids=list(retries))
        unit.affected.pages |= {page_id for (page_id,) in pages}
        derive(unit)


def republish_stalled(unit: UnitOfWork, stalled_after: timedelta = STALLED_AFTER) -> int:
    """Publish admitted pages without progress again. Work that was done is not repeated: its
    receipt answers. Returns the number of pages."""
    rows = unit.run("stalled_pages", stalled_after=stalled_after)
    for page_id, value in rows:
        unit.publish_later(topic_of("PageAdmitted").name, page_id, value, page_id=page_id)
    return len(rows)


def _admitted(unit: UnitOfWork, row: tuple[Any, ...]) -> PageAdmitted:
    page_id, item_id, batch_id, revision, entry, cause_id, *rest = row
    occurred_at, profile, required, priority = rest
    subject = {"batch_id": batch_id, "item_id": item_id, "page_id": page_id, "revision": revision}
    event_id = ids.make_id(page_id, revision, "PageAdmitted")
    like = UNSTAMPED.model_copy(update=subject)
    file, text = entry["file"], entry.get("text")
    files = [_file_ref("capture", file), FileRef(**profile)]
    if text:
        files.append(_file_ref("provided-text", text))
    return PageAdmitted(
        head=unit.head(event_id, cause_id, occurred_at, like),
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
        image=entry.get("image"),
        files=tuple(files),
    )


def _file_ref(use: str, file: dict[str, Any]) -> FileRef:
    """The reference to a file, from its entry in a page list."""
    names = ("key", "sha256", "size_bytes", "media_type")
    return FileRef(use=use, **{name: file[name] for name in names})

"""Which pages may enter the window of work: by priority, then in fair shares between batches."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from schemas import ids
from schemas.catalogue import topic_of
from schemas.models import UNSTAMPED, FileRef, PageAdmitted
from streams.tracker.derive import derive
from streams.tracker.register import ACQUIRE
from streams.tracker.turn import Turn

WIDEST_WINDOW = 500
STALLED_AFTER = timedelta(minutes=10)
RANK = {"rush": 0, "normal": 1, "night": 2}


@dataclass(frozen=True)
class Waiting:
    """A batch with pages that wait: its share of the window so far, its next pages in order."""

    batch_id: str
    priority: str
    busy: int
    pages: tuple[str, ...]


def window_size(ended_lately: int, pool_size: int) -> int:
    """How many pages may be at work: what ended in the last 30 s, within bounds."""
    return min(max(ended_lately, 2 * pool_size), WIDEST_WINDOW)


def choose(room: int, waiting: Sequence[Waiting]) -> list[str]:
    """The pages to admit: higher priority first; among equals the batch with the smallest share."""
    line = [
        (RANK.get(batch.priority, 1), batch.busy, batch.batch_id, 0, batch.pages)
        for batch in waiting
        if batch.pages
    ]
    heapq.heapify(line)
    chosen: list[str] = []
    while line and len(chosen) < room:
        rank, busy, batch_id, at, pages = heapq.heappop(line)
        chosen.append(pages[at])
        if at + 1 < len(pages):
            heapq.heappush(line, (rank, busy + 1, batch_id, at + 1, pages))
    return chosen


def admit(turn: Turn) -> None:
    """Admit what the window has room for, and late what has been worked on already."""
    (in_window, ended_lately) = turn.run("window")[0]
    room = window_size(ended_lately, turn.pool_size) - in_window
    pages = [page_id for (page_id,) in turn.run("late")]
    if room > 0 and turn.has_room():
        rows = turn.run("waiting", room=room)
        pages += choose(room, [Waiting(row[0], row[1], row[2], tuple(row[3])) for row in rows])
    if not pages:
        return
    rows = turn.run("to_admit", pages=pages)
    by_id = {row[0]: row for row in rows}
    facts = [_admitted(turn, by_id[page_id]) for page_id in pages]
    turn.tell(facts)
    turn.run_many("admitted", [(fact.head.event_id, fact.head.page_id) for fact in facts])
    for fact in facts:
        turn.touch(fact.head)
    derive(turn)


def publish_stalled(turn: Turn, patience: timedelta = STALLED_AFTER) -> int:
    """Publish admitted pages again of which nothing was heard; receipts make that free."""
    rows = turn.run("stalled", patience=patience)
    for page_id, value in rows:
        turn.publish_later(topic_of("PageAdmitted").name, page_id, value, page_id=page_id)
    return len(rows)


def _admitted(turn: Turn, row: tuple[Any, ...]) -> PageAdmitted:
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
        head=turn.head(event_id, cause_id, occurred_at, about),
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

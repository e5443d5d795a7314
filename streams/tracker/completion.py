"""Completes items: when every required branch of every page has ended, record and then fact."""

import json
from typing import Any

from processors.package.item_record import HISTORY, LAYOUT
from processors.pipeline import STEPS
from processors.profile_packaging import LAYOUT_VERSION
from processors.tools import Area
from schemas import ids
from schemas.codec import decode
from schemas.models import Fact, FileRef, ItemCompleted
from streams.tracker.derived_states import derive
from streams.tracker.item_history import history_of
from streams.tracker.unit_of_work import UnitOfWork

RECORD_OF = {step.name: step.gives.__name__ for step in STEPS}
BEFORE_BRANCHES = ("PageAdmitted", "PageAcquired")


def complete(unit: UnitOfWork) -> None:
    """Complete the affected items that are ready. The item record is stored before the commit."""
    items = sorted(unit.affected.items)
    rows = unit.run("items_to_complete", items=items) if items else []
    for row in rows:
        fact = _completed(unit, row)
        unit.emit([fact])
        unit.run("mark_completed", item_id=fact.head.item_id, completed_id=fact.head.event_id)
    if rows:
        derive(unit)


def _completed(unit: UnitOfWork, row: tuple[Any, ...]) -> ItemCompleted:
    item_id, batch_id, revision, page_count, registered_id, page_list, profile, required, *rest = (
        row
    )
    priority, accepted_id = rest
    batch_fact, item_fact = _fact(unit, accepted_id), _fact(unit, registered_id)
    pages = unit.run("pages_of_item", item_id=item_id)
    of_pages = _facts_of_pages(unit, item_id, batch_id, pages, required)
    captures = [decode(value, Fact) for (value,) in unit.run("captures_of_item", item_id=item_id)]
    decisions = unit.run("decisions_of_item", item_id=item_id)
    facts = [batch_fact, item_fact, *of_pages]
    record = {
        LAYOUT: LAYOUT_VERSION,
        "item_id": item_id,
        "batch_id": batch_id,
        "revision": revision,
        "page_list": page_list,
        "profile": profile,
        "facts": [_entry(fact) for fact in facts],
        "captures": [_entry(fact) for fact in captures],
        "releases": [_entry(decode(value, Fact)) for value, *_ in decisions],
        "withdrawn": unit.run("withdrawn_pages", item_id=item_id)[0][0] or [],
    }
    times = [fact.head.occurred_at for fact in (*facts, *captures)]
    completed_at = max(times + [decided_at for _, decided_at, _ in decisions])
    decided = [event_id for *_, event_id in decisions]
    if history := history_of(unit, item_id, batch_id, completed_at, decided):
        record[HISTORY] = [_entry(fact) for fact in history]
    if not_pages := unit.run("files_that_are_no_pages", item_id=item_id)[0][0]:
        record["not_pages"] = not_pages
    if superseded := unit.run("superseded_package", item_id=item_id):
        record["supersedes"] = [superseded[0][0]]
    head = item_fact.head
    event_id = ids.make_id(item_id, revision, "ItemCompleted")
    return ItemCompleted(
        head=unit.head(event_id, registered_id, completed_at, head).model_copy(
            update={"revision": revision}
        ),
        page_count=page_count,
        priority=priority,
        files=(_store_item_record(unit, record), FileRef(**page_list), FileRef(**profile)),
    )


def _facts_of_pages(
    unit: UnitOfWork, item_id: str, batch_id: str, pages: list[tuple[Any, ...]], required: list[str]
) -> list[Fact]:
    """For each page in order: admitted, acquired, then its required branches by step name."""
    branches = [RECORD_OF[step] for step in sorted(required)]
    records = [*BEFORE_BRANCHES, *(name for name in branches if name not in BEFORE_BRANCHES)]
    rows = unit.run("facts_of_item", item_id=item_id, batch_id=batch_id, records=records)
    # Rows are ordered by time: of two facts about the same work the later one is used.
    latest = {(page_id, revision, record): value for record, page_id, revision, value in rows}
    # A missing fact is a bug. It raises KeyError: no item record is better than a wrong one.
    return [
        decode(latest[page_id, revision, record], Fact)
        for page_id, revision, kind in pages
        if kind != "missing"
        for record in records
    ]


def _fact(unit: UnitOfWork, event_id: str) -> Fact:
    return decode(unit.run("fact", event_id=event_id)[0][0], Fact)


def _entry(fact: Fact) -> dict[str, Any]:
    return {"record": type(fact).__name__, "fact": fact.model_dump(mode="json")}


def _store_item_record(unit: UnitOfWork, record: dict[str, Any]) -> FileRef:
    text = json.dumps(record, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return unit.storage.keep(
        text.encode(), area=Area.RECORDS, use="item-record", media_type="application/json"
    )

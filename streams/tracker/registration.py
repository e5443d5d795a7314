"""Item registrations: the item and its pages become rows, or the delivery is refused as a whole."""

import json
from typing import Any, cast

from psycopg.types.json import Jsonb

from processors.outcome import StorageError
from schemas import ids
from schemas.models import FileRef, ItemRegistered
from streams.tracker.quarantine_decisions import released_by
from streams.tracker.quarantine_records import Fault, quarantine, refusal, refusal_id, storable
from streams.tracker.unit_of_work import StoredFact, UnitOfWork

ACQUIRE = "acquire_page"
NEEDED = {"ref", "sequence", "kind", "layout", "labels", "languages", "script", "capture", "file"}
COPY_PAGES = (
    "COPY line.pages (page_id, item_id, batch_id, ref, sequence, kind, revision, capture, entry)"
    " FROM STDIN"
)


def register(unit: UnitOfWork, one: StoredFact) -> None:
    """Make rows of an item and its pages, once its batch's submission is known.

    The first delivery of an item id counts, without regard to case; another is refused."""
    head = one.head
    known = unit.run(
        "batch_of_registration",
        batch_id=head.batch_id,
        received_id=released_by(unit, head.cause_id, head.batch_id) or head.cause_id,
        registered_id=head.event_id,
    )
    if not known:
        return  # the batch is not received yet, or this belongs to a refused submission
    cancelled, done_before = known[0]
    if done_before:
        return
    fact = cast(ItemRegistered, one.fact)
    fault = _already_refused(unit, one) or _claim(unit, fact, cancelled)
    if fault is None:
        unit.affected.items.add(str(head.item_id))
        unit.affected.whole.add(str(head.item_id))
    else:
        _refuse(unit, one, fact, fault)


def _already_refused(unit: UnitOfWork, one: StoredFact) -> Fault | None:
    """In a rebuild: the refusal that stands on the tracker's topics."""
    if unit.run("decided", event_ids=[refusal_id(one.head.event_id)]):
        return Fault("item.already-delivered", f"item {one.head.item_id}", "refused before")
    return None


def _claim(unit: UnitOfWork, fact: ItemRegistered, cancelled: bool) -> Fault | None:
    head, files = fact.head, {file.use: file for file in fact.files}
    try:
        entries = _page_entries(unit, files["page-list"], fact.page_count)
        profile = files["profile"]
    except (KeyError, TypeError, ValueError) as wrong:
        found = f"{type(wrong).__name__}: {wrong}"[:2000]
        return Fault("item.page-list-unfit", f"item {head.item_id}", found)
    completed_id = ids.make_id(str(head.item_id), head.revision, "ItemCompleted")
    claimed = unit.run(
        "claim_item",
        item_id=head.item_id,
        batch_id=head.batch_id,
        registered_id=head.event_id,
        registered_at=head.occurred_at,
        revision=head.revision,
        page_count=fact.page_count,
        required=[ACQUIRE, *sorted(set(fact.required_branches) - {ACQUIRE})],
        title=storable(fact.title),
        page_list=Jsonb(files["page-list"].model_dump(mode="json")),
        profile=Jsonb(profile.model_dump(mode="json")),
        cancelled=cancelled,
        completed_id=completed_id if unit.run("decided", event_ids=[completed_id]) else None,
    )
    if not claimed:
        return _already_delivered(fact)
    _put_pages(unit, fact, entries)
    return None


def _already_delivered(fact: ItemRegistered) -> Fault:
    return Fault(
        "item.already-delivered",
        f"item {fact.head.item_id}",
        "an item with this id, ignoring case, was delivered before",
    )


def _page_entries(unit: UnitOfWork, page_list: FileRef, page_count: int) -> list[dict[str, Any]]:
    try:
        document = json.loads(unit.storage.read(page_list))
    except StorageError as fault:
        # Away is the world's fault and ends this process; gone for good is the material's.
        if unit.storage.size(page_list.key) == page_list.size_bytes:
            raise
        raise ValueError(str(fault)) from fault
    entries: list[dict[str, Any]] = document["pages"]
    if len(entries) != page_count:
        raise ValueError(f"the page list has {len(entries)} pages, expected {page_count}")
    if len({entry["ref"] for entry in entries}) != len(entries):
        raise ValueError("the page list has a duplicate ref")
    for entry in entries:
        if not entry.keys() >= NEEDED:
            raise ValueError(f"page {entry['ref']} lacks {sorted(NEEDED - entry.keys())}")
        if entry["kind"] != "missing" and not entry["file"]:
            raise ValueError(f"page {entry['ref']} has no file")
    return entries


def _put_pages(unit: UnitOfWork, fact: ItemRegistered, entries: list[dict[str, Any]]) -> None:
    item_id, batch_id = str(fact.head.item_id), str(fact.head.batch_id)
    with unit.conn.cursor() as cursor, cursor.copy(COPY_PAGES) as copy:
        for entry in entries:
            page = (ids.page_id(item_id, entry["ref"]), item_id, batch_id, entry["ref"])
            place = (entry["sequence"], entry["kind"], 1, entry.get("capture"))
            copy.write_row((*page, *place, json.dumps(entry)))
    unit.run("restore_facts", item_id=item_id, batch_id=batch_id)
    unit.run("restore_admitted", item_id=item_id)


def _refuse(unit: UnitOfWork, one: StoredFact, fact: ItemRegistered, fault: Fault) -> None:
    """All pages of the delivery count as quarantined from this turn on."""
    unit.run(
        "refuse_item",
        registered_id=one.head.event_id,
        batch_id=one.head.batch_id,
        item_id=one.head.item_id,
        page_count=fact.page_count,
        quarantine_id=refusal_id(one.head.event_id),
    )
    files = [unit.keep_original(one.value)]
    quarantine(unit, refusal(unit, one.head, one.origin(), fault, files))

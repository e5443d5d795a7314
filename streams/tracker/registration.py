"""Registers items: writes rows for an item and its pages, or refuses the complete delivery."""

import json
from typing import Any, cast

from psycopg.types.json import Jsonb

from processors.outcome import ObjectUnusable
from schemas import ids
from schemas.models import FileRef, ItemRegistered
from streams.tracker.operator_check import is_refused
from streams.tracker.quarantine_decisions import released_batch
from streams.tracker.quarantine_records import Fault, quarantine, refusal, refusal_id, storable
from streams.tracker.queries import query
from streams.tracker.unit_of_work import StoredFact, UnitOfWork
from streams.tracker.versions import Version, keep_current, next_version, replaces_itself

ACQUIRE = "acquire_page"
TYPES: dict[str, Any] = {
    **dict.fromkeys(("ref", "kind", "layout"), str),
    "sequence": int,
    **dict.fromkeys(("labels", "languages"), list | None),
    **dict.fromkeys(("script", "capture"), str | None),
    "image": int | None,
}
"""Types of the values of an entry in a page list."""
FILE_TYPES: dict[str, Any] = {
    **dict.fromkeys(("path", "key", "sha256", "media_type"), str),
    "size_bytes": int,
}
NEEDED = {"ref", "sequence", "kind", "layout", "labels", "languages", "script", "capture", "file"}


def register(unit: UnitOfWork, stored: StoredFact) -> None:
    """Write rows for an item and its pages, once the submission of its batch is known.

    The first delivery of an item id wins; case is ignored. A second delivery is refused, unless it
    replaces the item, whose next version it is then."""
    head = stored.head
    known = unit.run(
        "batch_of_registration",
        batch_id=head.batch_id,
        received_id=released_batch(unit, head.cause_id, head.batch_id) or head.cause_id,
        registered_id=head.event_id,
    )
    if not known or is_refused(unit, head.cause_id):
        return  # the batch was not received yet, or its submission was refused
    cancelled, accepted, registered_before = known[0]
    fact = cast(ItemRegistered, stored.fact)
    if registered_before:
        return
    if replaces_itself(fact) and (unit.rebuilding or not accepted):
        return  # a version waits for its acceptance, and in a rebuild for the earlier versions
    fault = _refused_before(unit, stored) or _claim(unit, fact, cancelled)
    if fault is None:
        unit.affected.items.add(str(head.item_id))
        unit.affected.all_pages_of.add(str(head.item_id))
    else:
        _refuse(unit, stored, fact, fault)


def _refused_before(unit: UnitOfWork, stored: StoredFact) -> Fault | None:
    """In a rebuild: the refusal that the tracker published before."""
    if unit.run("decided", event_ids=[refusal_id(stored.head.event_id)]):
        return Fault("item.already-delivered", f"item {stored.head.item_id}", "refused before")
    return None


def _claim(unit: UnitOfWork, fact: ItemRegistered, cancelled: bool) -> Fault | None:
    head, files = fact.head, {file.use: file for file in fact.files}
    try:
        entries = _page_entries(unit, files["page-list"], fact.page_count)
        profile = files["profile"]
    except (AttributeError, KeyError, TypeError, ValueError) as failure:
        found = f"{type(failure).__name__}: {failure}"[:2000]
        return Fault("item.page-list-unfit", f"item {head.item_id}", found)
    values = {
        "item_id": head.item_id,
        "batch_id": head.batch_id,
        "registered_id": head.event_id,
        "registered_at": head.occurred_at,
        "page_count": fact.page_count,
        "required": [ACQUIRE, *sorted(set(fact.required_branches) - {ACQUIRE})],
        "title": storable(fact.title),
        "page_list": Jsonb(files["page-list"].model_dump(mode="json")),
        "profile": Jsonb(profile.model_dump(mode="json")),
        "cancelled": cancelled,
    }
    version = Version(head.revision, {})
    if not unit.run("claim_item", **values, **_of_revision(unit, fact, version)):
        following = next_version(unit, fact)
        if isinstance(following, Fault):
            return following
        version = following
        keep_current(unit, str(head.item_id))
        unit.run("replace_item", **values, **_of_revision(unit, fact, version))
    _put_pages(unit, fact, entries, version.page_revisions)
    return None


def _of_revision(unit: UnitOfWork, fact: ItemRegistered, version: Version) -> dict[str, Any]:
    """Values of the item's row; in a rebuild, the item may have been completed before."""
    completed_id = ids.make_id(str(fact.head.item_id), version.revision, "ItemCompleted")
    decided = unit.run("decided", event_ids=[completed_id])
    return {"revision": version.revision, "completed_id": completed_id if decided else None}


def _page_entries(unit: UnitOfWork, page_list: FileRef, page_count: int) -> list[dict[str, Any]]:
    try:
        document = json.loads(unit.storage.read(page_list))
    except ObjectUnusable as failure:
        # A lost or damaged page list refuses the item. For a store that is away the tracker waits.
        raise ValueError(str(failure)) from failure
    entries: list[dict[str, Any]] = document["pages"]
    if len(entries) != page_count:
        raise ValueError(f"the page list has {len(entries)} pages, expected {page_count}")
    if len({entry["ref"] for entry in entries}) != len(entries):
        raise ValueError("the page list has a duplicate ref")
    for entry in entries:
        if missing := NEEDED - entry.keys():
            raise ValueError(f"page {entry['ref']} has no {', '.join(sorted(missing))}")
        if entry["kind"] != "missing" and not entry["file"]:
            raise ValueError(f"page {entry['ref']} has no file")
        _check_types(entry)
    return entries


def _check_types(entry: dict[str, Any]) -> None:
    """Raises ValueError. With another form, the admission of the page would fail later."""
    parts = [(entry, TYPES), (entry["file"] or {}, FILE_TYPES if entry["file"] else {})]
    for values, types in parts:
        for name, expected in types.items():
            if not isinstance(values.get(name), expected):
                found = f"{name} is {values.get(name)!r}"[:200]
                raise ValueError(f"page {entry['ref']}: {found}")


def _put_pages(
    unit: UnitOfWork,
    fact: ItemRegistered,
    entries: list[dict[str, Any]],
    revisions: dict[str, int],
) -> None:
    item_id, batch_id = str(fact.head.item_id), str(fact.head.batch_id)
    with unit.conn.cursor() as cursor, cursor.copy(query("copy_pages")) as copy:
        for entry in entries:
            page_id = ids.page_id(item_id, entry["ref"])
            page = (page_id, item_id, batch_id, entry["ref"], entry["sequence"], entry["kind"])
            row = (*page, revisions.get(page_id, 1), entry.get("capture"))
            copy.write_row((*row, json.dumps(entry)))
    unit.run("restore_facts", item_id=item_id, batch_id=batch_id)
    unit.run("restore_admitted", item_id=item_id)


def _refuse(unit: UnitOfWork, stored: StoredFact, fact: ItemRegistered, fault: Fault) -> None:
    """Refuse a delivery. All its pages count as quarantined from this transaction on."""
    unit.run(
        "refuse_item",
        registered_id=stored.head.event_id,
        batch_id=stored.head.batch_id,
        item_id=stored.head.item_id,
        page_count=fact.page_count,
        quarantine_id=refusal_id(stored.head.event_id),
    )
    files = [unit.store_original(stored.value)]
    quarantine(unit, refusal(unit, stored.head, stored.origin(), fault, files))

"""New versions of items: a delivery that replaces an item whose earlier delivery has ended."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from processors.item_versions import is_version_of
from schemas import ids
from schemas.codec import decode
from schemas.models import BatchReceived, ItemCompleted, ItemRegistered
from streams.execution.senders import sender_of
from streams.kafka.client import STATION
from streams.tracker.quarantine_records import Fault
from streams.tracker.unit_of_work import StoredFact, UnitOfWork

DELIVERED, IN_PROGRESS = "item.already-delivered", "item.in-progress"
PACKAGED, CANCELLED = "packaged", "cancelled"


@dataclass(frozen=True)
class Version:
    """The version of an item that takes the place of the latest one."""

    revision: int
    page_revisions: dict[str, int]
    """The next revision of each page that the item had before."""


def replaces_itself(fact: ItemRegistered) -> bool:
    """Whether a delivery names its own item, or a version of it, as the one that it replaces."""
    return is_version_of(str(fact.head.item_id), fact.replaces)


def next_version(unit: UnitOfWork, fact: ItemRegistered) -> Version | Fault:
    """The next version of a known item, or why the delivery does not make one."""
    item_id = str(fact.head.item_id)
    rows = unit.run("current_version", item_id=item_id) if replaces_itself(fact) else []
    if not rows:
        found = "an item with this id, ignoring case, was delivered before"
        return Fault(DELIVERED, f"item {item_id}", found)
    revision, state, batch_id, completed = rows[0]
    if fact.replaces not in (item_id, ids.package_id(item_id, revision)):
        found = f"the delivery replaces {fact.replaces}, the latest version has revision {revision}"
        return Fault(DELIVERED, f"item {item_id}", found)
    if _sender(unit, batch_id) != _sender(unit, str(fact.head.batch_id)):
        return Fault(DELIVERED, f"item {item_id}", "another sender delivered it before")
    # The package of a completed item may still be published, also after it was rejected.
    if state != PACKAGED and (state != CANCELLED or completed):
        found = f"the delivery replaces an item of batch {batch_id} that is {state}"
        return Fault(IN_PROGRESS, f"item {item_id}", found)
    known = unit.run("page_revisions", item_id=item_id)
    return Version(revision + 1, {page_id: highest + 1 for page_id, highest in known})


def keep_current(unit: UnitOfWork, item_id: str) -> None:
    """Keep the figures of the latest version for its batch, and make room for the next one."""
    ((_, _, batch_id, _),) = unit.run("current_version", item_id=item_id)
    for name in ("keep_version", "supersede_version_records", "drop_pages_of_item"):
        unit.run(name, item_id=item_id)
    unit.affected.batches.add(batch_id)


def versions_of(unit: UnitOfWork, cause_id: str | None = None) -> list[StoredFact]:
    """The deliveries that replace their own item and are not registered: all, or those of one
    pre-flight, in the order in which they were published."""
    rows = unit.run("unregistered_items", cause_id=cause_id)
    read = [StoredFact.from_bytes(*row) for row in rows]
    return [stored for stored in read if replaces_itself(cast(ItemRegistered, stored.fact))]


def waiting_versions(unit: UnitOfWork) -> Iterator[StoredFact]:
    """In a rebuild: the deliveries that replace their own item, in the order in which they became
    versions. Each is read after the one before it was registered."""
    waiting = versions_of(unit)
    while waiting:
        item_id = waiting[0].head.item_id
        same = [stored for stored in waiting if stored.head.item_id == item_id]
        chosen = next((one for one in same if _was_next(unit, one)), same[0])
        waiting.remove(chosen)
        yield chosen


def _was_next(unit: UnitOfWork, stored: StoredFact) -> bool:
    """Whether the next version of the item was completed for this batch before the rebuild."""
    item_id = str(stored.head.item_id)
    rows = unit.run("current_version", item_id=item_id)
    revision = rows[0][0] + 1 if rows else stored.head.revision
    decided = unit.run("decided", event_ids=[ids.make_id(item_id, revision, "ItemCompleted")])
    return any(
        decode(value, ItemCompleted).head.batch_id == stored.head.batch_id for _, value in decided
    )


def _sender(unit: UnitOfWork, batch_id: str) -> str:
    """Who sent a batch. Records from before signatures are the home's own."""
    rows = unit.run("received_of_batch", batch_id=batch_id)
    received: Any = decode(rows[0][0], BatchReceived) if rows else None
    return (sender_of(received.acts) if received else None) or STATION

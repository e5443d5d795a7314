"""Capture orders: requests about them, and the topic from which stations read them."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from processors.wording import counted
from schemas.catalogue import ORDERS
from schemas.ids import BATCH_ID
from schemas.models import Act, Agent, BatchAccepted, ControlRequested
from schemas.times import written
from streams import free_texts
from streams.capture_orders import (
    ACTIONS,
    ADD,
    ASSIGN,
    CLOSED,
    SUBJECT,
    OrderContent,
    is_station,
    order_of,
)
from streams.tracker.unit_of_work import UnitOfWork

__all__ = [
    "ACTIONS",
    "act_of",
    "change",
    "note_batch",
    "order_of",
    "publish",
    "publish_with_notes",
    "refusal",
]

COLUMNS = (
    "order_id",
    "state",
    "content",
    "notes",
    "placed_by",
    "placed_at",
    "assigned_to",
    "assigned_at",
    "closed_at",
    "batches",
)
Refusal = tuple[str, str] | None
"""Code and what was found; None for a request that is granted."""


def refusal(unit: UnitOfWork, fact: ControlRequested) -> Refusal:
    """Why a request about an order is refused."""
    order_id = order_of(fact)
    if order_id is None:
        return "order.malformed", f"{fact.action} applies to one order only."
    states = unit.run("order_state", order_id=order_id)
    if fact.action == ADD:
        if states:
            return "order.id-taken", f"Order {order_id} exists."
        return _malformed(fact)
    if not states:
        return "order.unknown", f"No order {order_id} is known."
    if states[0][0] == CLOSED:
        return "order.closed", f"Order {order_id} is closed."
    if fact.action == ASSIGN and fact.value is not None and not is_station(fact.value):
        return "order.malformed", f"{fact.value[:100]!r} is not the name of a station."
    return None


def _malformed(fact: ControlRequested) -> Refusal:
    try:
        OrderContent.read(fact.value)
    except ValueError as wrong:
        return "order.malformed", f"The order cannot be read: {wrong}."
    return None


def change(unit: UnitOfWork, fact: ControlRequested) -> None:
    """Carry out a granted request. The decision is a fact, so a rebuild gives the same orders."""
    order_id, at = order_of(fact), fact.head.occurred_at
    if fact.action == ADD:
        content = OrderContent.read(fact.value)
        fields = {k: v for k, v in json.loads(content.value()).items() if k != "notes"}
        free_texts.mark_used(unit.conn, content.notes)
        unit.run(
            "add_order",
            order_id=order_id,
            content=json.dumps(fields),
            notes=content.notes,
            placed_by=fact.by,
            placed_at=at,
        )
    elif fact.action == ASSIGN:
        unit.run("assign_order", order_id=order_id, station=fact.value, assigned_at=at)
    else:
        unit.run("close_order", order_id=order_id, closed_at=at)
    publish(unit, [str(order_id)])


def act_of(fact: ControlRequested, about: str) -> Act:
    """The event of a change of an order."""
    order_id = order_of(fact)
    if fact.action == ADD:
        content = OrderContent.read(fact.value)
        due = f", due {content.due}" if content.due else ""
        detail = (
            f"Capture order {order_id}: {counted(len(content.items), 'item')}, profile"
            f" {content.profile}, priority {content.priority}{due}."
        )
    elif fact.action == ASSIGN:
        detail = f"Capture order {order_id} is assigned to {fact.value or 'nobody'}."
    else:
        detail = f"Capture order {order_id} is closed."
    sources = (about, f"{SUBJECT}{order_id}")
    person = Agent(type="person", name=fact.by, role="authorizer")
    return Act(type="decision", outcome="suc", detail=detail, sources=sources, agents=(person,))


def note_batch(unit: UnitOfWork, fact: BatchAccepted) -> None:
    """Record the order that the manifest of an accepted batch names."""
    named = (one for act in fact.acts for one in act.sources if one.startswith(SUBJECT))
    order_ids = sorted({one.removeprefix(SUBJECT) for one in named})
    values = {"batch_id": fact.head.batch_id, "accepted_at": fact.head.occurred_at}
    for order_id in filter(BATCH_ID.match, order_ids):
        unit.run("note_order_batch", order_id=order_id, **values)
    publish(unit, order_ids)


def publish(unit: UnitOfWork, order_ids: Sequence[str] | None = None) -> None:
    """Publish the present state of these orders, or of all, for stations. A rebuild does it in the
    end."""
    if unit.rebuilding or order_ids == []:
        return
    rows = [
        dict(zip(COLUMNS, row, strict=True)) for row in unit.run("order_rows", order_ids=order_ids)
    ]
    notes = free_texts.find(unit.conn, [row["notes"] for row in rows])
    for row in rows:
        document = _document(row, notes.get(row["notes"]))
        content = json.dumps(document, ensure_ascii=False).encode()
        unit.publish_later(ORDERS.name, row["order_id"], content)


def publish_with_notes(unit: UnitOfWork, references: Iterable[str]) -> None:
    """Publish the orders again whose notes were deleted: the topic keeps the latest state only."""
    rows = unit.run("orders_with_notes", references=list(references))
    publish(unit, [order_id for (order_id,) in rows])


def _document(row: dict[str, Any], notes: free_texts.StoredText | None) -> dict[str, Any]:
    """What a station reads of an order."""
    times = {name: row[name] for name in ("placed_at", "assigned_at", "closed_at")}
    return {
        "order_id": row["order_id"],
        "state": row["state"],
        **row["content"],
        "notes": notes.words if notes else "",
        "placed_by": row["placed_by"],
        "assigned_to": row["assigned_to"],
        "batches": row["batches"],
        **{name: written(at) if at else None for name, at in times.items()},
    }

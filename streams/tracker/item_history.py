"""Reads the facts of an item that made none of its files: the history of its package."""

from collections.abc import Iterable
from datetime import datetime

from schemas.codec import decode
from schemas.models import Fact, WorkDeferred, WorkQuarantined
from streams.tracker.unit_of_work import UnitOfWork


def history_of(
    unit: UnitOfWork, item_id: str, batch_id: str, until: datetime, known: Iterable[str]
) -> list[Fact]:
    """Submissions, quarantines, failed attempts and decisions of an item and of its batch up to a
    time, without those of these event_ids. Ordered by time."""
    rows = unit.run(
        "history_of_item", item_id=item_id, batch_id=batch_id, until=until, known=sorted(known)
    )
    return [_without_content(decode(value, Fact)) for value, *_ in rows]


def _without_content(fact: Fact) -> Fact:
    """The fact without what no event has: the bytes of a message may be large."""
    if isinstance(fact, WorkDeferred):
        return fact.model_copy(update={"value": b""})
    if isinstance(fact, WorkQuarantined):
        return fact.model_copy(update={"diagnostics": ()})
    return fact

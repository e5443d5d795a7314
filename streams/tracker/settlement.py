"""Settles batches: publishes the counts of a batch once none of its pages is in flight."""

import logging
from datetime import datetime

from schemas import ids
from schemas.codec import decode
from schemas.models import UNSTAMPED, BatchSettled
from streams.tracker.unit_of_work import UnitOfWork

log = logging.getLogger(__name__)


def reopen(unit: UnitOfWork) -> list[str]:
    """Mark affected batches with work as not settled; returns the affected batches without work."""
    batches = sorted(unit.affected.batches)
    if not batches:
        return []
    at_rest = [batch_id for (batch_id,) in unit.run("batches_at_rest", batches=batches)]
    unit.run("reopen_batches", batches=batches, at_rest=at_rest)
    return at_rest


def settle(unit: UnitOfWork) -> None:
    """Settle the affected batches that have no work left."""
    for batch_id in reopen(unit):
        for row in unit.run("settlement_counts", batch_id=batch_id):
            _settle(unit, batch_id, *row)


def _settle(
    unit: UnitOfWork,
    batch_id: str,
    registered: int,
    packaged: int,
    quarantined: int,
    cancelled: int,
    in_flight: int,
    settlements: int,
    accepted_id: str,
    occurred_at: datetime,
) -> None:
    counts = (registered, packaged, quarantined, cancelled)
    if in_flight or registered != packaged + quarantined + cancelled:
        log.error(
            "batch counts inconsistent",
            extra={"batch_id": batch_id, "counts": counts, "in_flight": in_flight},
        )
        return
    published = _published_settlements(unit, batch_id)
    number = max([settlements, *published]) + 1
    if published.get(number - 1) == counts:
        number -= 1  # a rebuild derives the last published settlement again
    else:
        like = UNSTAMPED.model_copy(update={"batch_id": batch_id, "revision": 1})
        event_id = ids.make_id(batch_id, number, "BatchSettled")
        fact = BatchSettled(
            head=unit.head(event_id, accepted_id, occurred_at, like),
            settlement=number,
            registered=registered,
            packaged=packaged,
            quarantined=quarantined,
            cancelled=cancelled,
        )
        unit.emit([fact])
    unit.run("mark_settled", batch_id=batch_id, settlements=number)


def _published_settlements(unit: UnitOfWork, batch_id: str) -> dict[int, tuple[int, int, int, int]]:
    """In a rebuild: the counts of each settlement that was published before."""
    facts = [decode(value) for _, value in unit.run("decided_settlements", batch_id=batch_id)]
    return {
        fact.settlement: (fact.registered, fact.packaged, fact.quarantined, fact.cancelled)
        for fact in facts
        if isinstance(fact, BatchSettled)
    }

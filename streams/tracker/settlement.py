"""When no page of a batch is in flight any more, its stations are told, with counts."""

import logging
from datetime import datetime

from schemas import ids
from schemas.codec import decode
from schemas.models import UNSTAMPED, BatchSettled
from streams.tracker.unit_of_work import UnitOfWork

log = logging.getLogger(__name__)


def reopen(unit: UnitOfWork) -> list[str]:
    """A batch that is at work again is not settled any more; returns the touched ones at rest."""
    batches = sorted(unit.affected.batches)
    if not batches:
        return []
    quiet = [batch_id for (batch_id,) in unit.run("quiet", batches=batches)]
    unit.run("reopen", batches=batches, quiet=quiet)
    return quiet


def settle(unit: UnitOfWork) -> None:
    """Settle the touched batches that came to rest."""
    for batch_id in reopen(unit):
        for row in unit.run("settling", batch_id=batch_id):
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
            "the counts of a batch do not add up",
            extra={"batch_id": batch_id, "counts": counts, "in_flight": in_flight},
        )
        return
    told = _settlements_before(unit, batch_id)
    number = max([settlements, *told]) + 1
    if told.get(number - 1) == counts:
        number -= 1  # a rebuild meets what it told last
    else:
        about = UNSTAMPED.model_copy(update={"batch_id": batch_id, "revision": 1})
        event_id = ids.make_id(batch_id, number, "BatchSettled")
        fact = BatchSettled(
            head=unit.head(event_id, accepted_id, occurred_at, about),
            settlement=number,
            registered=registered,
            packaged=packaged,
            quarantined=quarantined,
            cancelled=cancelled,
        )
        unit.emit([fact])
    unit.run("settled", batch_id=batch_id, settlements=number)


def _settlements_before(unit: UnitOfWork, batch_id: str) -> dict[int, tuple[int, int, int, int]]:
    """In a rebuild: the counts of each settlement that stands on the tracker's topic."""
    facts = [decode(value) for _, value in unit.run("decided_settlements", batch_id=batch_id)]
    return {
        fact.settlement: (fact.registered, fact.packaged, fact.quarantined, fact.cancelled)
        for fact in facts
        if isinstance(fact, BatchSettled)
    }

"""When no page of a batch is in flight any more, its stations are told, with counts."""

import logging
from datetime import datetime

from schemas import ids
from schemas.codec import decode
from schemas.models import UNSTAMPED, BatchSettled
from streams.tracker.turn import Turn

log = logging.getLogger(__name__)


def reopen(turn: Turn) -> list[str]:
    """A batch that is at work again is not settled any more; returns the touched ones at rest."""
    batches = sorted(turn.touched.batches)
    if not batches:
        return []
    quiet = [batch_id for (batch_id,) in turn.run("quiet", batches=batches)]
    turn.run("reopen", batches=batches, quiet=quiet)
    return quiet


def settle(turn: Turn) -> None:
    """Settle the touched batches that came to rest."""
    for batch_id in reopen(turn):
        for row in turn.run("settling", batch_id=batch_id):
            _settle(turn, batch_id, *row)


def _settle(
    turn: Turn,
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
    told = _settlements_before(turn, batch_id)
    number = max([settlements, *told]) + 1
    if told.get(number - 1) == counts:
        number -= 1  # a rebuild meets what it told last
    else:
        about = UNSTAMPED.model_copy(update={"batch_id": batch_id, "revision": 1})
        event_id = ids.make_id(batch_id, number, "BatchSettled")
        fact = BatchSettled(
            head=turn.head(event_id, accepted_id, occurred_at, about),
            settlement=number,
            registered=registered,
            packaged=packaged,
            quarantined=quarantined,
            cancelled=cancelled,
        )
        turn.tell([fact])
    turn.run("settled", batch_id=batch_id, settlements=number)


def _settlements_before(turn: Turn, batch_id: str) -> dict[int, tuple[int, int, int, int]]:
    """In a rebuild: the counts of each settlement that stands on the tracker's topic."""
    facts = [decode(value) for _, value in turn.run("decided_settlements", batch_id=batch_id)]
    return {
        fact.settlement: (fact.registered, fact.packaged, fact.quarantined, fact.cancelled)
        for fact in facts
        if isinstance(fact, BatchSettled)
    }

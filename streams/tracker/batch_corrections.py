"""Corrected submissions of batches that pre-flight refused: they need no quarantine id."""

from collections.abc import Iterable

from streams.tracker.quarantine_records import refusal_id
from streams.tracker.unit_of_work import StoredFact, UnitOfWork


def corrects_refused_batch(unit: UnitOfWork, stored: StoredFact) -> bool:
    """Whether a submission takes the place of one that pre-flight refused.

    In a rebuild, the records of the refusals may be read later: what was not refused was taken."""
    if unit.run("decided", event_ids=[refusal_id(stored.head.event_id)]):
        return False
    refused = unit.run("refused_batch", batch_id=stored.head.batch_id)
    return unit.rebuilding or bool(refused)


def supersede_corrected(unit: UnitOfWork, batches: Iterable[str]) -> None:
    """Close the pre-flight records of submissions whose place another one has taken.

    A submission that the tracker refused has not lost its place: it never had it."""
    rows = unit.run("records_of_earlier_submissions", batches=sorted(batches))
    by_refusal = {refusal_id(origin): name for name, origin in rows}
    refused = {event_id for event_id, _ in unit.run("decided", event_ids=list(by_refusal))}
    refused |= {one for (one,) in unit.run("known_records", quarantine_ids=list(by_refusal))}
    names = sorted(name for event_id, name in by_refusal.items() if event_id not in refused)
    if names:
        unit.run("supersede_records", quarantine_ids=names)

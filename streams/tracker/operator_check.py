"""Refuses submissions and captures that name a person who may not be named.

The refusal is a fact: a rebuild refuses what has such a fact, and nothing else."""

from collections.abc import Sequence
from typing import Any, cast

from processors.outcome import subject
from processors.pipeline import STEPS
from schemas import ids
from schemas.models import (
    BatchAccepted,
    BatchReceived,
    CaptureAccepted,
    Fact,
    Head,
    WorkQuarantined,
)
from streams.execution.senders import sender_of
from streams.kafka.messages import Incoming
from streams.topology import RELEASED
from streams.tracker.persons import Refusal, note_persons, refusal_of
from streams.tracker.quarantine_records import Fault, quarantine, refusal
from streams.tracker.unit_of_work import StoredFact, UnitOfWork

CHECK = "operator"
"""Names the work of this check in ids."""
PRE_FLIGHT = next(step for step in STEPS if step.takes is BatchReceived)
BEFORE = ("person.unknown", "refused before", "")
"""In a rebuild, the published refusal replaces these words."""


def refuse_submission(unit: UnitOfWork, stored: StoredFact) -> bool:
    """Whether a submission that has its batch id is refused because of its operator.

    It is refused as pre-flight would: a correction, or a release, takes its place."""
    fact = cast(BatchReceived, stored.fact)
    return _refuse(unit, stored, stored.head.event_id, (fact.operator,))


def refuse_acceptance(unit: UnitOfWork, accepted: StoredFact, received_id: str | None) -> bool:
    """Whether a batch is refused because of the operator in its manifest or its submission."""
    head, fact = accepted.head, cast(BatchAccepted, accepted.fact)
    rows = unit.run("received_fact", batch_id=head.batch_id, received_id=received_id)
    if not rows:
        return False  # not the submission that has the batch id
    received = StoredFact.from_bytes(*rows[0])
    named = (cast(BatchReceived, received.fact).operator, fact.operator)
    if not _refuse(unit, received, str(head.cause_id), named):
        return False
    # What was registered of it may be registered by a correction, or after a release.
    unit.run("drop_registrations", batch_id=head.batch_id)
    return True


def is_refused(unit: UnitOfWork, cause_id: str | None) -> bool:
    """Whether the facts of this pre-flight follow from a refused submission."""
    return bool(_refused_before(unit, [_refusal_id(str(cause_id))]))


def without_refused_captures(
    unit: UnitOfWork, read: Sequence[tuple[Incoming, StoredFact]]
) -> list[StoredFact]:
    """The facts that were read, without captures whose operator may not be named.

    Such a capture is quarantined instead of stored, so that its message can be released."""
    causes = {
        id(stored): _cause_of_capture(message, stored)
        for message, stored in read
        if isinstance(stored.fact, CaptureAccepted) and stored.fact.operator
    }
    refused = _refused_before(unit, [_refusal_id(cause_id) for cause_id in causes.values()])
    known: dict[tuple[str, str | None], Refusal] = {}
    kept = []
    for _, stored in read:
        cause_id = causes.get(id(stored))
        if cause_id is None or not _refuse_capture(unit, stored, cause_id, refused, known):
            kept.append(stored)
    return kept


def _cause_of_capture(message: Incoming, stored: StoredFact) -> str:
    """The event_id of a capture; of a released one, the id of its delivery."""
    if message.topic != RELEASED:
        return stored.head.event_id
    at = (message.topic, message.partition, message.offset)
    return ids.undecodable_id(*at, message.value)


def _refuse_capture(
    unit: UnitOfWork,
    stored: StoredFact,
    cause_id: str,
    refused: set[str],
    known: dict[tuple[str, str | None], Refusal],
) -> bool:
    named = (str(cast(CaptureAccepted, stored.fact).operator), _sender_of(stored.fact))
    if named not in known:
        known[named] = refusal_of(unit, *named)
    found = BEFORE if _refusal_id(cause_id) in refused else known[named]
    if found is None or unit.run("fact", event_id=stored.head.event_id):
        return False  # or accepted before
    _quarantine(unit, stored, stored.head, cause_id, found, {"required": False})
    return True


def _refuse(
    unit: UnitOfWork, received: StoredFact, cause_id: str, named: Sequence[str | None]
) -> bool:
    found = _finding(unit, received, cause_id, named)
    if found is None:
        note_persons(unit, named)
        return False
    like = subject(received.head.batch_id, revision=received.head.revision)
    changes = {"step": PRE_FLIGHT.name, "lane": PRE_FLIGHT.lane}
    _quarantine(unit, received, like, cause_id, found, changes)
    return True


def _finding(
    unit: UnitOfWork, stored: StoredFact, cause_id: str, named: Sequence[str | None]
) -> Refusal:
    if _refused_before(unit, [_refusal_id(cause_id)]):
        return BEFORE
    sender = _sender_of(stored.fact)
    found = (refusal_of(unit, one, sender) for one in dict.fromkeys(named) if one)
    return next((one for one in found if one is not None), None)


def _quarantine(
    unit: UnitOfWork,
    stored: StoredFact,
    like: Head,
    cause_id: str,
    found: tuple[str, str, str],
    changes: dict[str, Any],
) -> None:
    code, what, fix = found
    fault = Fault(code, "operator", what, fix)
    files = [unit.store_original(stored.value)]
    record = refusal(unit, stored.head, stored.origin(), fault, files)
    head = unit.head(_refusal_id(cause_id), cause_id, stored.head.occurred_at, like)
    work_id = ids.work_id(cause_id, CHECK)
    quarantine(unit, record.model_copy(update={"head": head, "work_id": work_id, **changes}))


def _refused_before(unit: UnitOfWork, names: list[str]) -> set[str]:
    """Those of these refusals that the tracker has published, also before a rebuild."""
    if not names:
        return set()
    decided = {name for name, _ in unit.run("decided", event_ids=names)}
    return decided | {name for (name,) in unit.run("known_records", quarantine_ids=names)}


def _sender_of(fact: Fact) -> str | None:
    acts = cast(BatchReceived | CaptureAccepted, fact).acts
    return sender_of(acts)


def _refusal_id(cause_id: str) -> str:
    return ids.fact_id(ids.work_id(cause_id, CHECK), WorkQuarantined.__name__)

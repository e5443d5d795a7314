"""Requests about suggestions of models, and about the role that runs the models."""

from dataclasses import dataclass

from processors.outcome import subject
from schemas.ids import BATCH_ID
from schemas.models import Act, Agent, ControlRequested, Head
from streams.review_requests import (
    ACTIONS,
    BATCH,
    DECISIONS,
    DROP,
    EDIT,
    ENRICHMENT,
    MODEL,
    PAUSE,
    RERUN,
    RESUME,
    SUGGESTION,
    EditedTerm,
)
from streams.tracker.unit_of_work import UnitOfWork

__all__ = ["ACTIONS", "acts_of", "change", "refusal", "subject_of_request"]

Refusal = tuple[str, str] | None
"""Code and what was found; None for a request that is granted."""


@dataclass(frozen=True)
class Suggested:
    """A suggestion, as the tables have it."""

    batch_id: str
    item_id: str
    page_id: str
    kind: str
    label: str
    model: str
    version: str
    weights_sha256: str


def refusal(unit: UnitOfWork, fact: ControlRequested) -> Refusal:
    """Why a request about suggestions or models is refused."""
    if fact.action in DECISIONS:
        return _refusal_of_decision(unit, fact)
    if fact.action != RERUN:
        is_right = fact.subjects == (ENRICHMENT,)
        return None if is_right else ("control.subject-unfit", f"{fact.action} has one subject.")
    if not MODEL.match(fact.value or ""):
        return "review.model-unknown", f"{(fact.value or '')[:100]!r} is not the id of a model."
    if fact.subjects == (ENRICHMENT,):
        return None
    batch_id = _batch_of(fact)
    if batch_id is None:
        return "control.subject-unfit", f"{fact.action} applies to one batch or all items."
    if not unit.run("state_for_control", batch_id=batch_id):
        return "batch.unknown", f"No batch {batch_id} is known."
    return None


def _refusal_of_decision(unit: UnitOfWork, fact: ControlRequested) -> Refusal:
    if _id_of(fact) is None:
        return "control.subject-unfit", f"{fact.action} applies to one suggestion only."
    if _suggested(unit, fact) is None:
        return "review.suggestion-unknown", f"No suggestion {_id_of(fact)} is known."
    if fact.action == EDIT:
        try:
            EditedTerm.read(fact.value)
        except ValueError as wrong:
            return "review.edit-malformed", f"The term cannot be read: {wrong}."
    return None


def change(unit: UnitOfWork, fact: ControlRequested, decision_id: str) -> None:
    """Carry out a granted request. The decision is a fact, so a rebuild gives the same rows."""
    at = fact.head.occurred_at
    if fact.action in DECISIONS:
        term = EditedTerm.read(fact.value) if fact.action == EDIT else None
        unit.run(
            "put_suggestion_decision",
            suggestion_id=_id_of(fact),
            decision_id=decision_id,
            action=DECISIONS[fact.action],
            label=term and term.label,
            term_uri=term and term.term_uri,
            vocabulary=term and term.vocabulary,
            decided_by=fact.by,
            decided_at=at,
        )
    elif fact.action == RERUN:
        about = {"model": fact.value, "batch_id": _batch_of(fact), "asked_at": at}
        unit.run("put_rerun", decision_id=decision_id, **about)
    elif fact.action in (PAUSE, RESUME):
        unit.run("pause_enrichment", paused=fact.action == PAUSE)
    elif fact.action == DROP:
        unit.run("drop_enrichment", before=at)


def subject_of_request(unit: UnitOfWork, fact: ControlRequested) -> Head:
    """What a decision is about: the page of its suggestion, or the batch that it names."""
    found = _suggested(unit, fact)
    if found is not None:
        return subject(found.batch_id, found.item_id, found.page_id)
    return subject(_batch_of(fact))


def acts_of(unit: UnitOfWork, fact: ControlRequested, about: str) -> tuple[Act, ...]:
    """The event of a decision: it names the person, and the model with its weights."""
    person = Agent(type="person", name=fact.by, role="authorizer")
    found = _suggested(unit, fact)
    if found is None:
        detail = f"{fact.action}: {fact.value}." if fact.value else f"{fact.action}."
        return (Act(type="decision", outcome="suc", detail=detail, agents=(person,)),)
    term = EditedTerm.read(fact.value) if fact.action == EDIT else None
    instead = f" Instead: {term.label} {term.term_uri}".rstrip() + "." if term else ""
    weights = f" sha256:{found.weights_sha256}" if found.weights_sha256 else ""
    model = Agent(
        type="software", name=found.model, version=f"{found.version}{weights}", role="implementer"
    )
    return (
        Act(
            type="decision",
            outcome="suc",
            detail=f"{fact.action}: {found.kind} {found.label}.{instead}",
            agents=(person, model),
            sources=(about, f"{SUGGESTION}{_id_of(fact)}"),
        ),
    )


def _id_of(fact: ControlRequested) -> str | None:
    """The suggestion that a request is about; None if it is not about exactly one."""
    if len(fact.subjects) != 1 or not fact.subjects[0].startswith(SUGGESTION):
        return None
    return fact.subjects[0].removeprefix(SUGGESTION)


def _batch_of(fact: ControlRequested) -> str | None:
    if len(fact.subjects) != 1 or not fact.subjects[0].startswith(BATCH):
        return None
    name = fact.subjects[0].removeprefix(BATCH)
    return name if BATCH_ID.match(name) else None


def _suggested(unit: UnitOfWork, fact: ControlRequested) -> Suggested | None:
    suggestion_id = _id_of(fact)
    if suggestion_id is None:
        return None
    rows = unit.run("suggestion", suggestion_id=suggestion_id)
    return Suggested(*rows[0]) if rows else None

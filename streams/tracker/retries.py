"""Deferred work: published to its lane again when due, or quarantined after the last attempt."""

from datetime import datetime

from processors.error_catalogue import fix_of
from processors.pipeline import STEPS
from schemas import ids
from schemas.catalogue import redone_topic
from schemas.codec import Undecodable, decode
from schemas.models import WorkDeferred, WorkQuarantined
from streams.execution.retry_policy import next_try, policy_of
from streams.execution.senders import TYPE as SIGNATURE_ACT
from streams.execution.senders import sender_headers
from streams.tracker.quarantine_records import quarantine
from streams.tracker.unit_of_work import UnitOfWork


def retry(unit: UnitOfWork, fact: WorkDeferred) -> None:
    """Schedule the next attempt of deferred work, or quarantine it after the last attempt."""
    head = fact.head
    due = _due(unit, fact)
    if due is None:
        quarantine(unit, attempts_exhausted(unit, fact))
    elif not unit.run("decided", event_ids=[redone_id(head.event_id)]):
        headers = [("step", fact.step), ("attempt", str(fact.attempt + 1))]
        headers += [("cause", fact.decision_id)] if fact.decision_id else []
        headers += [("deferral", head.event_id), *sender_headers(fact.acts)]
        # Limited by this clock: a worker whose clock is days ahead must not delay its work by days.
        due = min(due, unit.now + (due - head.occurred_at))
        unit.publish_later(
            redone_topic(fact.lane), fact.origin.key, fact.value, headers, due, head.page_id
        )
    unit.mark_affected(head)


def _due(unit: UnitOfWork, fact: WorkDeferred) -> datetime | None:
    """When the next attempt is due, by the deferral or else by the policy; None after the last."""
    if fact.attempts_allowed:
        return fact.next_at
    head = fact.head
    return next_try(
        *(fact.error_class, fact.attempt, head.event_id, head.occurred_at, fact.after_seconds),
        scale=unit.retry_scale,
    )


def redone_id(deferral_id: str) -> str:
    """The id under which a rebuild records that a deferral or a release was published again."""
    return ids.make_id(deferral_id, "redone")


def attempts_exhausted(unit: UnitOfWork, fact: WorkDeferred) -> WorkQuarantined:
    """The quarantine record of work whose last attempt has failed."""
    policy, head = policy_of(fact.error_class), fact.head
    # The index is the attempt, from 1. Index 0 is a rejection by the step itself.
    event_id = ids.fact_id(fact.work_id, "WorkQuarantined", fact.attempt)
    return WorkQuarantined(
        head=unit.head(event_id, head.event_id, head.occurred_at, head),
        step=fact.step,
        lane=fact.lane,
        work_id=fact.work_id,
        required=_required(fact),
        code=policy.code,
        where=str(head.page_id or head.item_id or head.batch_id or fact.origin.event_id),
        found=f"{fact.why} (attempt {fact.attempt}, the last one)",
        fix=fix_of(policy.code),
        attempts=fact.attempt,
        origin=fact.origin,
        files=(unit.store_original(fact.value),),
        acts=tuple(act for act in fact.acts if act.type == SIGNATURE_ACT),
    )


def _required(fact: WorkDeferred) -> bool:
    """Whether a page waits for this work; it does not wait for a branch outside its profile."""
    if not any(step.branch and step.name == fact.step for step in STEPS):
        return True
    try:
        return fact.step in getattr(decode(fact.value), "required_branches", ())
    except Undecodable:
        return True

"""Deferred work: sent to its lane again when it is due, or given up after the last attempt."""

from datetime import datetime

from processors.pipeline import STEPS
from schemas import ids
from schemas.catalogue import redone_topic
from schemas.codec import Undecodable, decode
from schemas.models import WorkDeferred, WorkQuarantined
from streams.tracker.policy import next_try, policy_of
from streams.tracker.refusals import set_aside
from streams.tracker.turn import Turn


def retry(turn: Turn, fact: WorkDeferred) -> None:
    """Plan the next attempt of a deferred work, or set it aside after the last one."""
    head = fact.head
    due = _due(turn, fact)
    if due is None:
        set_aside(turn, gave_up(turn, fact))
    elif not turn.run("decided", event_ids=[redone_id(head.event_id)]):
        headers = [("step", fact.step), ("attempt", str(fact.attempt + 1))]
        headers += [("cause", fact.decision_id)] if fact.decision_id else []
        headers += [("deferral", head.event_id)]
        # Counted from now as well: a worker whose clock is days ahead must not make its work wait.
        due = min(due, turn.now + (due - head.occurred_at))
        turn.publish_later(
            redone_topic(fact.lane), fact.origin.key, fact.value, headers, due, head.page_id
        )
    turn.touch(head)


def _due(turn: Turn, fact: WorkDeferred) -> datetime | None:
    """When the next attempt is due: as the deferral says, else by the policy; None for no more."""
    if fact.attempts_allowed:
        return fact.next_at
    head = fact.head
    return next_try(
        *(fact.error_class, fact.attempt, head.event_id, head.occurred_at, fact.after_seconds),
        scale=turn.retry_scale,
    )


def redone_id(deferral_id: str) -> str:
    """Under which a rebuild remembers that a deferral was answered."""
    return ids.make_id(deferral_id, "redone")


def gave_up(turn: Turn, fact: WorkDeferred) -> WorkQuarantined:
    """The record that sets a work aside after its last attempt."""
    policy, head = policy_of(fact.error_class), fact.head
    # Index = attempt, from 1: index 0 is a rejection by the step itself.
    event_id = ids.fact_id(fact.work_id, "WorkQuarantined", fact.attempt)
    return WorkQuarantined(
        head=turn.head(event_id, head.event_id, head.occurred_at, head),
        step=fact.step,
        lane=fact.lane,
        work_id=fact.work_id,
        required=_required(fact),
        code=policy.code,
        where=str(head.page_id or head.item_id or head.batch_id or fact.origin.event_id),
        found=f"{fact.why} (attempt {fact.attempt}, the last)",
        fix=f"{policy.fix}; then: copystand quarantine release ID --by P --reason R",
        attempts=fact.attempt,
        origin=fact.origin,
        files=(turn.keep_original(fact.value),),
    )


def _required(fact: WorkDeferred) -> bool:
    """Whether a page waits for this work: all but a branch that its profile does not require."""
    if not any(step.branch and step.name == fact.step for step in STEPS):
        return True
    try:
        return fact.step in getattr(decode(fact.value), "required_branches", ())
    except Undecodable:
        return True

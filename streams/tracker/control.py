"""Control requests: decided while the row of the batch is locked, and always answered."""

from dataclasses import dataclass

from schemas.codec import decode
from schemas.models import ControlDecided, ControlRequested
from streams.tracker import quarantine_decisions
from streams.tracker.states import ACTIONS, UNKNOWN, refusal
from streams.tracker.unit_of_work import UnitOfWork

PRIORITIES = ("rush", "normal", "night")
FIXES = {
    "batch.unknown": "No batch {batch_id} is on the line; see: copystand batch list",
    "batch.over": "Batch {batch_id} is {state}: {action} comes too late.",
    "batch.not-paused": "Batch {batch_id} is {state} and needs no resume.",
    "batch.already-paused": "Batch {batch_id} is paused already; it goes on with: "
    "copystand batch resume {batch_id}",
}
REFUSED_FIX = (
    "Batch {batch_id} was refused; decide about its record: "
    "copystand quarantine list --batch {batch_id}"
)


@dataclass(frozen=True)
class Answer:
    """A request is granted when there is no code; `fix` then holds a note, if any."""

    code: str | None = None
    fix: str | None = None


def decide(unit: UnitOfWork, fact: ControlRequested) -> None:
    """Decide a request, for all of its subjects or for none, and apply it when it is granted.

    In a rebuild a request without a decision waits until all topics are read."""
    event_id = quarantine_decisions.decision_event(fact.head.event_id)
    decided_before = unit.run("decided", event_ids=[event_id])
    if not decided_before and unit.rebuilding:
        return
    if decided_before:
        decided = decode(decided_before[0][1], ControlDecided)
        assert isinstance(decided, ControlDecided)
        answer = Answer(decided.code, decided.fix)
    else:
        answer = _answer(unit, fact)
    if answer.code is None and fact.action in quarantine_decisions.ACTIONS:
        quarantine_decisions.grant(unit, fact, event_id)
    elif answer.code is None:
        for batch_id in _batches(fact):
            _apply(unit, fact, batch_id)
    unit.emit([_control_decided(unit, fact, event_id, answer)])


def unanswered_requests(unit: UnitOfWork) -> list[ControlRequested]:
    """Requests without a decision, in the order in which they were published."""
    facts = [decode(value) for (value,) in unit.run("unanswered_requests")]
    return [fact for fact in facts if isinstance(fact, ControlRequested)]


def _answer(unit: UnitOfWork, fact: ControlRequested) -> Answer:
    if fact.action in quarantine_decisions.ACTIONS:
        return Answer(*(quarantine_decisions.refuse_decision(unit, fact) or ()))
    if fact.action not in ACTIONS:
        known = ", ".join((*ACTIONS, *quarantine_decisions.ACTIONS))
        return Answer("control.action-unknown", f"Ask for one of: {known}.")
    if fact.action == "priority" and fact.value not in PRIORITIES:
        return Answer("control.priority-unknown", f"Give one of {', '.join(PRIORITIES)}.")
    batches = _batches(fact)
    if not batches or len(batches) != len(fact.subjects):
        return Answer("control.subject-unfit", f"{fact.action} is asked for batches: batch:ID.")
    notes = []
    for batch_id in batches:
        answer = _answer_for(unit, fact.action, batch_id)
        if answer.code:
            return answer
        notes.append(answer.fix)
    return Answer(fix=" ".join(note for note in notes if note) or None)


def _answer_for(unit: UnitOfWork, action: str, batch_id: str) -> Answer:
    rows = unit.run("state_for_control", batch_id=batch_id)
    state, completed = rows[0] if rows else (UNKNOWN, 0)
    code = refusal(state, action)
    if code:
        fix = REFUSED_FIX if state == "quarantined" else FIXES[code]
        return Answer(code, fix.format(batch_id=batch_id, state=state, action=action))
    if action == "cancel" and completed:
        return Answer(fix=f"{completed} items of {batch_id} were complete already and go on.")
    return Answer()


def _batches(fact: ControlRequested) -> list[str]:
    parts = [subject.partition(":") for subject in fact.subjects]
    return sorted({name for kind, _, name in parts if kind == "batch" and name})


def _apply(unit: UnitOfWork, fact: ControlRequested, batch_id: str) -> None:
    unit.affected.batches.add(batch_id)
    # A rebuild may read a decision before it reads the batch.
    unit.run("ensure_batches", batch_ids=[batch_id])
    if fact.action in ("pause", "resume"):
        unit.run("set_paused", batch_id=batch_id, paused=fact.action == "pause")
    elif fact.action == "priority":
        unit.run("set_priority", batch_id=batch_id, priority=fact.value)
    else:
        unit.run("cancel_batch", batch_id=batch_id)
        items = [item_id for (item_id,) in unit.run("cancel_items", batch_id=batch_id)]
        unit.run("drop_retries", items=items)
        unit.affected.items |= set(items)


def _control_decided(
    unit: UnitOfWork, fact: ControlRequested, event_id: str, answer: Answer
) -> ControlDecided:
    batches = _batches(fact)
    like = fact.head.model_copy(
        update={"batch_id": fact.head.batch_id or (batches[0] if batches else None)}
    )
    return ControlDecided(
        head=unit.head(event_id, fact.head.event_id, fact.head.occurred_at, like),
        action=fact.action,
        subjects=fact.subjects,
        value=fact.value,
        by=fact.by,
        reason=fact.reason,
        granted=answer.code is None,
        code=answer.code,
        fix=answer.fix,
    )

"""Control requests: decided under the row lock of the batch, and always answered."""

from dataclasses import dataclass

from processors.error_catalogue import fix_of
from schemas.codec import decode
from schemas.models import ControlDecided, ControlRequested
from streams.tracker import quarantine_decisions
from streams.tracker.states import ACTIONS, UNKNOWN, refusal
from streams.tracker.unit_of_work import UnitOfWork, read_again

PRIORITIES = ("rush", "normal", "night")
FOUND = {
    "batch.unknown": "No batch {batch} is known.",
    "batch.over": "Batch {batch} is {state}: {action} is no longer possible.",
    "batch.not-paused": "Batch {batch} is {state}, not paused.",
    "batch.already-paused": "Batch {batch} is already paused.",
}
"""What is found, by the code of the refusal."""


@dataclass(frozen=True)
class Answer:
    """Granted when there is no code; the advice then is a note."""

    code: str | None = None
    advice: str | None = None


def refused(code: str, found: str, **fills: object) -> Answer:
    """A refusal: what was found, and what to do about it."""
    return Answer(code, f"{found} {fix_of(code, **fills)}")


def decide(unit: UnitOfWork, fact: ControlRequested) -> None:
    """Answer a request, and do what is granted: for all of its subjects or for none.

    In a rebuild a request that was never answered waits until all the topics are read."""
    event_id = quarantine_decisions.decision_event(fact.head.event_id)
    stands = unit.run("decided", event_ids=[event_id])
    if not stands and unit.rebuilding:
        return
    if stands:
        decided = decode(stands[0][1], ControlDecided)
        assert isinstance(decided, ControlDecided)
        answer = Answer(decided.code, decided.fix)
    else:
        answer = _answer(unit, fact)
    if answer.code is None and fact.action in quarantine_decisions.ACTIONS:
        quarantine_decisions.grant(unit, fact, event_id)
    elif answer.code is None:
        for batch_id in _batches(fact):
            _do(unit, fact, batch_id)
    unit.emit([_decision(unit, fact, event_id, answer)])


def unanswered(unit: UnitOfWork) -> list[ControlRequested]:
    """Requests that a rebuild has read and nobody has answered, in the order they were asked."""
    facts = [read_again(value).fact for (value,) in unit.run("unanswered")]
    return [fact for fact in facts if isinstance(fact, ControlRequested)]


def _answer(unit: UnitOfWork, fact: ControlRequested) -> Answer:
    if fact.action in quarantine_decisions.ACTIONS:
        judged = quarantine_decisions.judge(unit, fact)
        return refused(*judged) if judged else Answer()
    if fact.action not in ACTIONS:
        return refused("control.action-unknown", f"No action is named {fact.action}.")
    if fact.action == "priority" and fact.value not in PRIORITIES:
        return refused("control.priority-unknown", f"No priority is named {fact.value}.")
    batches = _batches(fact)
    if not batches or len(batches) != len(fact.subjects):
        return refused("control.subject-unfit", f"{fact.action} applies to batches only.")
    notes = []
    for batch_id in batches:
        answer = _answer_for(unit, fact.action, batch_id)
        if answer.code:
            return answer
        notes.append(answer.advice)
    return Answer(advice=" ".join(note for note in notes if note) or None)


def _answer_for(unit: UnitOfWork, action: str, batch_id: str) -> Answer:
    rows = unit.run("control_view", batch_id=batch_id)
    state, completed = rows[0] if rows else (UNKNOWN, 0)
    code = refusal(state, action)
    if code:
        found = FOUND[code].format(batch=batch_id, state=state, action=action)
        return refused(code, found, batch=batch_id)
    if action == "cancel" and completed:
        note = f"Items of {batch_id} that were already complete and continue: {completed}."
        return Answer(advice=note)
    return Answer()


def _batches(fact: ControlRequested) -> list[str]:
    parts = [subject.partition(":") for subject in fact.subjects]
    return sorted({name for kind, _, name in parts if kind == "batch" and name})


def _do(unit: UnitOfWork, fact: ControlRequested, batch_id: str) -> None:
    unit.affected.batches.add(batch_id)
    # A rebuild may read what was granted before it reads the batch.
    unit.run("mention_batch", batch_ids=[batch_id])
    if fact.action in ("pause", "resume"):
        unit.run("pause", batch_id=batch_id, paused=fact.action == "pause")
    elif fact.action == "priority":
        unit.run("set_priority", batch_id=batch_id, priority=fact.value)
    else:
        unit.run("cancel_batch", batch_id=batch_id)
        items = [item_id for (item_id,) in unit.run("cancel_items", batch_id=batch_id)]
        unit.run("drop_retries", items=items)
        unit.affected.items |= set(items)


def _decision(
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
        fix=answer.advice,
    )

"""Control requests: decided while the row of the batch is locked, and always answered."""

from dataclasses import dataclass

from processors.error_catalogue import fix_of
from processors.outcome import subject
from processors.premis import subject_of
from schemas.codec import decode
from schemas.ids import BATCH_ID, PSEUDONYM
from schemas.models import Act, ControlDecided, ControlRequested, Head
from streams import free_texts
from streams.tracker import (
    order_decisions,
    persons,
    quarantine_decisions,
    review_decisions,
    text_decisions,
)
from streams.tracker.quarantine_checks import check_decision, common_subject
from streams.tracker.states import ACTIONS, UNKNOWN, code_of_refusal
from streams.tracker.unit_of_work import UnitOfWork

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
    """A request is granted when there is no code; the advice is a note then, if any."""

    code: str | None = None
    advice: str | None = None


def refused(code: str, found: str, **fills: object) -> Answer:
    """A refusal: what was found, and what to do about it."""
    return Answer(code, f"{found} {fix_of(code, **fills)}")


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
        answer, reason = Answer(decided.code, decided.fix), decided.reason
    else:
        answer, reason = _answer(unit, fact), text_decisions.reference_to_reason(unit, fact)
    free_texts.mark_used(unit.conn, reason)
    if not persons.is_about_person(answer.code):
        persons.note_persons(unit, [fact.by])
    if answer.code is None and fact.action == text_decisions.DELETE:
        text_decisions.delete(unit, fact, event_id)
        order_decisions.publish_with_notes(unit, fact.subjects)
    elif answer.code is None and fact.action in quarantine_decisions.ACTIONS:
        quarantine_decisions.grant(unit, fact, event_id)
    elif answer.code is None and fact.action in persons.ACTIONS:
        persons.change_register(unit, fact)
    elif answer.code is None and fact.action in order_decisions.ACTIONS:
        order_decisions.change(unit, fact)
    elif answer.code is None and fact.action in review_decisions.ACTIONS:
        review_decisions.change(unit, fact, event_id)
    elif answer.code is None:
        for batch_id in _batches(fact):
            _apply(unit, fact, batch_id)
    unit.emit([_control_decided(unit, fact, event_id, answer, reason)])


def unanswered_requests(unit: UnitOfWork) -> list[ControlRequested]:
    """Requests without a decision, in the order in which they were published."""
    facts = [decode(value) for (value,) in unit.run("unanswered_requests")]
    return [fact for fact in facts if isinstance(fact, ControlRequested)]


def _answer(unit: UnitOfWork, fact: ControlRequested) -> Answer:
    if not PSEUDONYM.match(fact.by):
        return refused("person.not-a-pseudonym", "The person of the request is not a pseudonym.")
    if unnamed := persons.refusal_of_asker(unit, fact):
        code, found, fix = unnamed
        return Answer(code, f"{found}. {fix}")
    if fact.action in persons.ACTIONS:
        refusal = persons.refusal_of_change(unit, fact)
        return refused(*refusal) if refusal else Answer()
    if fact.action in order_decisions.ACTIONS:
        refusal = order_decisions.refusal(unit, fact)
        return refused(*refusal, order=order_decisions.order_of(fact)) if refusal else Answer()
    if fact.action in review_decisions.ACTIONS:
        refusal = review_decisions.refusal(unit, fact)
        return refused(*refusal, batch=", ".join(_batches(fact))) if refusal else Answer()
    if fact.action in quarantine_decisions.ACTIONS:
        refusal = check_decision(unit, fact)
        return refused(*refusal) if refusal else Answer()
    if fact.action == text_decisions.DELETE:
        unusable = text_decisions.refusal(unit, fact)
        return Answer(*unusable) if unusable else Answer()
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
    rows = unit.run("state_for_control", batch_id=batch_id)
    state, completed = rows[0] if rows else (UNKNOWN, 0)
    code = code_of_refusal(state, action)
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


def _known_subject(unit: UnitOfWork, fact: ControlRequested) -> Head:
    """What a decision is about: its records as the tables know them, or a batch that it names. The
    head of the request may name any page."""
    if fact.action in quarantine_decisions.ACTIONS:
        return common_subject(unit, fact)
    if fact.action in review_decisions.ACTIONS:
        return review_decisions.subject_of_request(unit, fact)
    named = (name for name in _batches(fact) if BATCH_ID.match(name))
    return subject(next(named, None))


def _control_decided(
    unit: UnitOfWork, fact: ControlRequested, event_id: str, answer: Answer, reason: str
) -> ControlDecided:
    like = _known_subject(unit, fact)
    return ControlDecided(
        head=unit.head(event_id, fact.head.event_id, fact.head.occurred_at, like),
        action=fact.action,
        subjects=fact.subjects,
        value=fact.value,
        # What is no pseudonym may be a person's name, and the log keeps what it gets for ever.
        by=fact.by if PSEUDONYM.match(fact.by) else "unknown",
        reason=reason,
        granted=answer.code is None,
        code=answer.code,
        fix=answer.advice,
        acts=_acts(unit, fact, like, answer),
    )


def _acts(unit: UnitOfWork, fact: ControlRequested, like: Head, answer: Answer) -> tuple[Act, ...]:
    """The event of a decision that changes what an item consists of, who may be named, or of a
    deletion."""
    if answer.code is None and fact.action in persons.ACTIONS:
        return (persons.act_of_change(fact, subject_of(like)),)
    if answer.code is None and fact.action in order_decisions.ACTIONS:
        return (order_decisions.act_of(fact, subject_of(like)),)
    if answer.code is None and fact.action in review_decisions.ACTIONS:
        return review_decisions.acts_of(unit, fact, subject_of(like))
    if answer.code is None and fact.action == text_decisions.DELETE:
        return (text_decisions.deletion(fact),)
    if answer.code is not None or (fact.action, fact.value) != (
        "withdraw",
        quarantine_decisions.NOT_A_PAGE,
    ):
        return ()
    detail = "The file is not a page of the item: the package does not name it and is complete."
    return (Act(type="decision", outcome="suc", detail=detail, sources=(subject_of(like),)),)

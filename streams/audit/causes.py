"""Which facts of a history follow from which, computed from their ids (docs/contract.md §1)."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Protocol

from processors.pipeline import STEPS
from schemas import ids

MOST_ATTEMPTS = 100
"""Deferrals of one work item that are looked for."""
TRACKER = "tracker"
TROUBLES = ("WorkDeferred", "WorkQuarantined")
"""Records that the tracker does not refuse."""
Subject = tuple[str | None, str | None, str | None]


class Happened(Protocol):
    """A fact of a history."""

    fact_id: str
    """Its event_id."""
    record: str
    """Its record name."""
    subject: Subject
    """Its batch, item and page."""


def proven_causes(facts: Sequence[Happened]) -> dict[int, set[int]]:
    """For each fact whose id follows from other facts of the history, the numbers of those."""
    numbers = {fact.fact_id: number for number, fact in enumerate(facts)}
    records = {fact.record for fact in facts}
    steps, steps_without_trouble = _StepsOf(records), _StepsOf(records.difference(TROUBLES))
    troubled = {_narrowest(fact.subject) for fact in facts if fact.record in TROUBLES}
    decisions: dict[Subject, list[str]] = defaultdict(list)
    for fact in facts:
        if fact.record == "ControlDecided":
            decisions[fact.subject].append(fact.fact_id)
    found: dict[int, set[int]] = defaultdict(set)
    for number, fact in enumerate(facts):
        about = [*_wider(decisions, fact.subject)] if decisions else []
        # A failure names the subject of its fact, or a wider one, or none.
        fails = None in troubled or not troubled.isdisjoint(fact.subject)
        known_steps = steps if fails else steps_without_trouble
        for decision in (None, *about):
            for effect in _effects(fact, decision, numbers, known_steps):
                found[numbers[effect]].add(number)
                if decision is not None:
                    found[numbers[effect]].add(numbers[decision])
    for number, causes in found.items():
        causes.discard(number)
    return found


def _narrowest(subject: Subject) -> str | None:
    batch_id, item_id, page_id = subject
    return page_id or item_id or batch_id


def _wider(decisions: dict[Subject, list[str]], subject: Subject) -> Iterator[str]:
    """The decisions about a subject, also those about several pages or items, which name their item
    or batch alone."""
    batch_id, item_id, _ = subject
    wider = (subject, (batch_id, item_id, None), (batch_id, None, None))
    for one in dict.fromkeys(wider):
        yield from decisions.get(one, ())


def _effects(
    fact: Happened, decision: str | None, known: dict[str, int], steps: "_StepsOf"
) -> Iterator[str]:
    """The ids of known facts that follow from a fact and, if given, a decision."""
    if steps.quarantined and fact.record == "WorkQuarantined" and decision:
        yield from _known([ids.make_id(decision, fact.fact_id, "WorkQuarantined")], known)
    for step, wanted in steps[fact.record]:
        work = ids.work_id(fact.fact_id, step, decision)
        for record in wanted:
            if (effect := ids.fact_id(work, record)) in known:
                yield effect
        if steps.deferred:
            yield from _deferrals(work, known)


def _deferrals(work: str, known: dict[str, int]) -> Iterator[str]:
    for attempt in range(1, MOST_ATTEMPTS):
        deferral = ids.deferral_id(work, attempt)
        if deferral not in known:
            return
        yield deferral


def _known(candidates: list[str], known: dict[str, int]) -> Iterator[str]:
    return (one for one in candidates if one in known)


class _StepsOf(dict[str, list[tuple[str, list[str]]]]):
    """For a record, the steps that take it, with those records of a history that may follow."""

    def __init__(self, records: set[str]) -> None:
        super().__init__()
        self._records = records
        self.quarantined = "WorkQuarantined" in records
        self.deferred = "WorkDeferred" in records

    def __missing__(self, record: str) -> list[tuple[str, list[str]]]:
        taken = [step for step in STEPS if step.takes.__name__ == record]
        found = [(step.name, (step.gives.__name__, "WorkQuarantined")) for step in taken]
        refused = () if record in TROUBLES else ((TRACKER, ("WorkQuarantined",)),)
        steps = [
            (step, sorted(self._records.intersection(gives))) for step, gives in (*found, *refused)
        ]
        self[record] = [one for one in steps if one[1] or self.deferred]
        return self[record]

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
    decisions: dict[Subject, list[str]] = defaultdict(list)
    for fact in facts:
        if fact.record == "ControlDecided":
            decisions[fact.subject].append(fact.fact_id)
    found: dict[int, set[int]] = defaultdict(set)
    for number, fact in enumerate(facts):
        about = [*_wider(decisions, fact.subject)] if decisions else []
        for decision in (None, *about):
            for effect in _effects(fact, decision, numbers, records):
                found[numbers[effect]].add(number)
                if decision is not None:
                    found[numbers[effect]].add(numbers[decision])
    for number, causes in found.items():
        causes.discard(number)
    return found


def _wider(decisions: dict[Subject, list[str]], subject: Subject) -> Iterator[str]:
    """The decisions about a subject, also those about several pages or items, which name their item
    or batch alone."""
    batch_id, item_id, _ = subject
    wider = (subject, (batch_id, item_id, None), (batch_id, None, None))
    for one in dict.fromkeys(wider):
        yield from decisions.get(one, ())


def _effects(
    fact: Happened, decision: str | None, known: dict[str, int], records: set[str]
) -> Iterator[str]:
    """The ids of known facts that follow from a fact and, if given, a decision."""
    failed = "WorkQuarantined" in records
    if failed and fact.record == "WorkQuarantined" and decision:
        yield from _known([ids.make_id(decision, fact.fact_id, "WorkQuarantined")], known)
    for step, gives in _STEPS[fact.record]:
        wanted = records.intersection(gives)
        if not wanted and "WorkDeferred" not in records:
            continue
        work = ids.work_id(fact.fact_id, step, decision)
        yield from _known([ids.fact_id(work, record) for record in sorted(wanted)], known)
        if "WorkDeferred" in records:
            yield from _deferrals(work, known)


def _deferrals(work: str, known: dict[str, int]) -> Iterator[str]:
    for attempt in range(1, MOST_ATTEMPTS):
        deferral = ids.deferral_id(work, attempt)
        if deferral not in known:
            return
        yield deferral


def _known(candidates: list[str], known: dict[str, int]) -> Iterator[str]:
    return (one for one in candidates if one in known)


class _StepsOf(dict[str, list[tuple[str, tuple[str, ...]]]]):
    """For a record, the steps that take it, with the records of the facts that follow."""

    def __missing__(self, record: str) -> list[tuple[str, tuple[str, ...]]]:
        taken = [step for step in STEPS if step.takes.__name__ == record]
        found = [(step.name, (step.gives.__name__, "WorkQuarantined")) for step in taken]
        refused = () if record in TROUBLES else ((TRACKER, ("WorkQuarantined",)),)
        self[record] = [*found, *refused]
        return self[record]


_STEPS = _StepsOf()

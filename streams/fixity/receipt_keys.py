"""The receipts that must exist: a worker stores one before it publishes the facts in it."""

from collections.abc import Mapping, Sequence

from processors.pipeline import worker_steps
from schemas import ids
from schemas.models import Fact, WorkDeferred, WorkQuarantined
from streams.execution.facts import RECEIPT_DAMAGED

PRODUCERS = {f"copystand/{step.name}": step.name for step in worker_steps()}
Decisions = Mapping[str, Sequence[str]]
"""For each decision that repeats work, the event_ids of the inputs of that work."""


def receipt_key_of(fact: Fact, decisions: Decisions) -> str | None:
    """The key of the receipt that contains a fact of a worker; None for a fact of others, and where
    the work is not certain."""
    step = PRODUCERS.get(fact.head.producer.name)
    if step is None:
        return None
    if isinstance(fact, WorkDeferred):
        return ids.receipt_key(fact.head.batch_id, fact.work_id, fact.attempt)
    for work_id in _possible_work(fact, step, decisions):
        # The id of a fact contains that of its work, so a wrong guess does not pass.
        if fact.head.event_id in (
            ids.fact_id(work_id, type(fact).__name__),
            ids.fact_id(work_id, RECEIPT_DAMAGED),
        ):
            return ids.receipt_key(fact.head.batch_id, work_id)
    return None


def _possible_work(fact: Fact, step: str, decisions: Decisions) -> list[str]:
    if isinstance(fact, WorkQuarantined):
        return [fact.work_id]
    cause = fact.head.cause_id or ""
    repeated = [ids.work_id(one, step, cause) for one in decisions.get(cause, ())]
    return [ids.work_id(cause, step), *repeated]

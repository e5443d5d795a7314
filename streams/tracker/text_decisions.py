"""Free texts in control requests: their references, and the decision to delete texts."""

from processors.error_catalogue import fix_of
from schemas.ids import PSEUDONYM
from schemas.models import Act, ControlRequested
from streams import free_texts
from streams.text_references import is_reference
from streams.tracker.unit_of_work import UnitOfWork

DELETE = "delete-text"
"""The action of a request that deletes texts."""


def refusal(unit: UnitOfWork, fact: ControlRequested) -> tuple[str, str] | None:
    """Code and text of the refusal to delete these texts; None if all of them can be deleted."""
    wrong = [one for one in fact.subjects if not is_reference(one)]
    if wrong or not fact.subjects:
        found = f"{DELETE} applies to texts only. {fix_of('text.reference-malformed')}"
        return "text.reference-malformed", found
    stored = free_texts.find(unit.conn, fact.subjects)
    for reference in fact.subjects:
        one = stored.get(reference)
        if one is None or one.text is None:
            known = one.words if one else "It is not in the table."
            return "text.not-stored", f"{reference}: {known} {fix_of('text.not-stored')}"
    return None


def delete(unit: UnitOfWork, fact: ControlRequested, decision_id: str) -> None:
    """Delete the texts of a granted request."""
    for reference in fact.subjects:
        free_texts.delete(unit.conn, reference, fact.head.occurred_at, decision_id)


def deletion(fact: ControlRequested) -> Act:
    """The event that names the deleted texts."""
    detail = f"Free texts deleted: {len(fact.subjects)}. The log keeps their keyed digests."
    return Act(type="deletion", outcome="suc", detail=detail, sources=fact.subjects)


def reference_to_reason(unit: UnitOfWork, fact: ControlRequested) -> str:
    """What the decision has in the place of the reason. A client that did not store the text itself
    published it: the sealed log does not have it all the same."""
    writer = fact.by if PSEUDONYM.match(fact.by) else "unknown"
    return free_texts.put(unit.conn, fact.reason, writer)

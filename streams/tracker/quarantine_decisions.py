"""Decisions about quarantine records: made once, carried out when their subject is known."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from psycopg.types.json import Jsonb

from processors.error_catalogue import fix_of
from processors.outcome import ObjectUnusable
from processors.pipeline import TRACKER
from schemas import ids
from schemas.catalogue import redone_topic
from schemas.codec import decode
from schemas.models import ControlRequested, FileRef, WorkQuarantined
from streams.execution.senders import sender_headers
from streams.tracker.quarantine_checks import ORIGINAL_MISSING, quarantine_ids
from streams.tracker.quarantine_records import quarantine
from streams.tracker.retries import redone_id
from streams.tracker.unit_of_work import UnitOfWork

ACTIONS = ("release", "reject", "withdraw")
NOT_A_PAGE = "not-a-page"
"""Value of a withdrawal: the file is no page of the item, which is complete without it."""


@dataclass(frozen=True)
class Decision:
    """A granted decision about one quarantine record, and the subject of the record."""

    quarantine_id: str
    decision_id: str
    action: str
    file: dict[str, Any] | None
    """The corrected page file, as in an entry of a page list."""
    manifest: bool
    """Whether the decision is a corrected manifest."""
    decided_at: datetime
    batch_id: str | None
    item_id: str | None
    page_id: str | None
    path: str | None
    """The name under which the file of the page was delivered."""
    not_a_page: bool
    """Whether a page is withdrawn because its file is no page of the item."""


def grant(unit: UnitOfWork, fact: ControlRequested, decision_id: str) -> None:
    """Store a granted decision, which `carry_out` carries out."""
    corrected = _entry_file(fact.files[0], str(fact.value)) if fact.files else None
    rows = [
        (
            name,
            decision_id,
            fact.action,
            fact.head.occurred_at,
            corrected and Jsonb(corrected),
            False,
            fact.action == "withdraw" and fact.value == NOT_A_PAGE,
        )
        for name in quarantine_ids(fact)
    ]
    unit.run_many("put_decision", rows)


def _entry_file(file: FileRef, path: str) -> dict[str, Any]:
    named = {name: getattr(file, name) for name in ("key", "sha256", "size_bytes", "media_type")}
    return {"path": path, **named}


def carry_out(unit: UnitOfWork) -> list[str]:
    """Carry out the decisions whose record, page and item are known.

    Returns the ids of the decisions that repeat a pre-flight."""
    repeated = []
    for row in unit.run("decisions_to_carry_out"):
        decision = Decision(*row)
        unit.run("mark_carried_out", quarantine_id=decision.quarantine_id, action=decision.action)
        _mark_affected(unit, decision)
        if decision.action == "reject":
            _reject(unit, decision)
        elif decision.action == "withdraw":
            unit.run("withdraw_page", page_id=decision.page_id, not_a_page=decision.not_a_page)
            unit.run("drop_retries_of_page", page_id=decision.page_id)
        elif decision.file is not None:
            _reopen(unit, decision, decision.file)
        elif not decision.manifest:
            _publish_original(unit, decision)
            repeated += [] if decision.item_id else [decision.decision_id]
    return repeated


def _mark_affected(unit: UnitOfWork, decision: Decision) -> None:
    affected = unit.affected
    affected.batches |= {decision.batch_id} if decision.batch_id else set()
    affected.items |= {decision.item_id} if decision.item_id else set()
    affected.pages |= {decision.page_id} if decision.page_id else set()


def _reopen(unit: UnitOfWork, decision: Decision, file: dict[str, Any]) -> None:
    """Open the next revision of the page with a corrected file. The file keeps its delivered name,
    so the package does not differ from that of a correct delivery."""
    delivered, corrected = PurePosixPath(decision.path or file["path"]), PurePosixPath(file["path"])
    if delivered.suffix.lower() != corrected.suffix.lower():
        delivered = delivered.with_name(corrected.name)
    unit.run(
        "reopen_page",
        page_id=decision.page_id,
        decision_id=decision.decision_id,
        decided_at=decision.decided_at,
        file=Jsonb(file | {"path": str(delivered)}),
    )
    unit.run("restore_page", page_id=decision.page_id)
    unit.run("drop_retries_of_page", page_id=decision.page_id)


def _reject(unit: UnitOfWork, decision: Decision) -> None:
    """Reject the item, or the batch if the item is not known. Its pages count as cancelled."""
    name = decision.quarantine_id
    (required, resume_at, origin_event_id) = unit.run("quarantine_origin", quarantine_id=name)[0]
    if not required:
        return
    if resume_at == TRACKER:
        unit.run("reject_refused_item", quarantine_id=name)
    elif decision.item_id:
        unit.run("reject_item", item_id=decision.item_id)
        unit.run("drop_retries", items=[decision.item_id])
        unit.affected.all_pages_of.add(decision.item_id)
    elif decision.batch_id:
        unit.run("reject_batch", batch_id=decision.batch_id, received_id=origin_event_id)


def _publish_original(unit: UnitOfWork, decision: Decision) -> None:
    """Publish the original bytes to their lane again, with the decision as cause."""
    name = decision.quarantine_id
    if unit.run("decided", event_ids=[redone_id(name)]):
        return  # published before this rebuild
    (value,) = unit.run("fact", event_id=name)[0]
    record = decode(value, WorkQuarantined)
    assert isinstance(record, WorkQuarantined)
    try:
        original = unit.storage.read(next(file for file in record.files if file.use == "original"))
    except (ObjectUnusable, StopIteration) as missing:
        quarantine(unit, _original_missing(unit, decision, record, str(missing)))
        return
    headers = [("step", record.step), ("attempt", "1"), ("cause", decision.decision_id)]
    if record.step == TRACKER:
        origin = record.origin
        position = {"topic": origin.topic, "partition": origin.partition, "offset": origin.offset}
        headers += [(name, str(value)) for name, value in position.items()]
    unit.publish_later(
        redone_topic(record.lane),
        record.origin.key,
        original,
        [*headers, ("release", name), *sender_headers(record.acts)],
        page_id=decision.page_id,
    )


def _original_missing(
    unit: UnitOfWork, decision: Decision, record: WorkQuarantined, why: str
) -> WorkQuarantined:
    """The record that follows a released one whose original message is lost."""
    event_id = ids.make_id(decision.decision_id, decision.quarantine_id, "WorkQuarantined")
    return record.model_copy(
        update={
            "head": unit.head(event_id, decision.decision_id, decision.decided_at, record.head),
            "code": ORIGINAL_MISSING,
            "where": f"record {decision.quarantine_id}",
            "found": why or "The record names no original message.",
            "fix": fix_of(ORIGINAL_MISSING),
            "diagnostics": (),
            "diagnostics_count": 0,
        }
    )


def released_batch(unit: UnitOfWork, decision_id: str | None, batch_id: str | None) -> str | None:
    """The event_id of the BatchReceived whose pre-flight was repeated under this decision."""
    if decision_id is None:
        return None
    rows = unit.run("released_batch", decision_id=decision_id, batch_id=batch_id)
    return str(rows[0][0]) if rows else None


def decision_event(request_id: str) -> str:
    """The event_id of the decision about a request."""
    return ids.make_id(request_id, "ControlDecided")

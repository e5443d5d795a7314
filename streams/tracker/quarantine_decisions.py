"""What people decide about quarantine records: judged once, carried out when all is known."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from psycopg.types.json import Jsonb

from processors.pipeline import TRACKER
from schemas import ids
from schemas.catalogue import redone_topic
from schemas.models import ControlRequested, FileRef, WorkQuarantined
from streams.execution.facts import UNDECODABLE
from streams.tracker.retries import redone_id
from streams.tracker.unit_of_work import UnitOfWork, read_again

ACTIONS = ("release", "reject", "withdraw")
MOST_SUBJECTS = 100
"""Through which the tracker reads again what it could not read before."""


@dataclass(frozen=True)
class QuarantineRow:
    """An open quarantine record as far as a decision about it asks."""

    quarantine_id: str
    batch_id: str | None
    item_id: str | None
    page_id: str | None
    code: str
    resume_at: str
    required: bool
    state: str
    cancelled: bool
    """Its item or batch."""
    completed: bool
    """Its item: no page can be changed in this revision any more."""
    pages_left: int
    """Pages of its item that are neither missing nor withdrawn."""


@dataclass(frozen=True)
class Decision:
    """A granted decision about one record, and what the record is about."""

    quarantine_id: str
    decision_id: str
    action: str
    file: dict[str, Any] | None
    """The corrected page file, as an entry of a page list has it."""
    manifest: bool
    """Whether a corrected manifest is the answer."""
    decided_at: datetime
    batch_id: str | None
    item_id: str | None
    page_id: str | None
    path: str | None
    """Name under which the page's file was delivered."""


Refusal = tuple[str, str] | None
"""Code and what was found, or None where it is granted."""


def judge(unit: UnitOfWork, fact: ControlRequested) -> Refusal:
    """Whether a request may be granted: for all of its records or for none."""
    names = quarantine_ids(fact)
    if not names or len(names) != len(fact.subjects) or len(names) > MOST_SUBJECTS:
        found = f"{fact.action} applies to 1 to {MOST_SUBJECTS} quarantine records only."
        return "control.subject-unfit", found
    if fact.files and (len(names) != 1 or fact.action != "release" or not fact.value):
        return "control.subject-unfit", "The request has a file that cannot be used."
    known = {row[0]: QuarantineRow(*row) for row in unit.run("records", quarantine_ids=names)}
    withdrawn: dict[str, int] = {}
    for name in names:
        if name not in known:
            return "quarantine.unknown", f"No record {name} exists."
        record = known[name]
        if fact.action == "withdraw" and record.item_id:
            withdrawn[record.item_id] = withdrawn.get(record.item_id, 0) + 1
        refusal = _judged(fact, record, withdrawn.get(record.item_id or "", 0))
        if refusal:
            return refusal
    return None


def quarantine_ids(fact: ControlRequested) -> list[str]:
    """The records that a request names."""
    parts = [subject.partition(":") for subject in fact.subjects]
    return sorted({name for kind, _, name in parts if kind == "quarantine" and name})


def _judged(fact: ControlRequested, record: QuarantineRow, withdrawn: int) -> Refusal:
    name = record.quarantine_id
    if record.state != "open":
        return "quarantine.not-open", f"Record {name} is {record.state}."
    if fact.action == "reject":
        return None
    if record.cancelled:
        found = (
            f"The batch or item of record {name} was cancelled; the record can only be rejected."
        )
        return "batch.over", found
    if fact.action == "withdraw":
        return _withdrawal(record, withdrawn)
    if record.resume_at == TRACKER and record.code != UNDECODABLE:
        found = f"Record {name} would be refused again with {record.code}."
        return "quarantine.needs-correction", found
    if fact.files and (record.page_id is None or record.completed or not record.required):
        return "quarantine.no-page", f"Record {name} does not accept a page file."
    return None


def _withdrawal(record: QuarantineRow, withdrawn: int) -> Refusal:
    name = record.quarantine_id
    if record.page_id is None or record.completed or not record.required:
        return "quarantine.no-page", f"Record {name} has no page to withdraw."
    if withdrawn >= record.pages_left:
        return "quarantine.last-page", f"No page of {record.item_id} would be left."
    return None


def grant(unit: UnitOfWork, fact: ControlRequested, decision_id: str) -> None:
    """Write down a granted decision; it is carried out by `carry_out`."""
    corrected = _entry_file(fact.files[0], str(fact.value)) if fact.files else None
    rows = [
        (
            name,
            decision_id,
            fact.action,
            fact.head.occurred_at,
            corrected and Jsonb(corrected),
            False,
        )
        for name in quarantine_ids(fact)
    ]
    unit.run_many("put_verdict", rows)


def _entry_file(file: FileRef, path: str) -> dict[str, Any]:
    named = {name: getattr(file, name) for name in ("key", "sha256", "size_bytes", "media_type")}
    return {"path": path, **named}


def carry_out(unit: UnitOfWork) -> list[str]:
    """Carry out the verdicts whose record, page and item are known by now.

    Returns the decisions under which a pre-flight is done again."""
    redone = []
    for row in unit.run("verdicts_ready"):
        decision = Decision(*row)
        unit.run(
            "verdict_carried_out", quarantine_id=decision.quarantine_id, action=decision.action
        )
        _touch(unit, decision)
        if decision.action == "reject":
            _reject(unit, decision)
        elif decision.action == "withdraw":
            unit.run("withdraw_page", page_id=decision.page_id)
            unit.run("drop_retries_of_page", page_id=decision.page_id)
        elif decision.file is not None:
            _reopen(unit, decision, decision.file)
        elif not decision.manifest:
            _redo(unit, decision)
            redone += [] if decision.item_id else [decision.decision_id]
    return redone


def _touch(unit: UnitOfWork, decision: Decision) -> None:
    touched = unit.affected
    touched.batches |= {decision.batch_id} if decision.batch_id else set()
    touched.items |= {decision.item_id} if decision.item_id else set()
    touched.pages |= {decision.page_id} if decision.page_id else set()


def _reopen(unit: UnitOfWork, decision: Decision, file: dict[str, Any]) -> None:
    """Open the page's next revision with a corrected file. It keeps the delivered name, so that
    the package is the same as if the file had been right at once."""
    delivered, sent = PurePosixPath(decision.path or file["path"]), PurePosixPath(file["path"])
    if delivered.suffix.lower() != sent.suffix.lower():
        delivered = delivered.with_name(sent.name)
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
    """Rejected counts as cancelled: the item, or the batch when no item was known yet."""
    name = decision.quarantine_id
    (required, resume_at, origin_event_id) = unit.run("record_kind", quarantine_id=name)[0]
    if not required:
        return
    if resume_at == TRACKER:
        unit.run("reject_refused", quarantine_id=name)
    elif decision.item_id:
        unit.run("reject_item", item_id=decision.item_id)
        unit.run("drop_retries", items=[decision.item_id])
        unit.affected.whole.add(decision.item_id)
    elif decision.batch_id:
        unit.run("reject_batch", batch_id=decision.batch_id, received_id=origin_event_id)


def _redo(unit: UnitOfWork, decision: Decision) -> None:
    """Send the original bytes to the lane again, under the decision."""
    name = decision.quarantine_id
    if unit.run("decided", event_ids=[redone_id(name)]):
        return  # told before this rebuild
    (value,) = unit.run("fact", event_id=name)[0]
    record = read_again(value).fact
    assert isinstance(record, WorkQuarantined)
    original = next(file for file in record.files if file.use == "original")
    headers = [("step", record.step), ("attempt", "1"), ("cause", decision.decision_id)]
    if record.step == TRACKER:
        origin = record.origin
        place = {"topic": origin.topic, "partition": origin.partition, "offset": origin.offset}
        headers += [(name, str(value)) for name, value in place.items()]
    unit.publish_later(
        redone_topic(record.lane),
        record.origin.key,
        unit.storage.read(original),
        [*headers, ("release", name)],
        page_id=decision.page_id,
    )


def released_by(unit: UnitOfWork, decision_id: str | None, batch_id: str | None) -> str | None:
    """event_id of the batch.received whose pre-flight was done again under this decision."""
    if decision_id is None:
        return None
    rows = unit.run("released_batch", decision_id=decision_id, batch_id=batch_id)
    return str(rows[0][0]) if rows else None


def correction(unit: UnitOfWork, name: str, batch_id: str | None) -> Refusal:
    """Whether a corrected manifest may answer this record: a batch that pre-flight refused."""
    known = {row[0]: QuarantineRow(*row) for row in unit.run("records", quarantine_ids=[name])}
    record = known.get(name)
    if record is None or record.batch_id != batch_id or record.item_id is not None:
        found = f"record {name} does not exist or is not the record of the batch itself"
        return "batch.release-unfit", found
    if record.state != "open" or record.resume_at == TRACKER:
        found = f"record {name} is {record.state} and cannot be answered by a manifest"
        return "batch.release-unfit", found
    return None


def decision_event(request_id: str) -> str:
    """event_id of the answer to a request."""
    return ids.make_id(request_id, "ControlDecided")

"""Checks of requests about quarantine records, before a decision is made."""

from dataclasses import dataclass

from processors.outcome import ObjectUnusable, subject
from processors.pipeline import FIXITY, TRACKER
from processors.route import is_staged
from schemas.catalogue import topic_of
from schemas.codec import decode
from schemas.models import ControlRequested, FileRef, Head, WorkQuarantined
from streams.execution.facts import UNDECODABLE
from streams.kafka.client import OPERATOR
from streams.tracker.persons import is_about_person
from streams.tracker.unit_of_work import UnitOfWork
from streams.uploads.upload_records import WITHOUT_RECORD

MOST_SUBJECTS = 100
ORIGINAL_MISSING = "quarantine.original-missing"


@dataclass(frozen=True)
class QuarantineRow:
    """The columns of a quarantine record that a decision depends on."""

    quarantine_id: str
    batch_id: str | None
    item_id: str | None
    page_id: str | None
    code: str
    resume_at: str
    required: bool
    state: str
    cancelled: bool
    """Whether its item or batch was cancelled."""
    completed: bool
    """Whether its item is complete: its pages cannot change in this revision."""
    pages_left: int
    """The pages of its item that are neither missing nor withdrawn."""


Refusal = tuple[str, str] | None
"""Code and what was found; None if the request is granted."""


def check_decision(unit: UnitOfWork, fact: ControlRequested) -> Refusal:
    """Why a request cannot be granted for all of its records; None if it is granted."""
    names = quarantine_ids(fact)
    if not names or len(names) != len(fact.subjects) or len(names) > MOST_SUBJECTS:
        found = f"{fact.action} applies to 1 to {MOST_SUBJECTS} quarantine records only."
        return "control.subject-unfit", found
    if fact.files and (len(names) != 1 or fact.action != "release" or not fact.value):
        return "control.subject-unfit", "The request has a file that cannot be used."
    for file in fact.files:
        if not is_staged(file):
            return "file.not-staged", f"The request names the file {file.key!r}."
        unproven = _unproven(unit, fact, file)
        if unproven:
            return WITHOUT_RECORD, f"{unproven}."
    known = _records(unit, names)
    withdrawn: dict[str, int] = {}
    for name in names:
        if name not in known:
            return "quarantine.unknown", f"No record {name} exists."
        record = known[name]
        if fact.action == "withdraw" and record.item_id:
            withdrawn[record.item_id] = withdrawn.get(record.item_id, 0) + 1
        refusal = _refuse_for_record(fact, record, withdrawn.get(record.item_id or "", 0))
        if refusal is None and fact.action == "release" and not fact.files:
            refusal = _refuse_without_original(unit, name)
        if refusal:
            return refusal
    return None


def _unproven(unit: UnitOfWork, fact: ControlRequested, file: FileRef) -> str | None:
    """What is found where the proof should be that the sender of a request stored a file."""
    if unit.uploads is None:
        return None
    for partition, offset in unit.run("position_of_fact", event_id=fact.head.event_id):
        topic = topic_of(type(fact).__name__).name
        if offset is not None and unit.uploads.is_older((topic, partition), offset):
            return None
    return unit.uploads.why_unproven(OPERATOR, file)


def quarantine_ids(fact: ControlRequested) -> list[str]:
    """The records that a request names."""
    parts = [subject.partition(":") for subject in fact.subjects]
    return sorted({name for kind, _, name in parts if kind == "quarantine" and name})


def _records(unit: UnitOfWork, names: list[str]) -> dict[str, QuarantineRow]:
    rows = unit.run("quarantine_records", quarantine_ids=names)
    return {row[0]: QuarantineRow(*row) for row in rows}


def _refuse_for_record(fact: ControlRequested, record: QuarantineRow, withdrawn: int) -> Refusal:
    name = record.quarantine_id
    if record.state != "open":
        return "quarantine.not-open", f"Record {name} is {record.state}."
    if fact.action == "reject":
        return None
    if record.resume_at == FIXITY:
        return "quarantine.needs-restore", f"Record {name} is about an object, not about work."
    if record.cancelled:
        found = (
            f"The batch or item of record {name} was cancelled; the record can only be rejected."
        )
        return "batch.over", found
    if fact.action == "withdraw":
        if fact.value not in (None, "not-a-page"):
            return "control.subject-unfit", f"The request has the unknown value {fact.value!r}."
        return _refuse_withdrawal(record, withdrawn)
    # Nobody but its sender can sign a message.
    unsigned = record.code.startswith("sender.")
    read_again = record.code == UNDECODABLE or is_about_person(record.code)
    if unsigned or (record.resume_at == TRACKER and not read_again):
        found = f"Record {name} would be refused again with {record.code}."
        return "quarantine.needs-correction", found
    if fact.files and (record.page_id is None or record.completed or not record.required):
        return "quarantine.no-page", f"Record {name} does not accept a page file."
    return None


def _refuse_withdrawal(record: QuarantineRow, withdrawn: int) -> Refusal:
    name = record.quarantine_id
    if record.page_id is None or record.completed or not record.required:
        return "quarantine.no-page", f"Record {name} has no page to withdraw."
    if withdrawn >= record.pages_left:
        return "quarantine.last-page", f"No page of {record.item_id} would be left."
    return None


def _refuse_without_original(unit: UnitOfWork, name: str) -> Refusal:
    """The work of a record is repeated from its original message, which the store must have."""
    original = original_of(unit, name)
    if original is None:
        return ORIGINAL_MISSING, f"Record {name} names no original message."
    try:
        unit.storage.read(original)
    except ObjectUnusable as missing:
        return ORIGINAL_MISSING, f"Record {name}: {missing}."
    return None


def original_of(unit: UnitOfWork, name: str) -> FileRef | None:
    """The original message of a quarantine record."""
    (value,) = unit.run("fact", event_id=name)[0]
    record = decode(value, WorkQuarantined)
    return next((file for file in record.files if file.use == "original"), None)


def common_subject(unit: UnitOfWork, fact: ControlRequested) -> Head:
    """The batch, item and page that all records of a request belong to, as the tables have them."""
    names = quarantine_ids(fact)
    rows = unit.run("subjects_of_records", quarantine_ids=names) if names else []
    columns = [set(column) for column in zip(*rows, strict=True)]
    batch_id, item_id, page_id, revision = (
        column.pop() if len(column) == 1 else None for column in columns or [set()] * 4
    )
    return subject(batch_id, item_id, page_id, revision or 1)


def check_correction(unit: UnitOfWork, name: str, batch_id: str | None) -> Refusal:
    """Why a corrected manifest cannot resolve this record; it resolves the open record of a batch
    that pre-flight refused."""
    record = _records(unit, [name]).get(name)
    if record is None or record.batch_id != batch_id or record.item_id is not None:
        found = f"record {name} does not exist or is not the record of the batch itself"
        return "batch.release-unfit", found
    if record.state != "open" or record.resume_at == TRACKER:
        found = f"record {name} is {record.state} and cannot be answered by a manifest"
        return "batch.release-unfit", found
    return None

"""What is set aside: quarantine records met on the line, and those of the tracker itself."""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg.types.json import Jsonb

from processors.pipeline import TRACKER
from schemas import ids
from schemas.models import FileRef, Head, Origin, ReceiptAccepted, WorkQuarantined
from streams.tracker.unit_of_work import StoredFact, UnitOfWork

LANE = "intake"
UNDECODABLE = "message.undecodable"
"""Bytes that could not be read: kept, and read again when they are released."""


@dataclass(frozen=True)
class Fault:
    """Why something is set aside, in words for a person."""

    code: str
    where: str
    found: str
    fix: str


def record_quarantine(unit: UnitOfWork, fact: WorkQuarantined) -> None:
    """Bring a quarantine record into the tables; what it does to its subject is derived."""
    head = fact.head
    subject = (head.event_id, head.batch_id, head.item_id, head.page_id, head.revision)
    told = (fact.code, fact.where, fact.found, fact.fix, fact.attempts, fact.step, fact.lane)
    rest = (fact.work_id, fact.required, fact.origin.event_id, head.occurred_at)
    row = [storable(value) for value in (*subject, *told, *rest, fact.diagnostics_count)]
    diagnostics = [one.model_dump() for one in fact.diagnostics]
    unit.run_many("put_quarantine", [(*row, Jsonb(storable_json(diagnostics)))])
    if head.batch_id and not head.item_id and fact.step != TRACKER:
        unit.run("mention_batch", batch_ids=[head.batch_id])
    unit.mark_affected(head)


def storable(value: object) -> object:
    """A value as PostgreSQL takes it: its text holds no U+0000."""
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str) else value


def storable_json(rows: list[dict[str, str]]) -> list[dict[str, object]]:
    """The same for the texts of documents."""
    return [{name: storable(value) for name, value in row.items()} for row in rows]


def quarantine(unit: UnitOfWork, fact: WorkQuarantined) -> None:
    """Decide a quarantine record of the tracker's own; it counts from this turn on."""
    for one in unit.emit([fact]):
        assert isinstance(one.fact, WorkQuarantined)
        record_quarantine(unit, one.fact)
        if one.head.batch_id:
            unit.affected.batches.add(one.head.batch_id)


def refusal_id(event_id: str) -> str:
    """event_id of the tracker's refusal of a fact."""
    return ids.fact_id(ids.work_id(event_id, TRACKER), "WorkQuarantined")


def refusal(
    unit: UnitOfWork,
    like: Head,
    origin: Origin,
    fault: Fault,
    files: Sequence[FileRef],
    required: bool = True,
) -> WorkQuarantined:
    """The record with which the tracker refuses a fact."""
    return WorkQuarantined(
        head=unit.head(refusal_id(origin.event_id), origin.event_id, like.occurred_at, like),
        step=TRACKER,
        lane=LANE,
        work_id=ids.work_id(origin.event_id, TRACKER),
        required=required,
        code=fault.code,
        where=fault.where,
        found=fault.found,
        fix=fault.fix,
        attempts=1,
        origin=origin,
        files=tuple(files),
    )


def refuse_batch(unit: UnitOfWork, one: StoredFact, code: str, fix: str = "") -> None:
    """Set a submission aside; the batch of this id, if there is one, is not touched."""
    batch_id = one.head.batch_id
    found = {
        "batch.id-taken": "another manifest came under this batch id before",
        "batch.release-unfit": "a corrected manifest that answers no open refusal of this batch",
    }[code]
    fix = fix or "Submit it under a batch id that was never used."
    fault = Fault(code, f"batch {batch_id}", found, fix)
    files = [unit.keep_original(one.value)]
    quarantine(unit, refusal(unit, one.head, one.origin(), fault, files))


def refuse_package(unit: UnitOfWork, one: StoredFact, fact: ReceiptAccepted) -> None:
    """Record that a repository refused a package; no page moves."""
    fault = Fault(
        "package.refused",
        f"package {fact.package_id}",
        f"{fact.repository}: {fact.reason or 'no reason given'}",
        "Clear the reason with the repository; then deliver a corrected item.",
    )
    files = [unit.keep_original(one.value)]
    like = one.head.model_copy(update={"page_id": None, **_subject(unit, fact.package_id)})
    quarantine(unit, refusal(unit, like, one.origin(), fault, files, required=False))


def _subject(unit: UnitOfWork, package_id: str) -> dict[str, object]:
    """What a package is of; nothing, where only the repository's word is known so far."""
    rows = unit.run("subject_of_package", package_id=package_id)
    return dict(zip(("batch_id", "item_id", "revision"), rows[0], strict=True)) if rows else {}


def refuse_undecodable(
    unit: UnitOfWork, origin: Origin, value: bytes, why: str, like: Head
) -> None:
    """Set aside bytes that are no fact of ours, untouched."""
    where = f"{origin.topic}, partition {origin.partition}, offset {origin.offset}"
    fix = "Find out who wrote it; publish it again in the wire format of docs/topics.md."
    fault = Fault(UNDECODABLE, where, why, fix)
    quarantine(unit, refusal(unit, like, origin, fault, [unit.keep_original(value)]))

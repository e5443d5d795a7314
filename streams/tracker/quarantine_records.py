"""Quarantine records: those that steps publish, and those of the tracker itself."""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg.types.json import Jsonb

from processors.error_catalogue import fix_of
from processors.pipeline import TRACKER
from schemas import ids
from schemas.models import FileRef, Head, Origin, ReceiptAccepted, WorkQuarantined
from streams.execution.facts import UNDECODABLE
from streams.tracker.unit_of_work import StoredFact, UnitOfWork

LANE = "intake"


@dataclass(frozen=True)
class Fault:
    """Why something is quarantined; the error catalogue has the fix."""

    code: str
    where: str
    found: str


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
        fix=fix_of(fault.code),
        attempts=1,
        origin=origin,
        files=tuple(files),
    )


def refuse_batch(unit: UnitOfWork, one: StoredFact, code: str, found: str) -> None:
    """Quarantine a submission; the batch of this id, if there is one, is unchanged."""
    fault = Fault(code, f"batch {one.head.batch_id}", found)
    files = [unit.keep_original(one.value)]
    quarantine(unit, refusal(unit, one.head, one.origin(), fault, files))


def refuse_package(unit: UnitOfWork, one: StoredFact, fact: ReceiptAccepted) -> None:
    """Record that a repository refused a package; its pages are unchanged."""
    fault = Fault(
        "package.refused",
        f"package {fact.package_id}",
        f"{fact.repository}: {fact.reason or 'no reason given'}",
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
    """Quarantine a message that cannot be decoded, its bytes unchanged."""
    where = f"{origin.topic}, partition {origin.partition}, offset {origin.offset}"
    fault = Fault(UNDECODABLE, where, why)
    quarantine(unit, refusal(unit, like, origin, fault, [unit.keep_original(value)]))

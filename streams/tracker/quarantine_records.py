"""Quarantine records: those that the tracker reads, and those that it publishes."""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg.types.json import Jsonb

from processors.error_catalogue import fix_of
from processors.pipeline import FIXITY, TRACKER
from schemas import ids
from schemas.models import (
    FileRef,
    Head,
    ObjectRestored,
    Origin,
    ReceiptAccepted,
    WorkQuarantined,
)
from streams.execution.facts import UNDECODABLE
from streams.tracker.unit_of_work import StoredFact, UnitOfWork

LANE = "intake"


@dataclass(frozen=True)
class Fault:
    """Why the tracker quarantines something."""

    code: str
    where: str
    found: str
    fix: str | None = None
    """By default that of the error catalogue."""


def record_quarantine(unit: UnitOfWork, fact: WorkQuarantined) -> None:
    """Write a quarantine record into the tables. Its effect on the subject is derived later."""
    head = fact.head
    subject = (head.event_id, head.batch_id, head.item_id, head.page_id, head.revision)
    content = (fact.code, fact.where, fact.found, fact.fix, fact.attempts, fact.step, fact.lane)
    rest = (fact.work_id, fact.required, fact.origin.event_id, head.occurred_at)
    row = [storable(value) for value in (*subject, *content, *rest, fact.diagnostics_count)]
    diagnostics = [diagnostic.model_dump() for diagnostic in fact.diagnostics]
    unit.run_many("put_quarantine", [(*row, Jsonb(storable_json(diagnostics)))])
    if head.batch_id and not head.item_id and fact.step != TRACKER:
        unit.run("ensure_batches", batch_ids=[head.batch_id])
    unit.mark_affected(head)


def close_restored(unit: UnitOfWork, new: Sequence[StoredFact]) -> None:
    """Close the records of failed objects that have their bytes again; the two facts are on
    different topics and come in any order."""
    restored = [one.fact.quarantine_id for one in new if isinstance(one.fact, ObjectRestored)]
    failed = {
        ids.fact_id(one.head.event_id, "ObjectRestored"): one.head.event_id
        for one in new
        if isinstance(one.fact, WorkQuarantined) and one.fact.step == FIXITY
    }
    if failed:
        known = unit.run("known_facts", event_ids=list(failed))
        restored += [failed[event_id] for (event_id,) in known]
    if restored:
        unit.run("close_restored", quarantine_ids=restored, step=FIXITY)


def storable(value: object) -> object:
    """A value without U+0000, which PostgreSQL does not accept in text."""
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str) else value


def storable_json(rows: list[dict[str, str]]) -> list[dict[str, object]]:
    """JSON objects without U+0000 in their texts."""
    return [{name: storable(value) for name, value in row.items()} for row in rows]


def quarantine(unit: UnitOfWork, fact: WorkQuarantined) -> None:
    """Publish a quarantine record of the tracker; it takes effect in this transaction."""
    for stored in unit.emit([fact]):
        assert isinstance(stored.fact, WorkQuarantined)
        record_quarantine(unit, stored.fact)
        if stored.head.batch_id:
            unit.affected.batches.add(stored.head.batch_id)


def refusal_id(event_id: str) -> str:
    """The event_id of the quarantine record with which the tracker refuses a fact."""
    return ids.fact_id(ids.work_id(event_id, TRACKER), "WorkQuarantined")


def refusal(
    unit: UnitOfWork,
    like: Head,
    origin: Origin,
    fault: Fault,
    files: Sequence[FileRef],
    required: bool = True,
) -> WorkQuarantined:
    """The quarantine record with which the tracker refuses a fact."""
    return WorkQuarantined(
        head=unit.head(refusal_id(origin.event_id), origin.event_id, like.occurred_at, like),
        step=TRACKER,
        lane=LANE,
        work_id=ids.work_id(origin.event_id, TRACKER),
        required=required,
        code=fault.code,
        where=fault.where,
        found=fault.found,
        fix=fix_of(fault.code) if fault.fix is None else fault.fix,
        attempts=1,
        origin=origin,
        files=tuple(files),
    )


def refuse_batch(unit: UnitOfWork, stored: StoredFact, code: str, found: str) -> None:
    """Quarantine a submission. An accepted batch of the same id is not changed."""
    fault = Fault(code, f"batch {stored.head.batch_id}", found)
    files = [unit.store_original(stored.value)]
    quarantine(unit, refusal(unit, stored.head, stored.origin(), fault, files))


def refuse_package(unit: UnitOfWork, stored: StoredFact, fact: ReceiptAccepted) -> None:
    """Quarantine a package that a repository refused. The states of its pages do not change."""
    fault = Fault(
        "package.refused",
        f"package {fact.package_id}",
        f"{fact.repository}: {fact.reason or 'no reason given'}",
    )
    files = [unit.store_original(stored.value)]
    like = stored.head.model_copy(update={"page_id": None, **_subject(unit, fact.package_id)})
    quarantine(unit, refusal(unit, like, stored.origin(), fault, files, required=False))


def _subject(unit: UnitOfWork, package_id: str) -> dict[str, object]:
    """Batch, item and revision of a package; empty if its publication is not known yet."""
    rows = unit.run("subject_of_package", package_id=package_id)
    return dict(zip(("batch_id", "item_id", "revision"), rows[0], strict=True)) if rows else {}


def refuse_undecodable(
    unit: UnitOfWork, origin: Origin, value: bytes, why: str, like: Head
) -> None:
    """Quarantine bytes that cannot be decoded, unchanged."""
    where = f"{origin.topic}, partition {origin.partition}, offset {origin.offset}"
    fault = Fault(UNDECODABLE, where, why)
    quarantine(unit, refusal(unit, like, origin, fault, [unit.store_original(value)]))

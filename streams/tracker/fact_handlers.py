"""Writes facts into the tables. Each fact adds to a set: order and repetition change nothing."""

from collections import defaultdict
from collections.abc import Sequence
from typing import cast

from processors.pipeline import STEPS
from schemas.models import (
    BatchAccepted,
    BatchReceived,
    CaptureAccepted,
    ControlRequested,
    PackagePublished,
    ReceiptAccepted,
    WorkDeferred,
    WorkQuarantined,
)
from streams import free_texts
from streams.tracker.batch_corrections import corrects_refused_batch
from streams.tracker.control import decide, unanswered_requests
from streams.tracker.derived_states import derive
from streams.tracker.operator_check import refuse_acceptance, refuse_submission
from streams.tracker.order_decisions import note_batch
from streams.tracker.persons import note_persons
from streams.tracker.quarantine_checks import check_correction
from streams.tracker.quarantine_decisions import carry_out, released_batch
from streams.tracker.quarantine_records import (
    close_restored,
    record_quarantine,
    refusal_id,
    refuse_batch,
    refuse_package,
)
from streams.tracker.registration import ACQUIRE, register
from streams.tracker.retries import retry
from streams.tracker.unit_of_work import StoredFact, UnitOfWork
from streams.tracker.versions import versions_of, waiting_versions

STEP_OF = {step.gives.__name__: step.name for step in STEPS if step.branch or step.name == ACQUIRE}
"""The step that has ended for a page, by the record name of the fact."""


def apply(unit: UnitOfWork, new: Sequence[StoredFact]) -> None:
    """Write new facts into the tables. A fact whose parent is unknown waits in line.facts."""
    by_record: dict[str, list[StoredFact]] = defaultdict(list)
    for stored in new:
        by_record[stored.record].append(stored)
        if stored.head.batch_id:
            unit.affected.batches.add(stored.head.batch_id)
    for stored in by_record["BatchReceived"]:
        _receive_batch(unit, stored)
    for stored in by_record["BatchAccepted"]:
        _accept_batch(unit, stored)
    for stored in by_record["ItemRegistered"]:
        register(unit, stored)
    _put_branches(unit, [stored for record in STEP_OF for stored in by_record[record]])
    _put_captures(unit, by_record["CaptureAccepted"])
    for stored in by_record["PackagePublished"]:
        _put_package(unit, stored)
    for stored in by_record["ReceiptAccepted"]:
        _put_repository_answer(unit, stored)
    for stored in by_record["WorkQuarantined"]:
        record_quarantine(unit, cast(WorkQuarantined, stored.fact))
    close_restored(unit, [*by_record["WorkQuarantined"], *by_record["ObjectRestored"]])
    for stored in by_record["WorkDeferred"]:
        retry(unit, cast(WorkDeferred, stored.fact))
    _carry_out_decisions(unit)
    requests = [cast(ControlRequested, stored.fact) for stored in by_record["ControlRequested"]]
    _decide_requests(unit, requests)


def register_versions(unit: UnitOfWork) -> None:
    """At the end of a rebuild, register the later versions of items in their order."""
    for stored in waiting_versions(unit):
        derive(unit)
        register(unit, stored)
        _carry_out_decisions(unit)


def decide_unanswered(unit: UnitOfWork) -> None:
    """At the end of a rebuild, decide the requests that have no decision on the topics."""
    _decide_requests(unit, unanswered_requests(unit))


def _decide_requests(unit: UnitOfWork, requests: Sequence[ControlRequested]) -> None:
    for fact in requests:
        # A decision depends on current states, which include the effects of the previous decision.
        derive(unit)
        decide(unit, fact)
        _carry_out_decisions(unit)


def _carry_out_decisions(unit: UnitOfWork) -> None:
    for decision_id in carry_out(unit):
        _apply_waiting(unit, decision_id)


def _receive_batch(unit: UnitOfWork, stored: StoredFact) -> None:
    """The first submission of a batch id wins, unless pre-flight refused it: then the next one
    corrects it. Another submission with another digest is refused."""
    fact, head = cast(BatchReceived, stored.fact), stored.head
    if fact.release is not None and not _accept_correction(unit, stored, fact.release):
        return
    corrects = fact.release is not None or corrects_refused_batch(unit, stored)
    claimed = unit.run(
        "claim_batch",
        batch_id=head.batch_id,
        received_id=head.event_id,
        manifest_sha256=fact.manifest_sha256,
        received_at=head.occurred_at,
        corrected=corrects,
    )
    if not claimed:
        refuse_batch(unit, stored, "batch.id-taken", "another manifest has this batch id")
        return
    if not refuse_submission(unit, stored):
        _apply_waiting(unit, head.event_id)


def _accept_correction(unit: UnitOfWork, stored: StoredFact, quarantine_id: str) -> bool:
    """Whether a corrected manifest replaces one that pre-flight refused."""
    refusal = None
    if unit.run("decided", event_ids=[refusal_id(stored.head.event_id)]):
        refusal = ("batch.release-unfit", "refused before")
    elif not unit.rebuilding:
        refusal = check_correction(unit, quarantine_id, stored.head.batch_id)
    if refusal:
        refuse_batch(unit, stored, *refusal)
        return False
    row = (
        quarantine_id,
        stored.head.event_id,
        "release",
        stored.head.occurred_at,
        None,
        True,
        False,
    )
    unit.run_many("put_decision", [row])
    return True


def _apply_waiting(unit: UnitOfWork, cause_id: str) -> None:
    """Apply the acceptance and registrations that arrived before the fact that caused them."""
    for value, partition, offset in unit.run("facts_waiting_for", cause_id=cause_id):
        waiting = StoredFact.from_bytes(value, partition, offset)
        (_accept_batch if waiting.record == "BatchAccepted" else register)(unit, waiting)


def _accept_batch(unit: UnitOfWork, stored: StoredFact) -> None:
    fact, head = cast(BatchAccepted, stored.fact), stored.head
    received_id = released_batch(unit, head.cause_id, head.batch_id) or head.cause_id
    if refuse_acceptance(unit, stored, received_id):
        return
    accepted = unit.run(
        "accept_batch",
        batch_id=head.batch_id,
        received_id=received_id,
        accepted_id=head.event_id,
        accepted_at=head.occurred_at,
        item_count=fact.item_count,
        page_count=fact.page_count,
        priority=fact.priority,
        not_before=fact.not_before,
        project=fact.project,
        operator=fact.operator,
    )
    if accepted:
        note_batch(unit, fact)
        items = unit.run("items_of_batch", batch_id=head.batch_id)
        unit.affected.items |= {item_id for (item_id,) in items}
        for waiting in [] if unit.rebuilding else versions_of(unit, head.cause_id):
            register(unit, waiting)


def _put_branches(unit: UnitOfWork, ended: Sequence[StoredFact]) -> None:
    rows = [
        (stored.head.page_id, stored.head.revision, STEP_OF[stored.record], stored.head.event_id)
        for stored in ended
        if stored.head.page_id
    ]
    unit.run_many("put_branches", rows)
    for stored in ended:
        unit.mark_affected(stored.head)


def _put_captures(unit: UnitOfWork, captures: Sequence[StoredFact]) -> None:
    rows = [
        (cast(CaptureAccepted, stored.fact).capture_id, stored.head.page_id, stored.head.event_id)
        for stored in captures
    ]
    unit.run_many("put_capture", rows)
    note_persons(unit, (cast(CaptureAccepted, stored.fact).operator for stored in captures))
    batches = sorted({stored.head.batch_id for stored in captures if stored.head.batch_id})
    if batches:
        unit.run("ensure_batches", batch_ids=batches)
    for stored in captures:
        unit.mark_affected(stored.head)


def _put_package(unit: UnitOfWork, stored: StoredFact) -> None:
    fact, head = cast(PackagePublished, stored.fact), stored.head
    subject = (fact.package_id, head.batch_id, fact.item_id, fact.revision)
    file = (fact.key, fact.sha256, fact.size_bytes, fact.content_digest)
    unit.run_many("put_package", [(*subject, *file, head.occurred_at, head.event_id)])
    unit.affected.items.add(fact.item_id)


def _put_repository_answer(unit: UnitOfWork, stored: StoredFact) -> None:
    fact, head = cast(ReceiptAccepted, stored.fact), stored.head
    answer = (fact.package_id, fact.accepted, fact.reason, fact.repository)
    unit.run_many("put_repository_answer", [(head.event_id, *answer, head.occurred_at)])
    free_texts.mark_used(unit.conn, fact.reason)
    unit.affected.packages.add(fact.package_id)
    if not fact.accepted:
        refuse_package(unit, stored, fact)

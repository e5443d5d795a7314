"""From facts to rows: each new fact adds to a set, so order and repetition change nothing."""

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
from streams.tracker.control import decide, unanswered
from streams.tracker.derived_states import derive
from streams.tracker.quarantine_decisions import carry_out, correction, released_by
from streams.tracker.quarantine_records import (
    record_quarantine,
    refusal_id,
    refuse_batch,
    refuse_package,
)
from streams.tracker.registration import ACQUIRE, register
from streams.tracker.retries import retry
from streams.tracker.unit_of_work import StoredFact, UnitOfWork, read_again

STEP_OF = {step.gives.__name__: step.name for step in STEPS if step.branch or step.name == ACQUIRE}
"""Facts that say that a step has ended for a page."""


def apply(unit: UnitOfWork, new: Sequence[StoredFact]) -> None:
    """Bring new facts into the tables. Facts whose parent is not known yet wait in line.facts."""
    by_record: dict[str, list[StoredFact]] = defaultdict(list)
    for one in new:
        by_record[one.record].append(one)
        if one.head.batch_id:
            unit.affected.batches.add(one.head.batch_id)
    for one in by_record["BatchReceived"]:
        _receive(unit, one)
    for one in by_record["BatchAccepted"]:
        _accept(unit, one)
    for one in by_record["ItemRegistered"]:
        register(unit, one)
    _branches(unit, [one for record in STEP_OF for one in by_record[record]])
    _captures(unit, by_record["CaptureAccepted"])
    for one in by_record["PackagePublished"]:
        _package(unit, one)
    for one in by_record["ReceiptAccepted"]:
        _receipt(unit, one)
    for one in by_record["WorkQuarantined"]:
        record_quarantine(unit, cast(WorkQuarantined, one.fact))
    for one in by_record["WorkDeferred"]:
        retry(unit, cast(WorkDeferred, one.fact))
    _carry_out(unit)
    _answer(unit, [cast(ControlRequested, one.fact) for one in by_record["ControlRequested"]])


def answer_left(unit: UnitOfWork) -> None:
    """At the end of a rebuild: answer the requests that nobody has answered."""
    _answer(unit, unanswered(unit))


def _answer(unit: UnitOfWork, requests: Sequence[ControlRequested]) -> None:
    for fact in requests:
        derive(unit)  # it is judged by how things stand now, and by what the one before it did
        decide(unit, fact)
        _carry_out(unit)


def _carry_out(unit: UnitOfWork) -> None:
    for decision_id in carry_out(unit):
        _take_waiting(unit, decision_id)


def _receive(unit: UnitOfWork, one: StoredFact) -> None:
    """The first submission of a batch id counts; another digest under the same id is refused."""
    fact, head = cast(BatchReceived, one.fact), one.head
    if fact.release is not None and not _corrected(unit, one, fact.release):
        return
    claimed = unit.run(
        "claim_batch",
        batch_id=head.batch_id,
        received_id=head.event_id,
        manifest_sha256=fact.manifest_sha256,
        received_at=head.occurred_at,
        corrected=fact.release is not None,
    )
    if not claimed:
        refuse_batch(unit, one, "batch.id-taken", "another manifest has this batch id")
        return
    _take_waiting(unit, head.event_id)


def _corrected(unit: UnitOfWork, one: StoredFact, name: str) -> bool:
    """Whether a corrected manifest takes the place of one that pre-flight refused."""
    refusal = None
    if unit.run("decided", event_ids=[refusal_id(one.head.event_id)]):
        refusal = ("batch.release-unfit", "refused before")
    elif not unit.rebuilding:
        refusal = correction(unit, name, one.head.batch_id)
    if refusal:
        refuse_batch(unit, one, *refusal)
        return False
    row = (name, one.head.event_id, "release", one.head.occurred_at, None, True)
    unit.run_many("put_verdict", [row])
    return True


def _take_waiting(unit: UnitOfWork, cause_id: str) -> None:
    """Acceptance and registrations that came before what they follow from was known."""
    for value, partition, offset in unit.run("waiting_for", received_id=cause_id):
        waiting = read_again(value, partition, offset)
        (_accept if waiting.record == "BatchAccepted" else register)(unit, waiting)


def _accept(unit: UnitOfWork, one: StoredFact) -> None:
    fact, head = cast(BatchAccepted, one.fact), one.head
    accepted = unit.run(
        "accept_batch",
        batch_id=head.batch_id,
        received_id=released_by(unit, head.cause_id, head.batch_id) or head.cause_id,
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
        items = unit.run("items_of_batch", batch_id=head.batch_id)
        unit.affected.items |= {item_id for (item_id,) in items}


def _branches(unit: UnitOfWork, ended: Sequence[StoredFact]) -> None:
    rows = [
        (one.head.page_id, one.head.revision, STEP_OF[one.record], one.head.event_id)
        for one in ended
        if one.head.page_id
    ]
    unit.run_many("put_branches", rows)
    for one in ended:
        unit.mark_affected(one.head)


def _captures(unit: UnitOfWork, taken: Sequence[StoredFact]) -> None:
    rows = [
        (cast(CaptureAccepted, one.fact).capture_id, one.head.page_id, one.head.event_id)
        for one in taken
    ]
    unit.run_many("put_capture", rows)
    batches = sorted({one.head.batch_id for one in taken if one.head.batch_id})
    if batches:
        unit.run("mention_batch", batch_ids=batches)
    for one in taken:
        unit.mark_affected(one.head)


def _package(unit: UnitOfWork, one: StoredFact) -> None:
    fact, head = cast(PackagePublished, one.fact), one.head
    subject = (fact.package_id, head.batch_id, fact.item_id, fact.revision)
    file = (fact.key, fact.sha256, fact.size_bytes, fact.content_digest)
    unit.run_many("put_package", [(*subject, *file, head.occurred_at, head.event_id)])
    unit.affected.items.add(fact.item_id)


def _receipt(unit: UnitOfWork, one: StoredFact) -> None:
    fact, head = cast(ReceiptAccepted, one.fact), one.head
    answer = (fact.package_id, fact.accepted, fact.reason, fact.repository)
    unit.run_many("put_receipt", [(head.event_id, *answer, head.occurred_at)])
    unit.affected.packages.add(fact.package_id)
    if not fact.accepted:
        refuse_package(unit, one, fact)

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
from streams.tracker.derive import derive
from streams.tracker.refusals import refusal_id, refuse_batch, refuse_package, sort_out
from streams.tracker.register import register
from streams.tracker.release import carry_out, correction, released_by
from streams.tracker.retries import retry
from streams.tracker.turn import Seen, Turn, read_again

STEP_OF = {
    step.gives.__name__: step.name for step in STEPS if step.branch or step.name == "acquire_page"
}
"""Facts that say that a step has ended for a page."""


def apply(turn: Turn, new: Sequence[Seen]) -> None:
    """Bring new facts into the tables. Facts whose parent is not known yet wait in line.facts."""
    by_record: dict[str, list[Seen]] = defaultdict(list)
    for one in new:
        by_record[one.record].append(one)
        if one.head.batch_id:
            turn.touched.batches.add(one.head.batch_id)
    for one in by_record["BatchReceived"]:
        _receive(turn, one)
    for one in by_record["BatchAccepted"]:
        _accept(turn, one)
    for one in by_record["ItemRegistered"]:
        register(turn, one)
    _branches(turn, [one for record in STEP_OF for one in by_record[record]])
    _captures(turn, by_record["CaptureAccepted"])
    for one in by_record["PackagePublished"]:
        _package(turn, one)
    for one in by_record["ReceiptAccepted"]:
        _receipt(turn, one)
    for one in by_record["WorkQuarantined"]:
        sort_out(turn, cast(WorkQuarantined, one.fact))
    for one in by_record["WorkDeferred"]:
        retry(turn, cast(WorkDeferred, one.fact))
    _carry_out(turn)
    _answer(turn, [cast(ControlRequested, one.fact) for one in by_record["ControlRequested"]])


def answer_left(turn: Turn) -> None:
    """At the end of a rebuild: answer the requests that nobody has answered."""
    _answer(turn, unanswered(turn))


def _answer(turn: Turn, requests: Sequence[ControlRequested]) -> None:
    for fact in requests:
        derive(turn)  # it is judged by how things stand now, and by what the one before it did
        decide(turn, fact)
        _carry_out(turn)


def _carry_out(turn: Turn) -> None:
    for decision_id in carry_out(turn):
        _take_waiting(turn, decision_id)


def _receive(turn: Turn, one: Seen) -> None:
    """The first submission of a batch id counts; another digest under the same id is refused."""
    fact, head = cast(BatchReceived, one.fact), one.head
    if fact.release is not None and not _corrected(turn, one, fact.release):
        return
    claimed = turn.run(
        "claim_batch",
        batch_id=head.batch_id,
        received_id=head.event_id,
        manifest_sha256=fact.manifest_sha256,
        received_at=head.occurred_at,
        corrected=fact.release is not None,
    )
    if not claimed:
        refuse_batch(turn, one, "batch.id-taken")
        return
    _take_waiting(turn, head.event_id)


def _corrected(turn: Turn, one: Seen, name: str) -> bool:
    """Whether a corrected manifest takes the place of one that pre-flight refused."""
    refusal = None
    if turn.run("decided", event_ids=[refusal_id(one.head.event_id)]):
        refusal = ("batch.release-unfit", "refused before")
    elif not turn.rebuilding:
        refusal = correction(turn, name, one.head.batch_id)
    if refusal:
        refuse_batch(turn, one, *refusal)
        return False
    row = (name, one.head.event_id, "release", one.head.occurred_at, None, True)
    turn.run_many("put_verdict", [row])
    return True


def _take_waiting(turn: Turn, cause_id: str) -> None:
    """Acceptance and registrations that came before what they follow from was known."""
    for value, partition, offset in turn.run("waiting_for", received_id=cause_id):
        waiting = read_again(value, partition, offset)
        (_accept if waiting.record == "BatchAccepted" else register)(turn, waiting)


def _accept(turn: Turn, one: Seen) -> None:
    fact, head = cast(BatchAccepted, one.fact), one.head
    accepted = turn.run(
        "accept_batch",
        batch_id=head.batch_id,
        received_id=released_by(turn, head.cause_id, head.batch_id) or head.cause_id,
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
        items = turn.run("items_of_batch", batch_id=head.batch_id)
        turn.touched.items |= {item_id for (item_id,) in items}


def _branches(turn: Turn, ended: Sequence[Seen]) -> None:
    rows = [
        (one.head.page_id, one.head.revision, STEP_OF[one.record], one.head.event_id)
        for one in ended
        if one.head.page_id
    ]
    turn.run_many("put_branches", rows)
    for one in ended:
        turn.touch(one.head)


def _captures(turn: Turn, taken: Sequence[Seen]) -> None:
    rows = [
        (cast(CaptureAccepted, one.fact).capture_id, one.head.page_id, one.head.event_id)
        for one in taken
    ]
    turn.run_many("put_capture", rows)
    batches = sorted({one.head.batch_id for one in taken if one.head.batch_id})
    if batches:
        turn.run("mention_batch", batch_ids=batches)
    for one in taken:
        turn.touch(one.head)


def _package(turn: Turn, one: Seen) -> None:
    fact, head = cast(PackagePublished, one.fact), one.head
    subject = (fact.package_id, head.batch_id, fact.item_id, fact.revision)
    file = (fact.key, fact.sha256, fact.size_bytes, fact.content_digest)
    turn.run_many("put_package", [(*subject, *file, head.occurred_at, head.event_id)])
    turn.touched.items.add(fact.item_id)


def _receipt(turn: Turn, one: Seen) -> None:
    fact, head = cast(ReceiptAccepted, one.fact), one.head
    answer = (fact.package_id, fact.accepted, fact.reason, fact.repository)
    turn.run_many("put_receipt", [(head.event_id, *answer, head.occurred_at)])
    turn.touched.packages.add(fact.package_id)
    if not fact.accepted:
        refuse_package(turn, one, fact)

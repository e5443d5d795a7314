"""One work item, and the facts that record its outcome."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from processors.error_catalogue import fix_of
from processors.outcome import Done, Outcome, Rejected, TryLater, rejected
from processors.premis import events_of
from processors.route import proven_subject
from processors.step import Step
from processors.tools import Area, Storage
from schemas import ids
from schemas.catalogue import AUDIT_INTAKE, key_of, topic_of
from schemas.codec import encode
from schemas.models import (
    Diagnostic,
    Fact,
    FileRef,
    Head,
    Producer,
    WorkDeferred,
    WorkQuarantined,
)
from streams.execution.retry_policy import next_try, policy_of
from streams.execution.senders import signature_acts
from streams.kafka.messages import Incoming, Outgoing

INLINE_DIAGNOSTICS = 20
"""A longer list is stored as a file, and the fact names the file."""
RECEIPT_DAMAGED = "work.receipt-damaged"
UNDECODABLE = "message.undecodable"
"""Code of a message that cannot be decoded: it is stored, and read again when it is released."""


@dataclass(frozen=True)
class Work:
    """A work item: a step on a fact, with its attempt and, when it was released, the decision."""

    step: Step
    fact: Fact
    message: Incoming

    @property
    def head(self) -> Head:
        """The head of the input fact."""
        return self.fact.head

    @property
    def decision_id(self) -> str | None:
        """event_id of the decision by which the work is repeated."""
        return self.message.header("cause")

    @property
    def attempt(self) -> int:
        """The number of this attempt, from 1."""
        return int(self.message.header("attempt") or 1)

    @property
    def work_id(self) -> str:
        """Id of the work item (docs/contract.md §1)."""
        return ids.work_id(self.head.event_id, self.step.name, self.decision_id)


def utc_now() -> datetime:
    """The current time with microseconds, as facts record it."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class FactBuilder:
    """Builds the facts of an outcome: ids from the work item, time from a clock."""

    storage: Storage
    version: str
    clock: Callable[[], datetime] = utc_now
    retry_scale: float = 1.0
    """Multiplies all delays of the retry policy."""
    worker: str | None = None
    """Pseudonym of the machine and role that makes the facts."""

    def facts(self, work: Work, outcome: Outcome) -> list[Fact]:
        """The facts of an outcome with complete heads. Raises StorageError."""
        if isinstance(outcome, Done):
            return self._stamped(work, outcome.facts)
        if isinstance(outcome, TryLater):
            return [self._scheduled(one) for one in self._stamped(work, [_deferred(work, outcome)])]
        return self._stamped(work, [self._quarantined(work, outcome)])

    def undecodable(
        self, message: Incoming, step: Step, why: str, event_id: str, code: str = UNDECODABLE
    ) -> Fact:
        """The fact that quarantines a message of which nothing is used, its bytes unchanged."""
        work_id = ids.work_id(event_id, step.name)
        head = Head(
            event_id=ids.fact_id(work_id, "WorkQuarantined"),
            cause_id=event_id,
            revision=1,
            occurred_at=self.clock(),
            producer=self._producer(step),
        )
        return WorkQuarantined(
            head=head,
            step=step.name,
            lane=step.lane,
            work_id=work_id,
            required=True,
            code=code,
            where=f"{message.topic}, partition {message.partition}, offset {message.offset}",
            found=why,
            fix=fix_of(code),
            attempts=1,
            origin=message.origin(event_id),
            files=(self._original(message),),
            acts=signature_acts(message, head),
        )

    def receipt_damaged(self, work: Work, why: str) -> Fact:
        """The fact that quarantines work whose receipt is damaged."""
        # A rejection by the step may have been published before under its own id.
        (fact,) = self.facts(work, rejected(RECEIPT_DAMAGED, why))
        event_id = ids.fact_id(work.work_id, RECEIPT_DAMAGED)
        return fact.model_copy(update={"head": fact.head.model_copy(update={"event_id": event_id})})

    def _stamped(self, work: Work, drafts: Sequence[Fact]) -> list[Fact]:
        now, counted, stamped = self.clock(), dict[str, int](), []
        for draft in drafts:
            record = type(draft).__name__
            index = counted.get(record, 0)
            counted[record] = index + 1
            own = draft.head
            about = own if own.revision else proven_subject(work.fact)
            event_id = ids.fact_id(work.work_id, record, index)
            if record == "WorkDeferred":
                event_id = ids.deferral_id(work.work_id, work.attempt)
            head = about.model_copy(
                update={
                    "event_id": event_id,
                    "cause_id": work.decision_id or work.head.event_id,
                    "occurred_at": now,
                    "producer": self._producer(work.step),
                }
            )
            acts = (*draft.acts, *signature_acts(work.message, head))
            stamped.append(draft.model_copy(update={"head": head, "acts": acts}))
        return stamped

    def _scheduled(self, fact: Fact) -> Fact:
        """A deferral with its next attempt, so that the log states what the tracker will do."""
        assert isinstance(fact, WorkDeferred)
        due = next_try(
            *(fact.error_class, fact.attempt, fact.head.event_id, fact.head.occurred_at),
            *(fact.after_seconds, self.retry_scale),
        )
        allowed = policy_of(fact.error_class).attempts
        return fact.model_copy(update={"next_at": due, "attempts_allowed": allowed})

    def _producer(self, step: Step) -> Producer:
        return Producer(
            name=f"copystand/{step.name}",
            version=f"{self.version}+step.{step.version}",
            worker=self.worker,
        )

    def _quarantined(self, work: Work, outcome: Rejected) -> WorkQuarantined:
        head, step = proven_subject(work.fact), work.step
        named = head.page_id or head.item_id or head.batch_id or f"message {head.event_id[:100]}"
        return WorkQuarantined(
            step=step.name,
            lane=step.lane,
            work_id=work.work_id,
            required=not step.branch or step.name in getattr(work.fact, "required_branches", ()),
            code=outcome.code,
            where=outcome.where or named,
            found=outcome.found,
            fix=outcome.fix,
            attempts=work.attempt,
            origin=work.message.origin(head.event_id),
            diagnostics=outcome.diagnostics[:INLINE_DIAGNOSTICS],
            diagnostics_count=len(outcome.diagnostics),
            files=(self._original(work.message), *self._long_list(outcome.diagnostics)),
        )

    def _original(self, message: Incoming) -> FileRef:
        return self.storage.keep(
            message.value or b"",
            area=Area.RECORDS,
            use="original",
            media_type="application/octet-stream",
        )

    def _long_list(self, diagnostics: tuple[Diagnostic, ...]) -> list[FileRef]:
        """The complete list as a file when it is too long for the fact."""
        if len(diagnostics) <= INLINE_DIAGNOSTICS:
            return []
        rows = "[" + ",\n".join(row.model_dump_json() for row in diagnostics) + "]"
        media_type = "application/json"
        return [
            self.storage.keep(
                rows.encode(), area=Area.RECORDS, use="diagnostics", media_type=media_type
            )
        ]


def _deferred(work: Work, outcome: TryLater) -> WorkDeferred:
    return WorkDeferred(
        step=work.step.name,
        lane=work.step.lane,
        work_id=work.work_id,
        attempt=work.attempt,
        error_class=str(outcome.error_class),
        why=outcome.why,
        after_seconds=outcome.after.total_seconds() if outcome.after else None,
        origin=work.message.origin(work.head.event_id),
        decision_id=work.decision_id,
        value=work.message.value or b"",
    )


def outgoing(facts: Sequence[Fact]) -> list[Outgoing]:
    """The messages of facts and of their PREMIS events. Raises TooLarge."""
    messages = []
    for fact in facts:
        messages.append(Outgoing(topic_of(type(fact).__name__).name, key_of(fact), encode(fact)))
        messages += audit_messages(fact)
    return messages


def audit_messages(fact: Fact) -> list[Outgoing]:
    """The messages of a fact's PREMIS events, for the sealer."""
    return [
        Outgoing(AUDIT_INTAKE.name, event.head.event_id, encode(event)) for event in events_of(fact)
    ]

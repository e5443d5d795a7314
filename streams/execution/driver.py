"""Executes steps: look for a receipt, run, store the outputs, write the receipt, publish."""

import logging
import re
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

from processors.outcome import (
    Done,
    ErrorClass,
    Outcome,
    Rejected,
    StorageError,
    TransientError,
    TryLater,
    rejected,
)
from processors.pipeline import wanted
from processors.step import Step
from schemas import ids
from schemas.catalogue import REDONE
from schemas.codec import TooLarge, Undecodable, decode
from schemas.models import Fact
from streams.execution.facts import UNDECODABLE, FactBuilder, Work, outgoing
from streams.execution.receipts import DAMAGED, DamagedReceipt, Receipts
from streams.execution.senders import Refused
from streams.kafka.messages import Incoming, Outgoing
from streams.kafka.producer import Publisher
from streams.runtime.fatal_errors import end_process
from streams.storage.keys import BadKey

log = logging.getLogger(__name__)

STORE_TIMEOUT_SECONDS = 300.0
REDONE_TOPICS = frozenset(topic.name for topic in REDONE)
ATTEMPT = re.compile(r"[1-9][0-9]{0,5}\Z")
T = TypeVar("T")
RunStep = Callable[[Step, Fact], Outcome]
CheckSender = Callable[[Incoming], Incoming | Refused]
HideTexts = Callable[[Incoming], Incoming]
CheckFiles = Callable[[Work], Rejected | None]


def _always() -> bool:
    return True


def without_sender(message: Incoming) -> Incoming:
    """A message of our own topics: who may write them is up to the broker, and headers on them have
    no meaning."""
    return replace(message, headers={})


def unchanged(message: Incoming) -> Incoming:
    """The message itself."""
    return message


def unchecked(_: Work) -> None:
    """Nothing against the files that a message of our own topics names."""


class Driver:
    """Executes steps on messages, one at a time; safe to call from several threads."""

    def __init__(
        self,
        steps: Sequence[Step],
        run: RunStep,
        receipts: Receipts,
        publisher: Publisher,
        facts: FactBuilder,
        check_sender: CheckSender = without_sender,
        hide_texts: HideTexts = unchanged,
        check_files: CheckFiles = unchecked,
    ) -> None:
        self._steps = steps
        self._run = run
        self._receipts = receipts
        self._publisher = publisher
        self._facts = facts
        self._check_sender = check_sender
        self._hide_texts = hide_texts
        self._check_files = check_files

    def handle(self, message: Incoming, still_ours: Callable[[], bool] = _always) -> None:
        """Execute the step that a message asks for. After the return it may be acknowledged.

        The call returns or ends the process; while the store or the broker does not answer, it
        waits. After a revoke (`still_ours` is false) it keeps the receipt and publishes nothing."""
        self.answer(message, still_ours)()

    def answer(
        self, message: Incoming, still_ours: Callable[[], bool] = _always
    ) -> Callable[[], None]:
        """Execute the step that a message asks for; the result publishes what follows from it, and
        returns when the broker has it. Only then may the message be acknowledged."""
        messages = self._or_end(
            message, lambda: _while_store_is_down(lambda: self._outgoing(message))
        )

        def publish() -> None:
            if messages and still_ours():
                self._or_end(message, lambda: self._publisher.publish(messages))

        return publish

    def _or_end(self, message: Incoming, work: Callable[[], T]) -> T:
        """The result of the work. An exception ends the process."""
        try:
            return work()
        except Exception as error:
            log.exception("driver failed")
            end_process(
                "message left unacknowledged",
                topic=message.topic,
                partition=message.partition,
                offset=message.offset,
                error=str(error)[:500],
            )

    def _outgoing(self, message: Incoming) -> list[Outgoing]:
        if message.topic not in REDONE_TOPICS:
            # Only the tracker's headers control how work is repeated.
            checked = self._check_sender(message)
            if isinstance(checked, Refused):
                return self._refused(message, checked)
            message = checked
        # From here on nothing is stored or published with a person's text in it.
        message = self._hide_texts(message)
        named = message.header("step")
        steps = [step for step in self._steps if named in (None, step.name)]
        if not steps:
            return []  # repeated work of another step of the lane
        try:
            fact = decode(message.value)
        except Undecodable as wrong:
            return self._quarantine(message, steps[0], str(wrong))
        attempt = message.header("attempt") or "1"
        if not ATTEMPT.match(attempt):
            return self._quarantine(
                message, steps[0], f"the header attempt is {attempt[:40]!r}, expected a number"
            )
        for step in steps:
            if isinstance(fact, step.takes):
                if not wanted(step, fact):
                    return []
                return self._result(Work(step, fact, message))
        takes = " or ".join(step.takes.__name__ for step in steps)
        found = f"the message is a {type(fact).__name__}, expected {takes}"
        return self._quarantine(message, steps[0], found)

    def _refused(self, message: Incoming, refused: Refused) -> list[Outgoing]:
        """The messages for a message that is not from the sender that it names. What was accepted
        before its key was revoked keeps its receipt."""
        step = self._steps[0]
        if refused.is_from_sender:
            with suppress(Undecodable, DamagedReceipt):
                head = decode(message.value).head
                for one in self._steps:
                    work_id = ids.work_id(head.event_id, one.name)
                    known = self._receipts.find(head.batch_id, work_id, 1)
                    if known is not None:
                        return known
        return self._quarantine(message, step, refused.found, refused.code)

    def _result(self, work: Work) -> list[Outgoing]:
        """The messages to publish for a work item: from its receipt, else from its execution."""
        batch_id = work.head.batch_id
        try:
            known = self._receipts.find(batch_id, work.work_id, work.attempt)
        except DamagedReceipt as damaged:
            log.error("receipt damaged", extra={"work_id": work.work_id, "error": str(damaged)})
            messages = outgoing([self._facts.receipt_damaged(work, str(damaged))])
            return self._receipts.keep(batch_id, work.work_id, DAMAGED, messages)
        if known is not None:
            return known
        started = time.monotonic()
        outcome = self._outcome(work)
        try:
            messages = outgoing(self._facts.facts(work, outcome))
        except (TooLarge, ValueError) as invalid:
            outcome = rejected("work.output-unfit", str(invalid)[:2000])
            try:
                messages = outgoing(self._facts.facts(work, outcome))
            except (TooLarge, ValueError) as subject:
                # The subject named by an external client is itself too long for a record.
                return self._quarantine(work.message, work.step, str(subject)[:500])
        deferred = work.attempt if isinstance(outcome, TryLater) else None
        _log(work, outcome, time.monotonic() - started)
        return self._receipts.keep(batch_id, work.work_id, deferred, messages)

    def _outcome(self, work: Work) -> Outcome:
        try:
            outcome = self._run(work.step, work.fact)
            refused = self._check_files(work) if isinstance(outcome, Done) else None
            return refused or outcome
        except BadKey as wrong:
            return rejected("file.key-malformed", str(wrong)[:2000])
        except TransientError as error:
            return TryLater(str(error)[:2000], error.error_class)
        except Exception as error:
            log.exception("step raised", extra={"step": work.step.name, "work_id": work.work_id})
            return TryLater(f"{type(error).__name__}: {error}"[:2000], ErrorClass.UNKNOWN)

    def _quarantine(
        self, message: Incoming, step: Step, why: str, code: str = UNDECODABLE
    ) -> list[Outgoing]:
        """The messages for bytes that are no valid fact, or of no known sender: they go to
        quarantine unchanged (docs/contract.md §1)."""
        event_id = ids.undecodable_id(
            message.topic, message.partition, message.offset, message.value
        )
        work_id = ids.work_id(event_id, step.name)
        attempt = None
        try:
            known = self._receipts.find(None, work_id, 1)
        except DamagedReceipt:
            known, attempt = None, DAMAGED
        if known is not None:
            return known
        where = {"topic": message.topic, "offset": message.offset, "code": code}
        log.warning("message quarantined", extra=where)
        fact = self._facts.undecodable(message, step, why, event_id, code)
        return self._receipts.keep(None, work_id, attempt, outgoing([fact]))


def _while_store_is_down(attempt: Callable[[], list[Outgoing]]) -> list[Outgoing]:
    """Retry while the store does not answer: without it there is no receipt to rely on."""
    pause, deadline = 0.2, time.monotonic() + STORE_TIMEOUT_SECONDS
    while True:
        try:
            return attempt()
        except StorageError as error:
            if time.monotonic() > deadline:
                raise
            log.warning("waiting for the store", extra={"error": str(error)})
            time.sleep(pause)
            pause = min(pause * 2, 10.0)


def _log(work: Work, outcome: Outcome, seconds: float) -> None:
    fields = {
        "outcome": "done" if isinstance(outcome, Done) else str(outcome)[:500],
        "step": work.step.name,
        "event_id": work.head.event_id,
        "item_id": work.head.item_id,
        "page_id": work.head.page_id,
        "seconds": round(seconds, 3),
    }
    log.info("step executed", extra=fields)

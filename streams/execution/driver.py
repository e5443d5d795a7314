"""The one way in which work is done: receipt, run, outputs durable, receipt, publish, let go."""

import logging
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from processors.outcome import (
    Done,
    ErrorClass,
    Outcome,
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
from streams.execution.facts import FactBuilder, Work, outgoing
from streams.execution.receipts import Receipts
from streams.kafka.messages import Incoming, Outgoing
from streams.kafka.producer import Publisher
from streams.runtime.fatal_errors import end_process

log = logging.getLogger(__name__)

STORE_PATIENCE_SECONDS = 300.0
REDONE_TOPICS = frozenset(topic.name for topic in REDONE)
ATTEMPT = re.compile(r"[1-9][0-9]{0,5}\Z")
RunStep = Callable[[Step, Fact], Outcome]


def _always() -> bool:
    return True


class Driver:
    """Does the work of some steps, one message at a time; safe to call from several threads."""

    def __init__(
        self,
        steps: Sequence[Step],
        run: RunStep,
        receipts: Receipts,
        publisher: Publisher,
        teller: FactBuilder,
    ) -> None:
        self._steps = steps
        self._run = run
        self._receipts = receipts
        self._publisher = publisher
        self._teller = teller

    def handle(self, message: Incoming, still_ours: Callable[[], bool] = _always) -> None:
        """Do what a message asks. On return it may be acknowledged.

        It returns or ends the process; while the store or the broker is away it waits. After a
        revoke (`still_ours` false) it keeps its receipt and publishes nothing."""
        try:
            messages = _with_patience(lambda: self._outgoing(message))
            if messages and still_ours():
                self._publisher.publish(messages)
        except Exception:
            log.exception("driver failed", extra={"topic": message.topic, "offset": message.offset})
            end_process("the driver cannot go on; the message stays unacknowledged")

    def _outgoing(self, message: Incoming) -> list[Outgoing]:
        if message.topic not in REDONE_TOPICS:
            # Headers say how work is done again; a stranger's mean nothing.
            message = replace(message, headers={})
        named = message.header("step")
        steps = [step for step in self._steps if named in (None, step.name)]
        if not steps:
            return []  # redone work of the lane's other step
        try:
            fact = decode(message.value)
        except Undecodable as wrong:
            return self._set_aside(message, steps[0], str(wrong))
        attempt = message.header("attempt") or "1"
        if not ATTEMPT.match(attempt):
            return self._set_aside(
                message, steps[0], f"the header attempt is {attempt[:40]!r}, expected a number"
            )
        for step in steps:
            if isinstance(fact, step.takes):
                if not wanted(step, fact):
                    return []
                return self._told(Work(step, fact, message))
        takes = " or ".join(step.takes.__name__ for step in steps)
        found = f"the message is a {type(fact).__name__}, expected {takes}"
        return self._set_aside(message, steps[0], found)

    def _told(self, work: Work) -> list[Outgoing]:
        """What is to be published for a work: from its receipt, else by doing it."""
        batch_id = work.head.batch_id
        known = self._receipts.find(batch_id, work.work_id, work.attempt)
        if known is not None:
            return known
        started = time.monotonic()
        outcome = self._outcome(work)
        try:
            messages = outgoing(self._teller.facts(work, outcome))
        except (TooLarge, ValueError) as unfit:
            outcome = rejected("work.output-unfit", str(unfit)[:2000])
            try:
                messages = outgoing(self._teller.facts(work, outcome))
            except (TooLarge, ValueError) as subject:
                # What a stranger's fact is about is itself too long to be told.
                return self._set_aside(work.message, work.step, str(subject)[:500])
        deferred = work.attempt if isinstance(outcome, TryLater) else None
        _log(work, outcome, time.monotonic() - started)
        return self._receipts.keep(batch_id, work.work_id, deferred, messages)

    def _outcome(self, work: Work) -> Outcome:
        try:
            return self._run(work.step, work.fact)
        except TransientError as fault:
            return TryLater(str(fault)[:2000], fault.error_class)
        except Exception as surprise:
            log.exception("step raised", extra={"step": work.step.name, "work_id": work.work_id})
            return TryLater(f"{type(surprise).__name__}: {surprise}"[:2000], ErrorClass.UNKNOWN)

    def _set_aside(self, message: Incoming, step: Step, why: str) -> list[Outgoing]:
        """Bytes that are no fact of ours go to quarantine untouched (docs/contract.md §1)."""
        event_id = ids.undecodable_id(
            message.topic, message.partition, message.offset, message.value
        )
        work_id = ids.work_id(event_id, step.name)
        known = self._receipts.find(None, work_id, 1)
        if known is not None:
            return known
        log.warning("undecodable", extra={"topic": message.topic, "offset": message.offset})
        fact = self._teller.undecodable(message, step, why, event_id)
        return self._receipts.keep(None, work_id, None, outgoing([fact]))


def _with_patience(attempt: Callable[[], list[Outgoing]]) -> list[Outgoing]:
    """Without the store there is no receipt, so nothing can be promised: wait for it."""
    pause, deadline = 0.2, time.monotonic() + STORE_PATIENCE_SECONDS
    while True:
        try:
            return attempt()
        except StorageError as away:
            if time.monotonic() > deadline:
                raise
            log.warning("the store does not answer", extra={"error": str(away)})
            time.sleep(pause)
            pause = min(pause * 2, 10.0)


def _log(work: Work, outcome: Outcome, seconds: float) -> None:
    told = "done" if isinstance(outcome, Done) else str(outcome)[:500]
    fields = {
        "step": work.step.name,
        "event_id": work.head.event_id,
        "item_id": work.head.item_id,
        "page_id": work.head.page_id,
        "seconds": round(seconds, 3),
    }
    log.info("%s", told, extra=fields)

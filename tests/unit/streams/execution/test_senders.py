"""The driver uses nothing of a record that is not from its sender, and its facts name the sender."""

from dataclasses import replace
from pathlib import Path

import pytest

from processors.outcome import Done, Outcome, StorageError, rejected
from processors.pipeline import Step, router_steps
from processors.premis import events_of
from schemas import ids
from schemas.catalogue import AUDIT_INTAKE, redone_topic, topic_of
from schemas.codec import decode, encode
from schemas.models import (
    CaptureAccepted,
    Fact,
    PageCaptured,
    WorkDeferred,
    WorkQuarantined,
)
from streams.execution.driver import Driver
from streams.execution.facts import FactBuilder
from streams.execution.receipts import Receipts
from streams.execution.senders import Refused, sender_headers
from streams.kafka.messages import Incoming
from streams.kafka.producer import MemoryPublisher
from streams.storage.memory import MemoryStorage
from tests.support.builders import a_head

CAPTURED = topic_of("PageCaptured").name
NAMED = {"sender": b"station-lab", "key_id": b"0123456789abcdef"}
SENT = [("sender", "station-lab"), ("key_id", "0123456789abcdef")]
REVOKED = Refused("sender.revoked", "The key was revoked", is_from_sender=True)
FORGED = Refused("sender.signature-wrong", "The signature does not match")


class Bench:
    """The router's driver in memory, whose check of senders answers as it is set."""

    def __init__(self, folder: Path) -> None:
        self.answer: Refused | None = None
        self.outcome: Outcome | Exception = Done(CaptureAccepted(capture_id="c", sequence=1))
        self.publisher, storage = MemoryPublisher(), MemoryStorage(folder)
        self.driver = Driver(
            router_steps(),
            self.run,
            Receipts(storage),
            self.publisher,
            FactBuilder(storage, "1"),
            self.check,
        )

    def check(self, message: Incoming) -> Incoming | Refused:
        return self.answer or replace(message, headers=NAMED)

    def run(self, step: Step, fact: Fact) -> Outcome:
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    def handle(self, message: Incoming) -> list[Fact]:
        """The facts that are published for a message."""
        self.publisher.messages.clear()
        self.driver.handle(message)
        sent = self.publisher.messages
        return [decode(one.value) for one in sent if one.topic != AUDIT_INTAKE.name]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def a_message(offset: int = 7) -> Incoming:
    head = a_head(event_id=ids.make_id("captured"))
    return Incoming(CAPTURED, 3, offset, b"k", encode(PageCaptured(head=head, sequence=1)), {})


def test_the_log_names_the_sender_of_what_was_accepted(bench: Bench):
    (fact,) = bench.handle(a_message())

    transition, signature = events_of(fact)
    assert isinstance(fact, CaptureAccepted)
    assert transition.event_type == "capture"
    assert signature.event_type == "digital signature validation"
    assert signature.event_type_uri.endswith("/preservation/eventType/dig")
    assert [agent.name for agent in signature.agents if agent.type == "organization"] == [
        "station-lab"
    ]
    assert signature.sources == transition.sources
    assert sender_headers(fact.acts) == SENT


def test_the_log_names_the_sender_of_what_was_refused_or_deferred(bench: Bench):
    bench.outcome = rejected("capture.subject-missing", "no page")
    (quarantined,) = bench.handle(a_message())
    bench.outcome = StorageError("no answer")
    another = replace(a_message(), value=encode(PageCaptured(head=a_head(), sequence=2)))
    (deferred,) = bench.handle(another)
    (undecodable,) = bench.handle(replace(a_message(), value=b"no fact"))

    assert isinstance(deferred, WorkDeferred)
    for fact in (quarantined, deferred, undecodable):
        assert sender_headers(fact.acts) == SENT, fact


def test_a_record_of_an_impostor_is_quarantined_without_anything_of_its_content(bench: Bench):
    bench.answer = FORGED

    (fact,) = bench.handle(a_message())

    assert isinstance(fact, WorkQuarantined)
    assert (fact.code, fact.found) == ("sender.signature-wrong", "The signature does not match")
    assert (fact.head.batch_id, fact.head.item_id, fact.head.page_id) == (None, None, None)
    assert fact.where == f"{CAPTURED}, partition 3, offset 7"
    assert ids.make_id("captured") not in fact.model_dump_json()
    assert fact.acts == ()


def test_an_impostors_record_does_not_answer_for_the_true_one(bench: Bench):
    bench.answer = FORGED
    bench.handle(a_message())

    bench.answer = None
    (fact,) = bench.handle(a_message(offset=8))

    assert isinstance(fact, CaptureAccepted)


def test_what_was_accepted_before_its_key_was_revoked_is_answered_from_its_receipt(bench: Bench):
    before = bench.handle(a_message())

    bench.answer = REVOKED
    again = bench.handle(a_message())
    new = replace(a_message(), value=encode(PageCaptured(head=a_head(), sequence=2)))
    (refused,) = bench.handle(new)

    assert again == before
    assert isinstance(refused, WorkQuarantined)
    assert refused.code == "sender.revoked"


def test_a_forgery_of_what_was_accepted_gets_no_receipt(bench: Bench):
    bench.handle(a_message())

    bench.answer = FORGED
    (fact,) = bench.handle(a_message(offset=8))

    assert isinstance(fact, WorkQuarantined)


def test_a_record_that_the_tracker_repeats_keeps_its_sender_without_a_signature(bench: Bench):
    bench.answer = FORGED
    headers = {"step": b"router", "attempt": b"2", **NAMED}

    (fact,) = bench.handle(replace(a_message(), topic=redone_topic("intake"), headers=headers))

    assert isinstance(fact, CaptureAccepted)
    assert sender_headers(fact.acts) == SENT


def test_a_record_without_a_sender_gives_no_act(bench: Bench):
    headers = {"step": b"router", "attempt": b"2"}

    (fact,) = bench.handle(replace(a_message(), topic=redone_topic("intake"), headers=headers))

    assert fact.acts == ()

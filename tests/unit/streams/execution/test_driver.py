"""The driver with its adapters in memory: what it publishes, when, and after a redelivery."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from processors.outcome import Done, ErrorClass, Outcome, Rejected, StorageError, TryLater
from processors.pipeline import STEPS, Step
from schemas import ids
from schemas.catalogue import AUDIT_INTAKE, redone_topic
from schemas.codec import Undecodable, decode, encode
from schemas.models import PageAcquired, Record, WorkDeferred, WorkQuarantined
from streams.execution.driver import Driver
from streams.execution.facts import FactBuilder
from streams.execution.receipts import DamagedReceipt, Receipts
from streams.kafka.messages import Incoming, Outgoing
from streams.kafka.producer import MemoryPublisher
from streams.storage.keys import BadKey
from streams.storage.memory import MemoryStorage
from tests.support.builders import a_page

ACQUIRE = next(step for step in STEPS if step.name == "acquire_page")


class Bench:
    """A driver with its adapters in memory, a clock that advances, and a count of executions."""

    def __init__(self, folder: Path, outcome: Outcome | Exception) -> None:
        self.outcome, self.runs, self.seconds = outcome, 0, 0
        self.storage, self.publisher = MemoryStorage(folder), MemoryPublisher()
        self.receipts = Receipts(self.storage)
        facts = FactBuilder(self.storage, "1", self.now)
        self.driver = Driver((ACQUIRE,), self.run, self.receipts, self.publisher, facts)

    def now(self) -> datetime:
        self.seconds += 1
        return datetime(2026, 1, 1, 0, 0, self.seconds, tzinfo=UTC)

    def run(self, step: Step, fact: Record) -> Outcome:
        self.runs += 1
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    def published(self) -> list[Record]:
        return [decode(m.value) for m in self.publisher.messages if m.topic != AUDIT_INTAKE.name]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, Done(an_acquired_page()))


def an_acquired_page() -> PageAcquired:
    page = a_page()
    shared = page.model_dump(include={"ref", "sequence", "kind", "layout", "original_name"})
    return PageAcquired(
        **shared,
        format_name="TIFF",
        width_px=10,
        height_px=10,
        bits_per_sample=8,
        samples_per_pixel=1,
        colour_space="greyscale",
    )


def a_message(fact: Record | None = None, **headers: str) -> Incoming:
    value = encode(fact or a_page())
    named = {name: text.encode() for name, text in headers.items()}
    topic = redone_topic("masters") if headers else "digitization.page.admitted.v1"
    return Incoming(topic, 3, 7, b"vol-1:0001", value, named)


def test_publishes_the_fact_with_ids_derived_from_its_cause(bench: Bench):
    bench.driver.handle(a_message())

    (fact,) = bench.published()
    page = a_page()
    work = ids.work_id(page.head.event_id, "acquire_page")
    assert fact.head.event_id == ids.fact_id(work, "PageAcquired", 0)
    assert fact.head.cause_id == page.head.event_id
    assert fact.head.page_id == "vol-1:0001"
    assert bench.publisher.messages[0].key == "vol-1:0001"


def test_publishes_each_premis_event_of_the_fact_to_the_sealer(bench: Bench):
    bench.driver.handle(a_message())

    (fact,) = bench.published()
    events = [m for m in bench.publisher.messages if m.topic == AUDIT_INTAKE.name]
    assert [m.key for m in events] == [ids.premis_id(fact.head.event_id, 0)]


def test_a_redelivery_publishes_the_same_bytes_without_executing_the_step_again(bench: Bench):
    bench.driver.handle(a_message())
    first = list(bench.publisher.messages)
    bench.driver.handle(a_message())

    assert bench.runs == 1
    assert bench.publisher.messages == first + first


def test_the_receipt_is_stored_before_anything_is_published(bench: Bench):
    stored: list[Outgoing] = []

    def publish(messages: list[Outgoing]) -> None:
        work = ids.work_id(a_page().head.event_id, "acquire_page")
        stored.extend(bench.receipts.find("b-1", work, 1) or [])

    bench.publisher.publish = publish  # type: ignore[method-assign,assignment]
    bench.driver.handle(a_message())

    assert len(stored) == 2


def test_after_a_revoke_the_receipt_is_stored_and_nothing_is_published(bench: Bench):
    bench.driver.handle(a_message(), still_ours=lambda: False)

    assert bench.publisher.messages == []
    bench.driver.handle(a_message())
    assert bench.runs == 1
    assert len(bench.published()) == 1


def test_a_key_that_the_store_never_gives_is_quarantined_at_the_first_attempt(tmp_path: Path):
    bench = Bench(tmp_path, BadKey("'../../etc/passwd' is no valid storage key"))

    bench.driver.handle(a_message())

    (fact,) = bench.published()
    assert isinstance(fact, WorkQuarantined)
    assert (fact.code, fact.attempts) == ("file.key-malformed", 1)
    assert "../../etc/passwd" in fact.found


def test_work_whose_receipt_is_damaged_is_quarantined_once_and_can_be_released(bench: Bench):
    bench.driver.handle(a_message())
    (key,) = [key for key in bench.storage.objects if key.startswith("receipts/b-1/")]
    bench.storage.objects[key] = bench.storage.objects[key].replace(b"work_id", b"work-id")
    before = len(bench.publisher.messages)

    bench.driver.handle(a_message())
    bench.driver.handle(a_message())
    *_, fact, again = bench.published()
    bench.driver.handle(a_message(step="acquire_page", attempt="1", cause="decision"))

    assert isinstance(fact, WorkQuarantined)
    assert (fact.code, fact.head.page_id) == ("work.receipt-damaged", "vol-1:0001")
    assert fact == again
    assert len(bench.publisher.messages) == before + 2 * 2 + 2
    assert bench.runs == 2


def test_a_rejection_becomes_a_quarantine_with_the_original_bytes(tmp_path: Path):
    bench = Bench(tmp_path, Rejected("page.not-decodable", found="strip 3 is cut", fix="Rescan."))
    message = a_message()

    bench.driver.handle(message)

    (fact,) = bench.published()
    assert isinstance(fact, WorkQuarantined)
    assert (fact.code, fact.where, fact.step) == (
        "page.not-decodable",
        "vol-1:0001",
        "acquire_page",
    )
    assert bench.storage.objects[fact.files[0].key] == message.value


def test_an_unexpected_error_becomes_a_deferral_and_the_next_attempt_succeeds(tmp_path: Path):
    bench = Bench(tmp_path, RuntimeError("a bug"))
    bench.driver.handle(a_message())
    (deferred,) = bench.published()
    assert isinstance(deferred, WorkDeferred)
    assert (deferred.error_class, deferred.attempt) == ("unknown", 1)

    bench.outcome = Done(an_acquired_page())
    again = a_message(step="acquire_page", attempt="2")
    bench.driver.handle(again)

    assert isinstance(bench.published()[1], PageAcquired)
    assert bench.published()[1].head.cause_id == a_page().head.event_id


def test_a_deferred_attempt_that_is_redelivered_is_not_executed_again(tmp_path: Path):
    bench = Bench(tmp_path, TryLater("tesseract hangs", ErrorClass.TOOL_HUNG))
    bench.driver.handle(a_message())
    bench.driver.handle(a_message())

    assert bench.runs == 1
    assert bench.publisher.messages[0] == bench.publisher.messages[2]


def test_a_decision_makes_it_new_work(bench: Bench):
    decision = ids.make_id("a decision")
    bench.driver.handle(a_message())
    bench.driver.handle(a_message(step="acquire_page", cause=decision))

    first, second = bench.published()
    assert bench.runs == 2
    assert second.head.event_id != first.head.event_id
    assert second.head.cause_id == decision


def test_ignores_repeated_work_of_another_step(bench: Bench):
    bench.driver.handle(a_message(step="derive_page"))

    assert bench.runs == 0
    assert bench.publisher.messages == []


def test_headers_of_external_clients_have_no_effect(bench: Bench):
    headers = {"step": b"derive_page", "attempt": b"x", "cause": b"\xff"}
    bench.driver.handle(replace(a_message(), headers=headers))
    bench.driver.handle(a_message())

    first, _, second, _ = bench.publisher.messages
    assert first == second
    assert bench.runs == 1


def test_released_undecodable_bytes_are_processed_as_soon_as_they_can_be_decoded(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    decision = ids.make_id("a decision")
    again = a_message(step="acquire_page", attempt="1", cause=decision)
    with monkeypatch.context() as older:
        older.setattr("streams.execution.driver.decode", _knows_no_schema)
        bench.driver.handle(a_message())
        bench.driver.handle(again)
    bench.driver.handle(replace(again, offset=8))

    first, second, done = bench.published()
    assert [type(fact) for fact in (first, second)] == [WorkQuarantined, WorkQuarantined]
    assert first.head.event_id != second.head.event_id
    assert isinstance(first, WorkQuarantined)
    assert bench.storage.objects[first.files[0].key] == a_message().value
    assert isinstance(done, PageAcquired)
    assert done.head.cause_id == decision


def _knows_no_schema(value: bytes | None) -> Record:
    raise Undecodable("schema 9 is not known")


@pytest.mark.parametrize("value", [None, b"", b"\x01\x00\x00\x00\x05", b"\x00\x00\x00\xff\xffxx"])
def test_quarantines_undecodable_bytes_unchanged(bench: Bench, value: bytes | None):
    bench.driver.handle(replace(a_message(), value=value))

    (fact,) = bench.published()
    assert isinstance(fact, WorkQuarantined)
    assert fact.code == "message.undecodable"
    assert bench.storage.objects[fact.files[0].key] == (value or b"")
    assert fact.where == "digitization.page.admitted.v1, partition 3, offset 7"


def test_quarantines_a_record_that_the_step_does_not_take(bench: Bench):
    bench.driver.handle(a_message(an_acquired_page().model_copy(update={"head": a_page().head})))

    (fact,) = bench.published()
    assert isinstance(fact, WorkQuarantined)
    assert "PageAcquired" in fact.found


def test_an_output_over_its_limit_is_quarantined_not_lost(tmp_path: Path):
    long = an_acquired_page().model_copy(update={"original_name": "x" * 600_000})
    bench = Bench(tmp_path, Done(long))

    bench.driver.handle(a_message())

    (fact,) = bench.published()
    assert isinstance(fact, WorkQuarantined)
    assert fact.code == "work.output-unfit"


def test_waits_for_a_store_that_does_not_answer(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("streams.execution.driver.time.sleep", lambda seconds: None)
    failures = iter([StorageError("no answer"), StorageError("no answer")])
    get = bench.storage.get

    def failing_at_first(key: str) -> bytes | None:
        for failure in failures:
            raise failure
        return get(key)

    bench.storage.get = failing_at_first  # type: ignore[method-assign]
    bench.driver.handle(a_message())

    assert len(bench.published()) == 1


def test_a_damaged_receipt_is_refused(bench: Bench):
    bench.driver.handle(a_message())
    (key,) = (key for key in bench.storage.objects if key.startswith("receipts/b-1/"))
    bench.storage.objects[key] = bench.storage.objects[key].replace(b"a", b"b", 1)

    work = ids.work_id(a_page().head.event_id, "acquire_page")
    with pytest.raises(DamagedReceipt):
        bench.receipts.find("b-1", work, 1)


def test_of_two_workers_the_first_receipt_wins(bench: Bench):
    one, two = [Outgoing("t", "k", b"one")], [Outgoing("t", "k", b"two")]

    assert bench.receipts.keep("b", "w" * 8, None, one) == one
    assert bench.receipts.keep("b", "w" * 8, None, two) == one

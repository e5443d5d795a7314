"""Free text of persons is in a table that forgets; facts, events and originals have its digest."""

import base64
import hmac
import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from processors.outcome import ErrorClass, Outcome, StorageError, TryLater
from processors.pipeline import router_steps
from processors.tools import Tools
from schemas.catalogue import AUDIT_INTAKE, topic_of
from schemas.codec import decode, encode
from schemas.models import (
    ControlDecided,
    ControlRequested,
    Fact,
    PremisEvent,
    ReceiptAccepted,
    WorkDeferred,
    WorkQuarantined,
)
from streams import free_texts
from streams.execution.driver import Driver
from streams.execution.facts import FactBuilder
from streams.execution.receipts import Receipts
from streams.kafka.messages import Incoming
from streams.kafka.producer import MemoryPublisher
from streams.router.answer_texts import AnswerTexts
from streams.settings import NotUp
from streams.storage.memory import MemoryStorage
from streams.text_references import PREFIX, VERIFIED
from tests.core_machine.database import Databases
from tests.core_machine.external_clients import an_answer
from tests.support.line_facts import a_request
from tests.support.tracker_harness import TrackerHarness

TEXT = "Frau Muster has asked for it"
WORD = b"Muster"
DELETION = "delete-text"
RECEIVED = topic_of("PackageReceived").name
BASE64 = re.compile(rb"[A-Za-z0-9+/=]{40,}")


@pytest.fixture
def dsn(databases: Databases) -> Iterator[str]:
    with databases.fresh() as name:
        yield databases.dsn(name)


@pytest.fixture
def table(dsn: str) -> Iterator[free_texts.Connection]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection


def asked(action: str = "pause", *subjects: str, reason: str = TEXT) -> ControlRequested:
    return a_request(action, *subjects).model_copy(update={"reason": reason})


def decided(tracker: TrackerHarness) -> ControlDecided:
    fact: ControlDecided = tracker.published(ControlDecided)[-1]
    return fact


def rows(connection: free_texts.Connection) -> dict[str, free_texts.StoredText]:
    return {one.reference: one for one in free_texts.all_texts(connection)}


def test_a_text_has_a_digest_that_only_the_key_beside_it_explains(table):
    first, second = (free_texts.put(table, TEXT, "p-4") for _ in range(2))

    stored = rows(table)
    digests = {
        PREFIX + hmac.digest(one.key or b"", TEXT.encode(), "sha256").hex()
        for one in stored.values()
    }
    assert first != second
    assert digests == {first, second} == set(stored)
    assert {one.written_by for one in stored.values()} == {"p-4"}


def test_a_message_that_is_delivered_twice_stores_its_text_once(table):
    first, again = (free_texts.put(table, TEXT, "archive", "message-1") for _ in range(2))
    other = free_texts.put(table, TEXT, "archive", "message-2")

    assert first == again != other
    assert len(rows(table)) == 2


@pytest.mark.parametrize("text", ["", "accepted", VERIFIED, f"text:hmac-sha256:{'a' * 64}"])
def test_what_nobody_wrote_stays_in_the_log_as_it_is(table, text):
    assert free_texts.put(table, text, "archive") == text
    assert rows(table) == {}


def test_a_text_with_characters_that_cannot_be_stored_is_stored_without_them(table):
    reference = free_texts.put(table, "a\0b\udcffc", "e\0")

    (stored,) = rows(table).values()
    assert (stored.reference, stored.text, stored.changed) == (reference, "a\ufffdb?c", False)


def test_a_text_that_was_changed_in_the_table_is_recognised(table):
    reference = free_texts.put(table, TEXT, "p-4")
    table.execute("UPDATE people.texts SET text = 'the lamp was broken'")

    (stored,) = rows(table).values()
    assert stored.changed
    assert "differs from its digest" in free_texts.written_out(f"pause: {reference}", rows(table))


def test_a_text_that_no_fact_uses_is_removed_after_30_days(table):
    used, _, new = (free_texts.put(table, TEXT, "p-4") for _ in range(3))
    free_texts.mark_used(table, used)
    table.execute(
        "UPDATE people.texts SET stored_at = now() - interval '31 days' WHERE digest <> %s",
        [new.removeprefix(PREFIX)],
    )

    received = free_texts.put(table, TEXT, "archive", "message-1")
    table.execute("UPDATE people.texts SET stored_at = now() - interval '31 days' WHERE used")

    assert free_texts.remove_unused(table) == 1
    assert set(rows(table)) == {used, new, received}


def test_the_decision_has_the_reference_and_nothing_that_is_published_has_the_text(tracker):
    tracker.process(asked("pause", "batch:b-1"))

    assert decided(tracker).granted is False
    reference = decided(tracker).reason
    assert rows(tracker.conn)[reference].text == TEXT
    assert any(reference.encode() in message.value for message in tracker.outbox())
    assert not any(WORD in message.value for message in tracker.outbox())
    assert free_texts.remove_unused(tracker.conn) == 0
    used = tracker.conn.execute("SELECT bool_and(used) FROM people.texts").fetchone()
    assert used == (True,)


def test_a_deletion_is_an_event_and_leaves_the_digest_and_its_time(tracker):
    tracker.process(asked("pause", "batch:b-1"))
    reference = decided(tracker).reason

    request = asked(DELETION, reference, reason="the person has asked for it")
    tracker.process(request)

    assert decided(tracker).granted
    stored = rows(tracker.conn)[reference]
    assert (stored.text, stored.key, stored.deleted_at) == (None, None, request.head.occurred_at)
    assert stored.deletion_id == decided(tracker).head.event_id
    shown = free_texts.written_out(f"pause: {reference}", rows(tracker.conn))
    assert shown == f"pause: [text deleted on {request.head.occurred_at:%Y-%m-%d}]"
    (event,) = [
        one
        for message in tracker.outbox()
        if isinstance(one := decode(message.value), PremisEvent) and one.event_type == "deletion"
    ]
    assert (event.sources, event.outcome) == ((reference,), "suc")
    assert not any(b"asked for it" in message.value for message in tracker.outbox())


@pytest.mark.parametrize(
    ("subjects", "code"),
    [
        ((), "text.reference-malformed"),
        (("batch:b-1",), "text.reference-malformed"),
        ((f"text:hmac-sha256:{'a' * 64} ",), "text.reference-malformed"),
        ((f"text:hmac-sha256:{'a' * 64}",), "text.not-stored"),
    ],
)
def test_only_texts_that_are_stored_can_be_deleted(tracker, subjects, code):
    tracker.process(asked("pause", "batch:b-1"))
    known = decided(tracker).reason

    tracker.process(asked(DELETION, *subjects))

    assert (decided(tracker).granted, decided(tracker).code) == (False, code)
    assert rows(tracker.conn)[known].text == TEXT


def test_a_deleted_text_cannot_be_deleted_again(tracker):
    tracker.process(asked("pause", "batch:b-1"))
    reference = decided(tracker).reason
    tracker.process(asked(DELETION, reference))
    deleted = rows(tracker.conn)[reference]

    again = asked(DELETION, reference)
    head = again.head.model_copy(update={"event_id": f"{again.head.event_id}-2"})
    tracker.process(again.model_copy(update={"head": head}))

    assert decided(tracker).code == "text.not-stored"
    assert rows(tracker.conn)[reference] == deleted


@pytest.mark.parametrize("lost", ["a backup brings the text back", "the table is lost"])
def test_a_rebuild_gives_the_same_decisions_and_deletes_again(tracker, lost):
    pause, requests = asked("pause", "batch:b-1"), [asked("pause", "batch:b-2", reason="another")]
    tracker.process(pause, *requests)
    reference, kept = (one.reason for one in tracker.published(ControlDecided))
    before = tracker.conn.execute("TABLE people.texts").fetchall()
    tracker.process(asked(DELETION, reference))
    published = tracker.outbox_without_events()

    if lost == "the table is lost":
        tracker.conn.execute("TRUNCATE people.texts")
    else:
        tracker.conn.execute("TRUNCATE people.texts")
        with tracker.conn.cursor() as cursor:
            slots = ", ".join(["%s"] * len(before[0]))
            cursor.executemany(f"INSERT INTO people.texts VALUES ({slots})".encode(), before)
    tracker.conn.execute("TRUNCATE line.outbox")
    tracker.rebuild(published, tracker.log(pause, *requests, asked(DELETION, reference)))

    assert tracker.published(ControlDecided) == []
    stored = rows(tracker.conn)
    assert (stored[reference].text, stored[reference].key) == (None, None)
    assert stored[reference].deleted_at == pause.head.occurred_at
    if lost == "the table is lost":
        assert kept not in stored
        assert "is not stored here" in free_texts.written_out(kept, stored)
    else:
        assert stored[kept].text == "another"


class Router:
    """A router with a table of texts, its publisher and store in memory, and a step to run."""

    def __init__(self, dsn: str, home: Path, outcome: Outcome | None = None) -> None:
        self.storage, self.publisher = MemoryStorage(home), MemoryPublisher()
        tools = Tools(storage=self.storage, scratch=home)
        self.driver = Driver(
            router_steps(),
            lambda step, fact: outcome or step.function(fact, tools),
            Receipts(self.storage),
            self.publisher,
            FactBuilder(self.storage, "1"),
            hide_texts=AnswerTexts(lambda: dsn),
        )

    def facts(self, message: Incoming) -> list[Fact]:
        """The facts for a message that is delivered twice; the second time they are the same."""
        for _ in range(2):
            self.driver.handle(message)
        half = len(self.publisher.messages) // 2
        first, again = self.publisher.messages[:half], self.publisher.messages[half:]
        assert first == again
        return [decode(one.value) for one in first if one.topic != AUDIT_INTAKE.name]

    def bytes_kept(self) -> list[bytes]:
        """All that was published or stored; receipts with the values of their messages."""
        objects = list(self.storage.objects.values())
        values = [
            base64.b64decode(one)
            for text in objects
            for one in BASE64.findall(text)
            if len(one) % 4 == 0
        ]
        return [*(one.value for one in self.publisher.messages), *objects, *values]


def refused_answer(**changes: object) -> Incoming:
    answer = an_answer("vol-1.v1", accepted=False).model_copy(update={"reason": TEXT, **changes})
    return Incoming(RECEIVED, 0, 7, b"vol-1.v1", encode(answer), {})


def test_what_follows_from_a_refusal_has_the_reference_to_its_reason(dsn, table, tmp_path):
    router = Router(dsn, tmp_path)

    (fact,) = router.facts(refused_answer())

    assert isinstance(fact, ReceiptAccepted)
    (stored,) = rows(table).values()
    assert (fact.reason, stored.text, stored.written_by) == (stored.reference, TEXT, "archive")
    assert any(stored.digest.encode() in one for one in router.bytes_kept())
    assert not any(WORD in one for one in router.bytes_kept())


@pytest.mark.parametrize(
    ("outcome", "record"),
    [
        (None, WorkQuarantined),
        (TryLater("the store does not answer", ErrorClass.STORAGE), WorkDeferred),
    ],
)
def test_an_answer_that_is_quarantined_or_deferred_is_kept_without_its_reason(
    dsn, table, tmp_path, outcome, record
):
    router = Router(dsn, tmp_path, outcome)

    (fact,) = router.facts(refused_answer(package_id="malformed"))

    assert isinstance(fact, record)
    (stored,) = rows(table).values()
    assert stored.text == TEXT
    assert any(stored.digest.encode() in one for one in router.bytes_kept())
    assert not any(WORD in one for one in router.bytes_kept())


def test_an_answer_waits_while_the_table_cannot_be_reached(dsn):
    def not_up() -> str:
        raise NotUp("nothing was ever started")

    for away in (lambda: dsn.replace("127.0.0.1", "127.0.0.2"), not_up):
        with pytest.raises(StorageError, match="the table of texts cannot be reached"):
            AnswerTexts(away)(refused_answer())


@pytest.mark.parametrize("reason", [None, "accepted", VERIFIED])
def test_an_answer_without_a_text_of_a_person_needs_no_table(reason):
    def no_table() -> str:
        raise AssertionError("the table was asked for")

    message = refused_answer(reason=reason, accepted=True)

    assert decode(AnswerTexts(no_table)(message).value) == decode(message.value)

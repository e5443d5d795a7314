"""Suggestions and decisions on a real PostgreSQL: states, reruns, pauses, and what a crash leaves."""

import threading
import tracemalloc
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from infra.topics import Partition
from schemas import ids
from schemas.codec import decode, encode
from schemas.models import ControlDecided, ItemCompleted, ModelRun, PageAnalyzed, PageSuggestion
from streams.enrichment.role import ANALYZED, COMPLETED, Enrichment, EnrichmentParts
from streams.enrichment.tables import Tables
from streams.kafka.messages import Incoming
from streams.kafka.producer import MemoryPublisher
from streams.review_requests import (
    ACCEPT,
    DROP,
    EDIT,
    ENRICHMENT,
    PAUSE,
    REJECT,
    RERUN,
    RESUME,
    EditedTerm,
)
from streams.storage.memory import MemoryStorage
from tests.core_machine.database import Databases
from tests.integration.test_persons import asks
from tests.support.builders import a_head
from tests.support.line_facts import NOON, Delivery
from tests.support.tracker_harness import Connect, TrackerHarness

PAGE = "i-1:0001"
STATES = "SELECT suggestion_id, state FROM review.suggestion_states"
WAITING = "SELECT count(*) FROM review.work WHERE NOT done"


@pytest.fixture
def connect_tracker(databases: Databases) -> Iterator[Connect]:
    """Opens connections of the tracker to one new database."""
    opened: list[psycopg.Connection[Any]] = []
    with databases.fresh() as name:

        def connect() -> psycopg.Connection[Any]:
            opened.append(databases.connect(name))
            return opened[-1]

        yield connect
        for connection in opened:
            connection.close()


@pytest.fixture
def tracker(connect_tracker: Connect, tmp_path: Path) -> TrackerHarness:
    return TrackerHarness(connect_tracker, MemoryStorage(tmp_path))


@pytest.fixture
def tables(connect_tracker: Connect) -> Tables:
    return Tables(connect_tracker())


def run(version: str, *found: tuple[str, str], model: str = "m", box: Any = ()) -> ModelRun:
    """A run that suggests kinds with labels; the ids follow from content, as in the line."""
    return ModelRun(
        model=model,
        version=version,
        suggestions=tuple(
            PageSuggestion(
                suggestion_id=ids.make_id(model, version, kind, label, str(box)),
                kind=kind,
                label=label,
                score=0.9,
                box=box if kind == "figure" else (),
            )
            for kind, label in found
        ),
    )


def analysis(
    *runs: ModelRun, cause: str = "c", master: str = "ab", page: str = PAGE
) -> PageAnalyzed:
    head = a_head(event_id=ids.make_id(cause, page), cause_id=cause, page_id=page)
    about = {"batch_id": "b-1", "item_id": page.partition(":")[0]}
    return PageAnalyzed(
        head=head.model_copy(update=about), master_sha256=master, suggested=1, runs=runs
    )


def completed(number: int, pages: int = 1, batch_id: str = "b-1") -> ItemCompleted:
    head = a_head(event_id=f"done-{number}", item_id=f"i-{number}").model_copy(
        update={"batch_id": batch_id, "page_id": None, "occurred_at": NOON}
    )
    return ItemCompleted(head=head, page_count=pages, priority="normal")


def messages(topic: str, facts: Sequence[Any]) -> list[Incoming]:
    return [Incoming(topic, 0, n, b"k", encode(fact), {}) for n, fact in enumerate(facts)]


def states(tracker: TrackerHarness) -> dict[str, str]:
    return dict(tracker.conn.execute(STATES).fetchall())


def id_of(fact: PageAnalyzed, place: int = 0) -> str:
    return fact.runs[0].suggestions[place].suggestion_id


def test_a_decision_gives_the_state_and_the_last_one_counts(
    tracker: TrackerHarness, tables: Tables
):
    fact = analysis(run("1", ("writing", "print"), ("term", "books"), ("term", "birds")))
    tables.put(fact)
    names = [id_of(fact, n) for n in range(3)]
    term = EditedTerm("emblems", "https://iconclass.org/49M32", "iconclass").value()

    tracker.process(asks(ACCEPT, f"suggestion:{names[0]}"), asks(REJECT, f"suggestion:{names[1]}"))
    tracker.process(asks(EDIT, f"suggestion:{names[2]}", value=term))
    first = states(tracker)
    tracker.process(asks(REJECT, f"suggestion:{names[0]}"))

    assert first == dict(zip(names, ["accepted", "rejected", "edited"], strict=True))
    assert states(tracker)[names[0]] == "rejected"
    answers = tracker.published(ControlDecided)
    assert all(one.granted for one in answers)
    assert {(one.head.page_id, one.head.item_id) for one in answers} == {(PAGE, "i-1")}
    (act,) = next(one for one in answers if one.action == EDIT).acts
    assert (
        act.detail == "edit-suggestion: term birds. Instead: emblems https://iconclass.org/49M32."
    )
    assert [(one.name, one.version) for one in act.agents] == [("p-1", None), ("m", "1")]


REFUSED = (
    (ACCEPT, "suggestion:none", None, "review.suggestion-unknown"),
    (ACCEPT, "batch:b-1", None, "control.subject-unfit"),
    (EDIT, "suggestion:KNOWN", "[]", "review.edit-malformed"),
    (RERUN, ENRICHMENT, None, "review.model-unknown"),
    (RERUN, "batch:b-9", "m", "batch.unknown"),
    (RERUN, "page:x", "m", "control.subject-unfit"),
    (PAUSE, "batch:b-1", None, "control.subject-unfit"),
)


def test_what_cannot_be_done_is_refused_and_changes_nothing(
    tracker: TrackerHarness, tables: Tables
):
    fact = analysis(run("1", ("writing", "print")))
    tables.put(fact)

    for number, (action, subject, value, _) in enumerate(REFUSED):
        asked = asks(action, subject.replace("KNOWN", id_of(fact)), f"p-{number}", value)
        tracker.process(asked)

    answers = tracker.published(ControlDecided)
    assert [one.code for one in answers] == [code for *_, code in REFUSED]
    assert all(not one.granted and one.fix for one in answers)
    assert states(tracker) == {id_of(fact): "open"}
    assert not tables.is_paused()


def test_a_later_version_does_not_offer_again_what_was_rejected(
    tracker: TrackerHarness, tables: Tables
):
    first = analysis(run("1", ("figure", "ornament"), box=(0, 0, 100, 100)), cause="c1")
    tables.put(first)
    tracker.process(asks(REJECT, f"suggestion:{id_of(first)}"))

    near = analysis(run("2", ("figure", "ornament"), box=(10, 0, 100, 100)), cause="c2")
    tables.put(near)
    far = analysis(run("3", ("figure", "ornament"), box=(200, 0, 100, 100)), cause="c3")
    tables.put(far)
    other = analysis(run("1", ("figure", "ornament"), model="n", box=(0, 0, 100, 100)), cause="c4")
    tables.put(other)

    assert states(tracker) == {
        id_of(first): "rejected",
        id_of(near): "rejected",
        id_of(far): "open",
        id_of(other): "open",
    }


def test_what_a_later_version_does_not_repeat_is_superseded_unless_it_was_decided(
    tracker: TrackerHarness, tables: Tables
):
    first = analysis(run("1", ("term", "books"), ("term", "birds")), cause="c1")
    tables.put(first)
    tracker.process(asks(ACCEPT, f"suggestion:{id_of(first)}"))

    later = analysis(run("2", ("term", "books"), ("term", "trees")), cause="c2")
    tables.put(later)

    assert states(tracker) == {
        id_of(first, 0): "accepted",
        id_of(first, 1): "superseded",
        id_of(later, 0): "superseded",
        id_of(later, 1): "open",
    }


def test_a_person_decides_once_about_the_writing_of_a_page(tracker: TrackerHarness, tables: Tables):
    first = analysis(run("1", ("writing", "hand")), cause="c1")
    tables.put(first)
    tracker.process(asks(ACCEPT, f"suggestion:{id_of(first)}"))

    later = analysis(run("1", ("writing", "print"), model="n"), cause="c2")
    tables.put(later)

    assert states(tracker) == {id_of(first): "accepted", id_of(later): "superseded"}


def test_a_failed_run_leaves_the_suggestions_of_the_run_before(
    tracker: TrackerHarness, tables: Tables
):
    first = analysis(run("1", ("writing", "print")), cause="c1")
    tables.put(first)
    tables.put(analysis(ModelRun(model="m", version="2", failure="no memory"), cause="c2"))

    assert states(tracker) == {id_of(first): "open"}


def test_the_tables_follow_from_the_topics_however_often_they_are_read(
    tracker: TrackerHarness, tables: Tables, connect_tracker: Connect
):
    facts = [
        analysis(run("1", ("term", "books")), cause="c1"),
        analysis(run("2", ("term", "books"), ("term", "trees")), cause="c2"),
    ]
    for fact in facts:
        tables.put(fact)
    tracker.process(asks(REJECT, f"suggestion:{id_of(facts[0])}"))
    wanted = states(tracker)

    again = messages(ANALYZED, [*facts, *facts])
    tables.take_in(again)
    same = states(tracker)
    tracker.conn.execute("TRUNCATE review.analyses, review.suggestions, review.latest_runs")
    tables.take_in(again)

    assert same == wanted == states(tracker)
    assert tables.offsets()[ANALYZED, 0] == 4


def test_work_is_paused_resumed_and_dropped_and_a_model_runs_again_over_a_batch(
    tracker: TrackerHarness, tables: Tables
):
    delivery = Delivery(tracker.storage, "b-1", {"i-1": 1})
    tracker.process(delivery.received())
    facts = [completed(1), completed(2, batch_id="b-2")]
    tables.take_in(messages(COMPLETED, facts))
    work = tables.next_work()
    assert work and (work.cause_id, work.model, work.completed) == ("done-1", "", facts[0])

    tracker.process(asks(PAUSE, ENRICHMENT))
    paused = tables.is_paused(), tables.is_wanted(work)
    tracker.process(asks(RESUME, ENRICHMENT))
    resumed = tables.is_paused(), tables.is_wanted(work)
    tracker.process(asks(DROP, ENRICHMENT))
    dropped = tables.next_work(), tables.is_wanted(work)
    later = asks(RERUN, "batch:b-1", value="m")
    later = later.model_copy(
        update={
            "head": later.head.model_copy(
                update={"occurred_at": later.head.occurred_at + timedelta(seconds=1)}
            )
        }
    )
    tracker.process(later)
    tables.expand_reruns()
    tables.expand_reruns()
    again = tables.next_work()

    assert (paused, resumed, dropped) == ((True, False), (False, True), (None, False))
    assert again and (again.model, again.completed) == ("m", facts[0])
    assert again.cause_id == ids.make_id(later.head.event_id, "ControlDecided")
    tables.finish(again)
    assert tables.next_work() is None


def test_a_rebuild_of_the_tracker_keeps_decisions(tracker: TrackerHarness, tables: Tables):
    fact = analysis(run("1", ("writing", "print")))
    tables.put(fact)
    request = tracker.log(asks(ACCEPT, f"suggestion:{id_of(fact)}"))
    tracker.manager.process(request)
    tracker.conn.execute("TRUNCATE review.decisions")
    lost = states(tracker)

    tracker.rebuild(tracker.outbox(), request)

    assert (lost, states(tracker)) == ({id_of(fact): "open"}, {id_of(fact): "accepted"})


def test_a_backlog_of_a_hundred_thousand_pages_takes_no_memory(
    tables: Tables, connect_tracker: Connect
):
    everything = messages(COMPLETED, [completed(n, pages=100) for n in range(1000)])
    tracemalloc.start()
    try:
        for at in range(0, 1000, 500):
            tables.take_in(everything[at : at + 500])
        for _ in range(20):
            work = tables.next_work()
            assert work is not None
            tables.finish(work)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert connect_tracker().execute(WAITING).fetchone() == (980,)
    assert peak < 8_000_000


@dataclass
class Topic:
    """A reader of topics that end."""

    facts: list[PageAnalyzed] = field(default_factory=list)
    assigned: dict[Partition, int] = field(default_factory=dict)

    def partitions(self, names: Sequence[str]) -> list[Partition]:
        return [(name, 0) for name in names]

    def read_to_the_end(self, offsets: Mapping[Partition, int]) -> Iterator[list[Incoming]]:
        yield messages(ANALYZED, self.facts)[offsets[ANALYZED, 0] :]

    def assign(self, offsets: dict[Partition, int]) -> None:
        self.assigned = offsets


def test_what_was_stored_before_a_kill_is_published_with_the_same_bytes(
    tables: Tables, connect_tracker: Connect
):
    tables.take_in(messages(COMPLETED, [completed(1)]))
    fact = analysis(run("1", ("writing", "print")))
    tables.put(fact)
    topic, publisher = Topic(), MemoryPublisher()
    parts = EnrichmentParts(
        connect=connect_tracker,
        reader=topic,
        publisher=publisher,
        storage=None,
        tools=None,
        find_models=lambda: (),
        make_runs=None,
        gate=None,
        at_once=1,
        shortage=lambda: None,
        wait_for=lambda reason: None,
        close=lambda: None,
    )

    for _ in range(2):
        Enrichment(parts, tables, threading.Event()).resume()

    assert [one.topic for one in publisher.messages].count(ANALYZED) == 1
    assert publisher.messages[0].value == encode(fact)
    assert decode(publisher.messages[0].value) == fact
    assert topic.assigned == {(COMPLETED, 0): 1}

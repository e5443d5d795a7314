"""Batches that wait for a start time or the night, what they wait for, and stalled pages."""

from datetime import UTC, datetime, timedelta

import pytest

from schemas.catalogue import redone_topic
from schemas.models import PageAdmitted
from streams.night_window import NightWindow
from streams.tracker.admission import republish_stalled
from streams.tracker.unit_of_work import UnitOfWork
from tests.support.clocked_tracker import MINUTE, ClockedTracker
from tests.support.line_facts import NOON, Delivery, a_request

pytestmark = pytest.mark.usefixtures("fixed_window")


def test_not_before_is_kept_to_the_second(connect_tracker, storage):
    tracker = ClockedTracker(connect_tracker, storage, window=10)
    batch = Delivery(storage, "b-1", {"vol-1": 3})
    when = NOON + timedelta(hours=5)
    accepted = batch.accepted().model_copy(update={"not_before": when})
    tracker.process(batch.received(), accepted, batch.registered("vol-1"))

    tracker.now = when - timedelta(microseconds=1)
    tracker.process()
    early = tracker.admitted()
    tracker.now = when
    tracker.process()

    assert (early, tracker.admitted()) == ({}, {"b-1": 3})


def test_pages_of_a_night_batch_are_admitted_only_at_night(connect_tracker, storage):
    begins, ends = (NOON + timedelta(hours=8)).time(), (NOON + timedelta(hours=9)).time()
    tracker = ClockedTracker(
        connect_tracker, storage, window=2, night=NightWindow(begins, ends, UTC)
    )
    night, day = tracker.start_batch("night", 6, "night"), tracker.start_batch("day", 1)
    by_day = tracker.admitted()

    tracker.finish(day, *day.pages("day-vol"))
    tracker.now = NOON + timedelta(hours=8)
    tracker.process()
    at_night = tracker.admitted()["night"]
    tracker.now = NOON + timedelta(hours=9)
    tracker.finish(night, *night.pages("night-vol")[:2])
    next_morning = tracker.admitted()["night"]
    tracker.process(a_request("priority", "batch:night", value="normal"))

    assert by_day == {"day": 1}
    assert (at_night, next_morning) == (2, 2)
    assert tracker.admitted()["night"] == 4


def test_no_fact_contains_the_time_of_admission(connect_tracker, storage):
    early = ClockedTracker(connect_tracker, storage, window=10)
    early.start_batch("b-1", 2)
    first = early.published(PageAdmitted)
    early.manager.begin_rebuild()

    late = ClockedTracker(lambda: early.conn, storage, window=10)
    late.now += timedelta(hours=7)
    late.start_batch("b-1", 2)

    assert len(first) == 2
    assert late.published(PageAdmitted) == first


def reasons_to_wait(tracker: ClockedTracker) -> dict[str, tuple[str, str | None, bool]]:
    """The state of each batch, what it waits for, and whether the end of the wait is known."""
    rows = tracker.conn.execute(
        "SELECT batch_id, state, waits_for, waits_until IS NOT NULL"
        " FROM line.batch_status JOIN line.batch_waits USING (batch_id)"
    )
    return {row[0]: row[1:] for row in rows}


def test_the_status_names_what_a_batch_waits_for(connect_tracker, storage):
    now = datetime.now(UTC)
    later = now + timedelta(hours=6)
    tracker = ClockedTracker(
        connect_tracker, storage, 4, NightWindow(later.time(), (later + 5 * MINUTE).time(), UTC)
    )
    tracker.now = now
    begun = tracker.start_batch("begun", 2, "rush")
    tracker.defer(begun, begun.pages("begun-vol"), now + MINUTE)
    tracker.start_batch("work", 4)
    tracker.start_batch("queue", 4)
    tracker.start_batch("night", 4, "night")
    held = Delivery(storage, "held", {"held-vol": 1})
    tracker.process(held.received(), held.accepted().model_copy(update={"not_before": later}))
    tracker.process(Delivery(storage, "judged", {"judged-vol": 1}).received())
    tracker.process(Delivery(storage, "seen", {"seen-vol": 1}).captured_fact("seen-vol:0001"))
    stopped = Delivery(storage, "stopped", {"stopped-vol": 1})
    tracker.process(stopped.received(), a_request("pause", "batch:stopped"))
    tracker.process(*Delivery(storage, "over", {"over-vol": 1}).everything())

    assert reasons_to_wait(tracker) == {
        "begun": ("running", "retry", True),
        "work": ("running", None, False),
        "queue": ("running", "room", False),
        "night": ("held", "night", True),
        "held": ("held", "not-before", True),
        "judged": ("submitted", "pre-flight", False),
        "seen": ("uploading", "manifest", False),
        "stopped": ("paused", "resume", False),
        "over": ("settled", None, False),
    }


def test_batches_without_progress_are_reported_but_not_those_at_rest(connect_tracker, storage):
    tracker = ClockedTracker(connect_tracker, storage, window=4)
    tracker.start_batch("silent", 4)
    tracker.start_batch("queued", 4)
    tracker.start_batch("paused", 4)
    tracker.process(a_request("pause", "batch:paused"))
    tracker.process(*Delivery(storage, "over", {"over-vol": 1}).everything())
    tracker.process(Delivery(storage, "judged", {"judged-vol": 1}).received())
    at_first = quiet(tracker)
    tracker.conn.execute("UPDATE line.batches SET heard_at = now() - interval '1 hour'")

    silent = Delivery(storage, "silent", {"silent-vol": 4})
    before = quiet(tracker)
    tracker.process(silent.acquired("silent-vol:0001"))

    assert at_first == set()
    assert before == {"silent", "queued", "judged"}
    assert quiet(tracker) == {"queued", "judged"}


def quiet(tracker: ClockedTracker) -> set[str]:
    """Batches without progress for half an hour."""
    rows = tracker.conn.execute(
        "SELECT batch_id FROM line.quiet_batches WHERE since < now() - interval '30 minutes'"
    )
    return {batch_id for (batch_id,) in rows}


def test_only_an_admitted_page_without_progress_is_published_again(connect_tracker, storage):
    tracker = ClockedTracker(connect_tracker, storage, window=4)
    batch = tracker.start_batch("b-1", 4)
    silent, deferred, ended, heard = batch.pages("b-1-vol")
    tracker.defer(batch, [deferred], tracker.now + MINUTE)
    tracker.finish(batch, ended)
    tracker.conn.execute("DELETE FROM line.outbox WHERE not_before IS NULL")
    tracker.conn.execute("UPDATE line.pages SET seen_at = now() - interval '11 minutes'")
    tracker.process(batch.acquired(heard))
    tracker.conn.execute("DELETE FROM line.outbox WHERE not_before IS NULL")

    counts = [republish(tracker) for _ in range(2)]
    (admitted,) = tracker.published(PageAdmitted)
    tracker.conn.execute("DELETE FROM line.outbox WHERE not_before IS NULL")
    tracker.conn.execute("UPDATE line.pages SET seen_at = now() - interval '11 minutes'")
    later = republish(tracker)

    assert counts == [1, 0]
    assert admitted.head.page_id == silent
    assert later == 2
    assert tracker.conn.execute(
        "SELECT count(*) FROM line.outbox WHERE topic = %s", [redone_topic("text")]
    ).fetchone() == (1,)


def republish(tracker: ClockedTracker) -> int:
    """Publish stalled pages again; returns their number."""
    with tracker.conn.transaction():
        unit = UnitOfWork(tracker.conn, tracker.storage, "1")
        count = republish_stalled(unit)
        unit.flush()
    return count

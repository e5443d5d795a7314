"""Batches that wait for a moment or the night, those that say why, and what is not heard of."""

from datetime import UTC, datetime, timedelta

import pytest

from schemas.catalogue import redone_topic
from schemas.models import PageAdmitted
from streams.night_window import NightWindow
from streams.storage.memory import MemoryStorage
from streams.tracker.admission import publish_stalled
from streams.tracker.unit_of_work import UnitOfWork
from tests.integration.test_tracker import connect, storage
from tests.support.clocked import MINUTE, Clocked, fixed_window
from tests.support.line_facts import NOON, Delivery, a_request

__all__ = ["connect", "fixed_window", "storage"]
pytestmark = pytest.mark.usefixtures("fixed_window")


def test_not_before_is_kept_to_the_second(connect, storage):
    line = Clocked(connect, storage, window=10)
    batch = Delivery(storage, "b-1", {"vol-1": 3})
    when = NOON + timedelta(hours=5)
    accepted = batch.accepted().model_copy(update={"not_before": when})
    line.take(batch.received(), accepted, batch.registered("vol-1"))

    line.now = when - timedelta(microseconds=1)
    line.take()
    early = line.admitted()
    line.now = when
    line.take()

    assert (early, line.admitted()) == ({}, {"b-1": 3})


def test_a_night_batch_begins_and_goes_on_only_in_the_hours_of_the_night(connect, storage):
    begins, ends = (NOON + timedelta(hours=8)).time(), (NOON + timedelta(hours=9)).time()
    line = Clocked(connect, storage, window=2, night=NightWindow(begins, ends, UTC))
    night, day = line.batch("night", 6, "night"), line.batch("day", 1)
    by_day = line.admitted()

    line.end(day, *day.pages("day-vol"))
    line.now = NOON + timedelta(hours=8)
    line.take()
    at_night = line.admitted()["night"]
    line.now = NOON + timedelta(hours=9)
    line.end(night, *night.pages("night-vol")[:2])
    next_morning = line.admitted()["night"]
    line.take(a_request("priority", "batch:night", value="normal"))

    assert by_day == {"day": 1}
    assert (at_night, next_morning) == (2, 2)
    assert line.admitted()["night"] == 4


def test_the_hour_of_admission_stands_in_no_fact(connect, storage):
    early = Clocked(connect, storage, window=10)
    early.batch("b-1", 2)
    first = early.told(PageAdmitted)
    early.line.forget()

    late = Clocked(lambda: early.conn, storage, window=10)
    late.now += timedelta(hours=7)
    late.batch("b-1", 2)

    assert len(first) == 2
    assert late.told(PageAdmitted) == first


def waits(line: Clocked) -> dict[str, tuple[str, str | None, bool]]:
    """State of each batch, what it waits for, and whether it is known until when."""
    rows = line.conn.execute(
        "SELECT batch_id, state, waits_for, waits_until IS NOT NULL"
        " FROM line.batch_status JOIN line.batch_waits USING (batch_id)"
    )
    return {row[0]: row[1:] for row in rows}


def test_a_batch_that_waits_says_what_for(connect, storage):
    now = datetime.now(UTC)
    later = now + timedelta(hours=6)
    line = Clocked(connect, storage, 4, NightWindow(later.time(), (later + 5 * MINUTE).time(), UTC))
    line.now = now
    begun = line.batch("begun", 2, "rush")
    line.defer(begun, begun.pages("begun-vol"), now + MINUTE)
    line.batch("work", 4)
    line.batch("queue", 4)
    line.batch("night", 4, "night")
    held = Delivery(storage, "held", {"held-vol": 1})
    line.take(held.received(), held.accepted().model_copy(update={"not_before": later}))
    line.take(Delivery(storage, "judged", {"judged-vol": 1}).received())
    line.take(Delivery(storage, "seen", {"seen-vol": 1}).captured_fact("seen-vol:0001"))
    stopped = Delivery(storage, "stopped", {"stopped-vol": 1})
    line.take(stopped.received(), a_request("pause", "batch:stopped"))
    line.take(*Delivery(storage, "over", {"over-vol": 1}).everything())

    assert waits(line) == {
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


def test_a_batch_of_which_nothing_is_heard_is_reported_and_one_that_may_rest_is_not(
    connect, storage
):
    line = Clocked(connect, storage, window=4)
    line.batch("silent", 4)
    line.batch("queued", 4)
    line.batch("paused", 4)
    line.take(a_request("pause", "batch:paused"))
    line.take(*Delivery(storage, "over", {"over-vol": 1}).everything())
    line.take(Delivery(storage, "judged", {"judged-vol": 1}).received())
    heard = quiet(line)
    line.conn.execute("UPDATE line.batches SET heard_at = now() - interval '1 hour'")

    silent = Delivery(storage, "silent", {"silent-vol": 4})
    before = quiet(line)
    line.take(silent.acquired("silent-vol:0001"))

    assert heard == set()
    assert before == {"silent", "queued", "judged"}
    assert quiet(line) == {"queued", "judged"}


def quiet(line: Clocked) -> set[str]:
    rows = line.conn.execute(
        "SELECT batch_id FROM line.quiet_batches WHERE since < now() - interval '30 minutes'"
    )
    return {batch_id for (batch_id,) in rows}


def test_an_admitted_page_of_which_nothing_is_heard_is_published_again_and_no_other(
    connect, storage
):
    line = Clocked(connect, storage, window=4)
    batch = line.batch("b-1", 4)
    silent, deferred, ended, heard = batch.pages("b-1-vol")
    line.defer(batch, [deferred], line.now + MINUTE)
    line.end(batch, ended)
    line.conn.execute("DELETE FROM line.outbox WHERE not_before IS NULL")
    line.conn.execute("UPDATE line.pages SET seen_at = now() - interval '11 minutes'")
    line.take(batch.acquired(heard))
    line.conn.execute("DELETE FROM line.outbox WHERE not_before IS NULL")

    counts = [again(line, storage) for _ in range(2)]
    (told,) = line.told(PageAdmitted)
    line.conn.execute("DELETE FROM line.outbox WHERE not_before IS NULL")
    line.conn.execute("UPDATE line.pages SET seen_at = now() - interval '11 minutes'")
    later = again(line, storage)

    assert counts == [1, 0]
    assert told.head.page_id == silent
    assert later == 2
    assert line.conn.execute(
        "SELECT count(*) FROM line.outbox WHERE topic = %s", [redone_topic("text")]
    ).fetchone() == (1,)


def again(line: Clocked, storage: MemoryStorage) -> int:
    with line.conn.transaction():
        turn = UnitOfWork(line.conn, storage, "1")
        count = publish_stalled(turn)
        turn.flush()
    return count

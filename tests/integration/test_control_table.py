"""Every cell of the control table, and every state transition, on a real PostgreSQL."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from schemas.catalogue import AUDIT_INTAKE
from schemas.codec import decode
from schemas.models import BatchSettled, ControlDecided, Fact, PageAdmitted, PremisEvent
from streams.night_window import NightWindow
from streams.tracker.process_manager import ProcessManager
from streams.tracker.states import ACTIONS, CONTROL, SUBJECTS, code_of_refusal
from tests.support.line_facts import Delivery, a_file, a_request
from tests.support.tracker_harness import Connect, TrackerHarness
from tests.support.tracker_tables import dump

TABLES = {"Items": "items", "Pages": "pages", "Packages": "packages"}
TABLES |= {"Quarantine records": "quarantine"}
FAR = datetime.now(UTC) + timedelta(days=300)


def a_night_far_from_now() -> NightWindow:
    """It is day now, and stays so for hours."""
    now = datetime.now(UTC)
    begins, ends = now + timedelta(hours=12), now + timedelta(hours=13)
    return NightWindow(begins.time(), ends.time(), UTC)


def bring_into(state: str, tracker: TrackerHarness, batch: Delivery) -> None:
    """Bring a batch into a state."""
    (item,) = batch.items
    begun = [batch.received(), batch.accepted(), batch.registered(item)]
    facts: dict[str, list[Fact]] = {
        "unknown": [],
        "uploading": [batch.captured_fact(batch.pages(item)[0])],
        "submitted": [batch.received()],
        "held": [batch.received(), batch.accepted().model_copy(update={"not_before": FAR})],
        "running": begun,
        "paused": [*begun, a_request("pause", f"batch:{batch.batch_id}", value="before")],
        "settled": batch.everything(),
        "quarantined": [batch.received(), batch.batch_quarantined()],
        "cancelled": [*begun, a_request("cancel", f"batch:{batch.batch_id}", value="before")],
    }
    for fact in facts[state]:
        tracker.process(fact)


def last_decision(
    tracker: TrackerHarness, batch_id: str
) -> tuple[ControlDecided, list[PremisEvent]]:
    """The last decision about a batch, and its PREMIS events."""
    decided = [
        fact for fact in tracker.published(ControlDecided) if fact.head.batch_id == batch_id
    ][-1]
    rows = tracker.conn.execute(
        "SELECT value FROM line.outbox WHERE topic = %s ORDER BY id", [AUDIT_INTAKE.name]
    )
    events = [decode(value) for (value,) in rows]
    return decided, [one for one in events if one.head.cause_id == decided.head.event_id]


@pytest.mark.parametrize("action", ACTIONS)
def test_each_cell_of_the_table_is_what_the_tracker_decides_and_logs(tracker, storage, action):
    after = {"pause": "paused", "resume": "running", "cancel": "cancelled", "priority": None}
    for state in CONTROL:
        name = f"{state}-{action}"
        batch = Delivery(storage, name, {f"{name}-vol": 2})
        bring_into(state, tracker, batch)
        if state != "unknown":
            assert tracker.counts(name)["state"] == state

        value = "rush" if action == "priority" else None
        tracker.process(a_request(action, f"batch:{name}", value=value))

        decided, events = last_decision(tracker, name)
        code = code_of_refusal(state, action)
        assert (decided.granted, decided.code) == (code is None, code), name
        assert {event.outcome for event in events} == {"fai" if code else "suc"}, name
        assert code is None or (decided.fix and name in decided.fix)
        if state == "unknown":
            continue
        expected = state if code else after[action] or state
        assert tracker.counts(name)["state"] == expected, name
        (priority,) = tracker.conn.execute(
            "SELECT priority FROM line.batches WHERE batch_id = %s", [name]
        ).fetchone()
        assert priority == ("rush" if value and not code else "normal")


def test_the_states_of_the_database_are_those_of_the_tables(tracker):
    conn = tracker.conn
    for subject, table in TABLES.items():
        (check,) = conn.execute(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conrelid = %s::regclass AND contype = 'c'"
            " AND pg_get_constraintdef(oid) LIKE '%%(state = ANY%%'",
            [f"line.{table}"],
        ).fetchone()
        rows = SUBJECTS[subject]
        named = {row.before for row in rows} | {row.after for row in rows}
        assert named - {""} == set(re.findall(r"'(\w+)'::text", check)), subject

    (view,) = conn.execute("SELECT pg_get_viewdef('line.batch_status')").fetchone()
    states = view.partition(" AS state")[0]
    found = set(re.findall(r"(?:THEN|ELSE) '(\w+)'::text", states))
    rows = SUBJECTS["Batches"]
    assert found == ({row.before for row in rows} | {row.after for row in rows}) - {""}
    assert found == set(CONTROL) - {"unknown"}


class WatchedTracker(TrackerHarness):
    """A tracker by day that records every state transition."""

    def __init__(self, connect: Connect, storage: Any) -> None:
        super().__init__(connect, storage)
        self.manager = ProcessManager(self.conn, storage, "1", 1000, night=a_night_far_from_now())
        self.manager.take_over()
        self.batch_transitions: set[tuple[str, str]] = set()
        self.conn.execute(
            "CREATE TABLE line.transitions (subject text, before text, after text);"
            "CREATE FUNCTION line.record_transition() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " INSERT INTO line.transitions VALUES (TG_TABLE_NAME,"
            " CASE TG_OP WHEN 'INSERT' THEN '' ELSE OLD.state END, NEW.state);"
            " RETURN NULL; END $$"
        )
        for table in TABLES.values():
            self.conn.execute(
                f"CREATE TRIGGER record AFTER INSERT OR UPDATE OF state ON line.{table}"
                " FOR EACH ROW EXECUTE FUNCTION line.record_transition()".encode()
            )

    def process(self, *facts: Fact) -> None:
        """Process each fact in a transaction of its own."""
        for fact in facts:
            before = self.states("batch_status", "batch_id")
            super().process(fact)
            after = self.states("batch_status", "batch_id")
            self.batch_transitions |= {
                (before.get(name, ""), state) for name, state in after.items()
            }
            assert self.counts_add_up()

    def transitions(self, subject: str) -> set[tuple[str, str]]:
        """All recorded transitions of a kind of subject."""
        rows: Any = self.batch_transitions
        if subject != "Batches":
            query = "SELECT DISTINCT before, after FROM line.transitions WHERE subject = %s"
            rows = self.conn.execute(query, [TABLES[subject]]).fetchall()
        return {(before, after) for before, after in rows if before != after}

    def request(self, action: str, subject: str, value: str | None = None, **more: Any) -> None:
        """Process a new request."""
        self.process(a_request(action, subject, value=value, **more))

    def batch(self, name: str, pages: int = 3, *, begun: bool = True, **more: Any) -> Delivery:
        """A delivery of one item, `<name>-vol`, whose last page may be missing."""
        batch = Delivery(self.storage, name, {f"{name}-vol": pages}, **more)
        if begun:
            self.process(batch.received(), batch.accepted(), batch.registered(f"{name}-vol"))
        return batch

    def finish(self, batch: Delivery, *pages: str) -> None:
        self.process(
            *(fact for page in pages for fact in (batch.acquired(page), batch.recognized(page)))
        )


def hold_an_item(
    tracker: WatchedTracker, name: str, pages: int = 3, **more: Any
) -> tuple[Delivery, str]:
    """An item that is held: its second or only page is quarantined, its third is missing."""
    missing = frozenset({f"{name}-vol:{pages:04}"} if pages > 2 else ())
    batch = tracker.batch(name, pages, missing=missing, **more)
    *ended, bad = batch.present(f"{name}-vol")
    tracker.finish(batch, *ended)
    record = batch.page_quarantined(bad, "acquire_page")
    tracker.process(record)
    return batch, f"quarantine:{record.head.event_id}"


def batches_before_and_beside_their_work(tracker: WatchedTracker) -> None:
    """Transitions of batches before pre-flight, during it and after a refusal."""
    for name, actions in {
        "up-1": ("pause", "resume", "cancel"),
        "up-2": (),
        "up-3": ("router",),
        "up-4": ("cancel",),
    }.items():
        batch = tracker.batch(name, begun=False)
        tracker.process(batch.captured_fact(f"{name}-vol:0001"))
        for action in actions:
            if action == "router":
                tracker.process(batch.quarantined(batch.head("", batch.received_id), "router"))
            else:
                tracker.request(action, f"batch:{name}")
        tracker.process(batch.received())
    unread = tracker.batch("unread", begun=False)
    tracker.process(unread.quarantined(unread.head("", "unread"), "router"))
    for name in ("sub-1", "sub-2"):
        batch = tracker.batch(name, begun=False)
        tracker.process(batch.received())
        tracker.request("pause", f"batch:{name}")
        if name == "sub-1":
            tracker.request("resume", f"batch:{name}")
            tracker.request("cancel", f"batch:{name}")
        else:
            record = batch.batch_quarantined()
            tracker.process(record)
            tracker.request("release", f"quarantine:{record.head.event_id}")
            tracker.request("cancel", f"batch:{name}")
    for name, action in (("bad-1", "release"), ("bad-2", "reject")):
        batch = tracker.batch(name, begun=False)
        record = batch.batch_quarantined()
        tracker.process(batch.received(), record)
        tracker.request(action, f"quarantine:{record.head.event_id}")


def batches_of_the_night(tracker: WatchedTracker) -> None:
    """Transitions of batches that wait for the night, which is hours away."""
    first = tracker.batch("night-1", priority="night")
    tracker.request("pause", "batch:night-1")
    tracker.request("resume", "batch:night-1")
    tracker.request("priority", "batch:night-1", "normal")
    tracker.finish(first, *first.pages("night-1-vol")[:2])
    tracker.request("cancel", "batch:night-1")
    tracker.batch("night-2", priority="night")
    tracker.request("cancel", "batch:night-2")
    twice = Delivery(tracker.storage, "night-3", {"NIGHT-1-VOL": 2}, priority="night")
    tracker.process(twice.received(), twice.accepted(), twice.registered("NIGHT-1-VOL"))
    later = Delivery(tracker.storage, "night-4", {"night-4-a": 1, "night-4-b": 1})
    tracker.process(later.received(), later.accepted(), later.registered("night-4-a"))
    tracker.request("priority", "batch:night-4", "night")


def quarantined_items_and_pages(tracker: WatchedTracker) -> None:
    """Transitions into quarantine and out of it."""
    batch, name = hold_an_item(tracker, "rel-1")
    tracker.request("release", name)
    tracker.finish(batch, "rel-1-vol:0002")
    failed = batch.item_quarantined("rel-1-vol")
    tracker.process(failed)
    tracker.request("release", f"quarantine:{failed.head.event_id}")
    tracker.process(batch.published("rel-1-vol"))

    batch, name = hold_an_item(tracker, "rel-2")
    tracker.request("release", name, "new.tif", file=a_file("capture"))
    tracker.request("cancel", "batch:rel-2")

    _, name = hold_an_item(tracker, "rel-3", pages=1)
    tracker.request("release", name, "new.tif", file=a_file("capture"))

    batch, name = hold_an_item(tracker, "wit-1")
    tracker.request("withdraw", name)
    failed = batch.item_quarantined("wit-1-vol")
    tracker.process(failed, batch.published("wit-1-vol"))

    _, name = hold_an_item(tracker, "rej-1")
    tracker.request("reject", name)

    batch = tracker.batch("half", 2)
    tracker.finish(batch, "half-vol:0001")
    tracker.request("pause", "batch:half")
    record = batch.page_quarantined("half-vol:0002", "acquire_page")
    tracker.process(record)
    tracker.request("release", f"quarantine:{record.head.event_id}")

    _, name = hold_an_item(tracker, "late", priority="rush")
    tracker.conn.execute("UPDATE line.batches SET priority = 'night' WHERE batch_id = 'late'")
    tracker.request("release", name, "new.tif", file=a_file("capture"))


def answered_packages(tracker: WatchedTracker) -> None:
    """Transitions by the answers of repositories and by higher revisions."""
    for name, answers in {"p-0": (), "p-1": (True, False, True), "p-2": (False,)}.items():
        batch = Delivery(tracker.storage, name, {f"{name}-vol": 1})
        tracker.process(*batch.everything())
        for number, accepted in enumerate(answers):
            receipt = batch.receipt(f"{name}-vol", accepted=accepted)
            event_id = f"{receipt.head.event_id[:-1]}{number}"
            head = receipt.head.model_copy(update={"event_id": event_id})
            tracker.process(receipt.model_copy(update={"head": head}))
        next_one = batch.published(f"{name}-vol")
        head = next_one.head.model_copy(update={"event_id": f"{next_one.head.event_id[:-1]}x"})
        changes = {"head": head, "revision": 2, "package_id": f"{name}-vol.v2"}
        tracker.process(next_one.model_copy(update=changes))


def replaced_items(tracker: WatchedTracker) -> None:
    """The transitions of an item whose next versions are delivered."""
    first = Delivery(tracker.storage, "v-1", {"again-vol": 1})
    tracker.process(*first.everything())
    for name in ("v-2", "v-3"):
        later = Delivery(tracker.storage, name, {"again-vol": 1})
        registered = later.registered("again-vol").model_copy(update={"replaces": "again-vol"})
        tracker.process(later.received(), later.accepted(), registered)
        tracker.request("cancel", f"batch:{name}")


def cancelled_batches(tracker: WatchedTracker) -> None:
    """Transitions of batches that are paused and then cancelled."""
    batch = tracker.batch("gone", begun=False)
    tracker.process(batch.received(), batch.accepted())
    tracker.request("pause", "batch:gone")
    tracker.process(batch.registered("gone-vol"))
    tracker.request("cancel", "batch:gone")
    tracker.batch("gone-2")
    tracker.request("pause", "batch:gone-2")
    tracker.request("resume", "batch:gone-2")
    tracker.request("cancel", "batch:gone-2")


def test_exactly_the_listed_state_transitions_happen(connect_tracker, storage):
    tracker = WatchedTracker(connect_tracker, storage)

    batches_before_and_beside_their_work(tracker)
    batches_of_the_night(tracker)
    quarantined_items_and_pages(tracker)
    answered_packages(tracker)
    replaced_items(tracker)
    cancelled_batches(tracker)

    listed = {subject: {row[:2] for row in rows} for subject, rows in SUBJECTS.items()}
    recorded = {subject: tracker.transitions(subject) for subject in SUBJECTS}
    assert recorded == listed


def test_a_priority_decided_before_the_end_of_pre_flight_is_kept(tracker, storage):
    batch = Delivery(storage, "b-1", {"vol-1": 1})
    tracker.process(batch.received())

    tracker.process(a_request("priority", "batch:b-1", value="rush"))
    tracker.process(batch.accepted(), batch.registered("vol-1"))

    assert [fact.priority for fact in tracker.published(PageAdmitted)] == ["rush"]


def test_a_request_about_several_batches_is_granted_for_all_of_them_or_for_none(tracker, storage):
    good, over = Delivery(storage, "b-1", {"vol-1": 1}), Delivery(storage, "b-2", {"vol-2": 1})
    tracker.process(good.received(), good.accepted(), *over.everything())

    tracker.process(a_request("pause", "batch:b-1", "batch:b-2"))
    refused = tracker.counts("b-1")["state"]
    third = Delivery(storage, "b-3", {"vol-3": 1})
    tracker.process(third.received(), a_request("pause", "batch:b-1", "batch:b-3"))

    first, second = tracker.published(ControlDecided)
    assert (first.granted, first.code, refused) == (False, "batch.over", "running")
    assert second.granted
    assert {tracker.counts(name)["state"] for name in ("b-1", "b-3")} == {"paused"}


def test_a_request_is_decided_while_the_row_of_its_batch_is_locked(
    tracker, connect_tracker, storage
):
    batch = Delivery(storage, "b-1", {"vol-1": 1})
    tracker.process(batch.received(), batch.accepted())
    other = connect_tracker()
    tracker.conn.execute("SET lock_timeout = '200ms'")

    with other.transaction():
        other.execute("SELECT FROM line.batches WHERE batch_id = 'b-1' FOR UPDATE")
        with pytest.raises(Exception, match="lock timeout"):
            tracker.process(a_request("pause", "batch:b-1"))

    assert tracker.counts("b-1")["state"] == "running"
    assert tracker.published(ControlDecided) == []


def test_a_rebuild_that_reads_the_requests_first_gives_the_same_rows(tracker, storage):
    paused = Delivery(storage, "b-1", {"vol-1": 2})
    mixed = Delivery(storage, "b-2", {"vol-2": 1, "vol-3": 1})
    given_up = Delivery(storage, "b-3", {"vol-4": 1})
    record = given_up.batch_quarantined()
    read = tracker.log(paused.received(), a_request("priority", "batch:b-1", value="rush"))
    read += tracker.log(a_request("pause", "batch:b-1"), paused.accepted())
    read += tracker.log(paused.registered("vol-1"), *mixed.everything()[:4])
    read += tracker.log(mixed.acquired("vol-2:0001"), mixed.recognized("vol-2:0001"))
    read += tracker.log(a_request("resume", "batch:b-1"), a_request("cancel", "batch:b-2"))
    read += tracker.log(a_request("pause", "batch:b-1", value="again"))
    read += tracker.log(mixed.registered("vol-3"), mixed.published("vol-2"))
    read += tracker.log(given_up.received(), a_request("pause", "batch:b-3"), record)
    read += tracker.log(a_request("reject", f"quarantine:{record.head.event_id}"))
    for message in read:
        tracker.manager.process([message])
    before, own = dump(tracker.conn), tracker.outbox_without_events()
    decisions, settled = tracker.published(ControlDecided), tracker.published(BatchSettled)
    unanswered = tracker.log(a_request("resume", "batch:b-1", value="not answered yet"))

    requests = [message for message in read if "control.requested" in message.topic]
    rest = [message for message in read if message not in requests]
    tracker.rebuild(own, [*requests, *rest])

    assert all(fact.granted for fact in decisions)
    assert dump(tracker.conn) == before
    assert (tracker.published(ControlDecided), tracker.published(BatchSettled)) == ([], [])

    tracker.rebuild(own, [*requests, *unanswered, *rest])

    assert len(settled) == 1
    assert [(fact.action, fact.granted) for fact in tracker.published(ControlDecided)] == [
        ("resume", True)
    ]
    assert tracker.counts("b-1")["state"] == "running"

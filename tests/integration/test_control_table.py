"""Every cell of the control table, and every change of state, on a real PostgreSQL."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from schemas.catalogue import AUDIT_INTAKE
from schemas.codec import decode
from schemas.models import BatchSettled, ControlDecided, PageAdmitted, PremisEvent, Record
from streams.night_window import NightWindow
from streams.tracker.process_manager import ProcessManager
from streams.tracker.rebuild import dump, store_decided
from streams.tracker.states import ACTIONS, CONTROL, SUBJECTS, refusal
from tests.integration.test_tracker import Bench, Connect, connect, published, storage
from tests.support.line_facts import Delivery, a_file, a_request

__all__ = ["connect", "storage"]
TABLES = {"Items": "items", "Pages": "pages", "Packages": "packages"}
TABLES |= {"Quarantine records": "quarantine"}
FAR = datetime.now(UTC) + timedelta(days=300)


def a_night_far_from_now() -> NightWindow:
    """It is day now, and stays so for hours."""
    now = datetime.now(UTC)
    begins, ends = now + timedelta(hours=12), now + timedelta(hours=13)
    return NightWindow(begins.time(), ends.time(), UTC)


def put_into(state: str, bench: Bench, batch: Delivery) -> None:
    """Bring a batch into a state."""
    (item,) = batch.items
    begun = [batch.received(), batch.accepted(), batch.registered(item)]
    facts: dict[str, list[Record]] = {
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
        bench.take(fact)


def told_about(bench: Bench, batch_id: str) -> tuple[ControlDecided, list[PremisEvent]]:
    """The last decision about a batch, and its PREMIS events."""
    decided = [fact for fact in bench.told(ControlDecided) if fact.head.batch_id == batch_id][-1]
    rows = bench.conn.execute(
        "SELECT value FROM line.outbox WHERE topic = %s ORDER BY id", [AUDIT_INTAKE.name]
    )
    events = [decode(value) for (value,) in rows]
    return decided, [one for one in events if one.head.cause_id == decided.head.event_id]


@pytest.mark.parametrize("action", ACTIONS)
def test_each_cell_of_the_table_is_what_the_tracker_decides_and_logs(connect, storage, action):
    bench = Bench(connect, storage)
    after = {"pause": "paused", "resume": "running", "cancel": "cancelled", "priority": None}
    for state in CONTROL:
        name = f"{state}-{action}"
        batch = Delivery(storage, name, {f"{name}-vol": 2})
        put_into(state, bench, batch)
        if state != "unknown":
            assert bench.counts(name)["state"] == state

        value = "rush" if action == "priority" else None
        bench.take(a_request(action, f"batch:{name}", value=value))

        decided, events = told_about(bench, name)
        code = refusal(state, action)
        assert (decided.granted, decided.code) == (code is None, code), name
        assert {event.outcome for event in events} == {"fai" if code else "suc"}, name
        assert code is None or (decided.fix and name in decided.fix)
        if state == "unknown":
            continue
        expected = state if code else after[action] or state
        assert bench.counts(name)["state"] == expected, name
        (priority,) = bench.conn.execute(
            "SELECT priority FROM line.batches WHERE batch_id = %s", [name]
        ).fetchone()
        assert priority == ("rush" if value and not code else "normal")


def test_the_states_of_the_database_are_those_of_the_tables(connect, storage):
    conn = Bench(connect, storage).conn
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


class Watched(Bench):
    """A line by day that notes every change of state."""

    def __init__(self, connect: Connect, storage: Any) -> None:
        super().__init__(connect, storage)
        self.line = ProcessManager(self.conn, storage, "1", 1000, night=a_night_far_from_now())
        self.line.fence()
        self.storage = storage
        self.batches: set[tuple[str, str]] = set()
        self.conn.execute(
            "CREATE TABLE line.seen (subject text, before text, after text);"
            "CREATE FUNCTION line.see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " INSERT INTO line.seen VALUES (TG_TABLE_NAME,"
            " CASE TG_OP WHEN 'INSERT' THEN '' ELSE OLD.state END, NEW.state);"
            " RETURN NULL; END $$"
        )
        for table in TABLES.values():
            self.conn.execute(
                f"CREATE TRIGGER see AFTER INSERT OR UPDATE OF state ON line.{table}"
                " FOR EACH ROW EXECUTE FUNCTION line.see()".encode()
            )

    def take(self, *facts: Record) -> None:
        """One fact a turn."""
        for fact in facts:
            before = self.states("batch_status", "batch_id")
            super().take(fact)
            after = self.states("batch_status", "batch_id")
            self.batches |= {(before.get(name, ""), state) for name, state in after.items()}
            assert self.law_holds()

    def changes(self, subject: str) -> set[tuple[str, str]]:
        """All that were seen."""
        rows: Any = self.batches
        if subject != "Batches":
            query = "SELECT DISTINCT before, after FROM line.seen WHERE subject = %s"
            rows = self.conn.execute(query, [TABLES[subject]]).fetchall()
        return {(before, after) for before, after in rows if before != after}

    def ask(self, action: str, subject: str, value: str | None = None, **more: Any) -> None:
        """A request that was not made before."""
        self.take(a_request(action, subject, value=value, **more))

    def batch(self, name: str, pages: int = 3, *, begun: bool = True, **more: Any) -> Delivery:
        """A delivery of one item, `<name>-vol`, whose last page may be missing."""
        batch = Delivery(self.storage, name, {f"{name}-vol": pages}, **more)
        if begun:
            self.take(batch.received(), batch.accepted(), batch.registered(f"{name}-vol"))
        return batch

    def done(self, batch: Delivery, *pages: str) -> None:
        self.take(
            *(fact for page in pages for fact in (batch.acquired(page), batch.recognized(page)))
        )


def held(line: Watched, name: str, pages: int = 3, **more: Any) -> tuple[Delivery, str]:
    """A held item: its second page (of one: the only) is quarantined, the last is missing."""
    missing = frozenset({f"{name}-vol:{pages:04}"} if pages > 2 else ())
    batch = line.batch(name, pages, missing=missing, **more)
    *ended, bad = batch.present(f"{name}-vol")
    line.done(batch, *ended)
    record = batch.page_quarantined(bad, "acquire_page")
    line.take(record)
    return batch, f"quarantine:{record.head.event_id}"


def ways_of_batches(line: Watched) -> None:
    """Batches before and beside the work."""
    for name, actions in {
        "up-1": ("pause", "resume", "cancel"),
        "up-2": (),
        "up-3": ("router",),
        "up-4": ("cancel",),
    }.items():
        batch = line.batch(name, begun=False)
        line.take(batch.captured_fact(f"{name}-vol:0001"))
        for action in actions:
            if action == "router":
                line.take(batch.quarantined(batch.head("", batch.received_id), "router"))
            else:
                line.ask(action, f"batch:{name}")
        line.take(batch.received())
    unread = line.batch("unread", begun=False)
    line.take(unread.quarantined(unread.head("", "unread"), "router"))
    for name in ("sub-1", "sub-2"):
        batch = line.batch(name, begun=False)
        line.take(batch.received())
        line.ask("pause", f"batch:{name}")
        if name == "sub-1":
            line.ask("resume", f"batch:{name}")
            line.ask("cancel", f"batch:{name}")
        else:
            record = batch.batch_quarantined()
            line.take(record)
            line.ask("release", f"quarantine:{record.head.event_id}")
            line.ask("cancel", f"batch:{name}")
    for name, verdict in (("bad-1", "release"), ("bad-2", "reject")):
        batch = line.batch(name, begun=False)
        record = batch.batch_quarantined()
        line.take(batch.received(), record)
        line.ask(verdict, f"quarantine:{record.head.event_id}")


def ways_of_the_night(line: Watched) -> None:
    """Batches that wait for the night, which is far."""
    first = line.batch("night-1", priority="night")
    line.ask("pause", "batch:night-1")
    line.ask("resume", "batch:night-1")
    line.ask("priority", "batch:night-1", "normal")
    line.done(first, *first.pages("night-1-vol")[:2])
    line.ask("cancel", "batch:night-1")
    line.batch("night-2", priority="night")
    line.ask("cancel", "batch:night-2")
    twice = Delivery(line.storage, "night-3", {"NIGHT-1-VOL": 2}, priority="night")
    line.take(twice.received(), twice.accepted(), twice.registered("NIGHT-1-VOL"))
    later = Delivery(line.storage, "night-4", {"night-4-a": 1, "night-4-b": 1})
    line.take(later.received(), later.accepted(), later.registered("night-4-a"))
    line.ask("priority", "batch:night-4", "night")


def ways_of_what_is_held(line: Watched) -> None:
    """Quarantine, and every way out of it."""
    batch, name = held(line, "rel-1")
    line.ask("release", name)
    line.done(batch, "rel-1-vol:0002")
    failed = batch.item_quarantined("rel-1-vol")
    line.take(failed)
    line.ask("release", f"quarantine:{failed.head.event_id}")
    line.take(batch.published("rel-1-vol"))

    batch, name = held(line, "rel-2")
    line.ask("release", name, "new.tif", file=a_file("capture"))
    line.ask("cancel", "batch:rel-2")

    _, name = held(line, "rel-3", pages=1)
    line.ask("release", name, "new.tif", file=a_file("capture"))

    batch, name = held(line, "wit-1")
    line.ask("withdraw", name)
    failed = batch.item_quarantined("wit-1-vol")
    line.take(failed, batch.published("wit-1-vol"))

    _, name = held(line, "rej-1")
    line.ask("reject", name)

    batch = line.batch("half", 2)
    line.done(batch, "half-vol:0001")
    line.ask("pause", "batch:half")
    record = batch.page_quarantined("half-vol:0002", "acquire_page")
    line.take(record)
    line.ask("release", f"quarantine:{record.head.event_id}")

    _, name = held(line, "late", priority="rush")
    line.conn.execute("UPDATE line.batches SET priority = 'night' WHERE batch_id = 'late'")
    line.ask("release", name, "new.tif", file=a_file("capture"))


def ways_of_packages(line: Watched) -> None:
    """Answers of repositories, and higher revisions."""
    for name, answers in {"p-0": (), "p-1": (True, False, True), "p-2": (False,)}.items():
        batch = Delivery(line.storage, name, {f"{name}-vol": 1})
        line.take(*batch.everything())
        for number, accepted in enumerate(answers):
            receipt = batch.receipt(f"{name}-vol", accepted=accepted)
            event_id = f"{receipt.head.event_id[:-1]}{number}"
            head = receipt.head.model_copy(update={"event_id": event_id})
            line.take(receipt.model_copy(update={"head": head}))
        next_one = batch.published(f"{name}-vol")
        head = next_one.head.model_copy(update={"event_id": f"{next_one.head.event_id[:-1]}x"})
        changes = {"head": head, "revision": 2, "package_id": f"{name}-vol.v2"}
        line.take(next_one.model_copy(update=changes))


def ways_of_what_is_cancelled(line: Watched) -> None:
    """A pause before anything was begun, then a cancel."""
    batch = line.batch("gone", begun=False)
    line.take(batch.received(), batch.accepted())
    line.ask("pause", "batch:gone")
    line.take(batch.registered("gone-vol"))
    line.ask("cancel", "batch:gone")
    line.batch("gone-2")
    line.ask("pause", "batch:gone-2")
    line.ask("resume", "batch:gone-2")
    line.ask("cancel", "batch:gone-2")


def test_every_change_of_state_that_is_listed_happens_and_no_other(connect, storage):
    line = Watched(connect, storage)

    ways_of_batches(line)
    ways_of_the_night(line)
    ways_of_what_is_held(line)
    ways_of_packages(line)
    ways_of_what_is_cancelled(line)

    listed = {subject: {row[:2] for row in rows} for subject, rows in SUBJECTS.items()}
    seen = {subject: line.changes(subject) for subject in SUBJECTS}
    assert seen == listed


def test_a_priority_decided_before_pre_flight_has_judged_is_not_lost(connect, storage):
    bench, batch = Bench(connect, storage), Delivery(storage, "b-1", {"vol-1": 1})
    bench.take(batch.received())

    bench.take(a_request("priority", "batch:b-1", value="rush"))
    bench.take(batch.accepted(), batch.registered("vol-1"))

    assert [fact.priority for fact in bench.told(PageAdmitted)] == ["rush"]


def test_a_request_about_several_batches_is_granted_for_all_of_them_or_for_none(connect, storage):
    bench = Bench(connect, storage)
    good, over = Delivery(storage, "b-1", {"vol-1": 1}), Delivery(storage, "b-2", {"vol-2": 1})
    bench.take(good.received(), good.accepted(), *over.everything())

    bench.take(a_request("pause", "batch:b-1", "batch:b-2"))
    refused = bench.counts("b-1")["state"]
    third = Delivery(storage, "b-3", {"vol-3": 1})
    bench.take(third.received(), a_request("pause", "batch:b-1", "batch:b-3"))

    first, second = bench.told(ControlDecided)
    assert (first.granted, first.code, refused) == (False, "batch.over", "running")
    assert second.granted
    assert {bench.counts(name)["state"] for name in ("b-1", "b-3")} == {"paused"}


def test_a_request_is_judged_under_the_row_lock_of_its_batch(connect, storage):
    bench, batch = Bench(connect, storage), Delivery(storage, "b-1", {"vol-1": 1})
    bench.take(batch.received(), batch.accepted())
    other = connect()
    bench.conn.execute("SET lock_timeout = '200ms'")

    with other.transaction():
        other.execute("SELECT FROM line.batches WHERE batch_id = 'b-1' FOR UPDATE")
        with pytest.raises(Exception, match="lock timeout"):
            bench.take(a_request("pause", "batch:b-1"))

    assert bench.counts("b-1")["state"] == "running"
    assert bench.told(ControlDecided) == []


def test_a_rebuild_that_reads_the_requests_first_ends_in_the_same_rows(connect, storage):
    bench = Bench(connect, storage)
    paused = Delivery(storage, "b-1", {"vol-1": 2})
    mixed = Delivery(storage, "b-2", {"vol-2": 1, "vol-3": 1})
    given_up = Delivery(storage, "b-3", {"vol-4": 1})
    record = given_up.batch_quarantined()
    read = bench.log(paused.received(), a_request("priority", "batch:b-1", value="rush"))
    read += bench.log(a_request("pause", "batch:b-1"), paused.accepted())
    read += bench.log(paused.registered("vol-1"), *mixed.everything()[:4])
    read += bench.log(mixed.acquired("vol-2:0001"), mixed.recognized("vol-2:0001"))
    read += bench.log(a_request("resume", "batch:b-1"), a_request("cancel", "batch:b-2"))
    read += bench.log(a_request("pause", "batch:b-1", value="again"))
    read += bench.log(mixed.registered("vol-3"), mixed.published("vol-2"))
    read += bench.log(given_up.received(), a_request("pause", "batch:b-3"), record)
    read += bench.log(a_request("reject", f"quarantine:{record.head.event_id}"))
    for one in read:
        bench.line.take([one])
    before, own = dump(bench.conn), [m for m in published(bench) if m.topic != AUDIT_INTAKE.name]
    decisions, settled = bench.told(ControlDecided), bench.told(BatchSettled)
    unanswered = bench.log(a_request("resume", "batch:b-1", value="not answered yet"))

    asked = [one for one in read if "control.requested" in one.topic]
    rest = [one for one in read if one not in asked]
    bench.line.forget()
    store_decided(bench.conn, own)
    bench.line.take([*asked, *rest], decide=False)
    bench.line.finish_rebuild()

    assert all(fact.granted for fact in decisions)
    assert dump(bench.conn) == before
    assert (bench.told(ControlDecided), bench.told(BatchSettled)) == ([], [])

    bench.line.forget()
    store_decided(bench.conn, own)
    bench.line.take([*asked, *unanswered, *rest], decide=False)
    bench.line.finish_rebuild()

    assert len(settled) == 1
    assert [(fact.action, fact.granted) for fact in bench.told(ControlDecided)] == [
        ("resume", True)
    ]
    assert bench.counts("b-1")["state"] == "running"

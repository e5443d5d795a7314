"""Fixity runs on a real database and a real store: failures, copies, repairs, and being killed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from processors.outcome import StorageError
from processors.premis import events_of
from processors.tools import Area
from schemas.models import FixityChecked, ObjectRestored, WorkQuarantined
from streams.cli.quarantine_decisions import query
from streams.fixity.restore import NoCopy, NothingToRestore, WrongBytes
from streams.fixity.run import AlreadyRunning, Scope
from streams.storage.keys import content_key
from streams.text_references import is_reference
from tests.core_machine.database import Databases
from tests.support.fixity_shelf import (
    Died,
    DyingPublisher,
    Shelf,
    a_shelf,
    counting,
    events_by_id,
)
from tests.support.line_facts import a_request
from tests.support.stores import settings_of
from tests.support.tracker_harness import Connect
from tests.support.tracker_tables import dump


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
def shelf(connect_tracker: Connect, tmp_path: Path) -> Shelf:
    return a_shelf(connect_tracker, settings_of(tmp_path / "home"))


@pytest.fixture(params=["local disk", "s3"])
def any_shelf(request: pytest.FixtureRequest, connect_tracker: Connect, tmp_path: Path) -> Shelf:
    server = request.getfixturevalue("s3_server") if request.param == "s3" else None
    return a_shelf(connect_tracker, settings_of(tmp_path / "home", server))


def test_what_failed_is_named_with_its_copies_restored_from_them_and_clean_afterwards(
    any_shelf: Shelf,
):
    shelf = any_shelf
    item = shelf.add_item("vol-1")
    intact = {ref.key: shelf.store.get(ref.key) for ref in item.refs}
    (clean,) = shelf.run()
    shelf.flip(item.master.key)
    shelf.put(item.access.key, None)
    # Not only an intact tar gives its files: here its end is damaged.
    shelf.put(item.package.key, intact[item.package.key][:-100] + b"x" * 100)

    found = shelf.run()

    records = {one.where: one for one in found if isinstance(one, WorkQuarantined)}
    member = "package vol-1.v1, vol-1.v1/data"
    assert {where: (one.code, one.required) for where, one in records.items()} == {
        f"master of page vol-1:0001: {item.master.key}": ("object.damaged", False),
        f"access of page vol-1:0001: {item.access.key}": ("object.missing", False),
        f"package: {item.package.key}": ("object.damaged", False),
    }
    by_code = {one.where.partition(" ")[0]: one for one in records.values()}
    assert f"The same bytes are in: {member}/0" in by_code["master"].found
    assert f"The same bytes are in: {member}/1" in by_code["access"].found
    assert "No other object" in by_code["package:"].found
    assert f"copystand fixity restore {item.package.sha256} --by" in by_code["package:"].fix
    (checked,) = (one for one in found if isinstance(one, FixityChecked))
    assert (checked.objects, checked.failed) == (clean.objects, 3) == (6, 3)
    assert set(shelf.records().values()) == {"open"}
    assert shelf.tracker.counts("b-vol-1")["packaged"] == 1

    sources = [shelf.restore(ref.sha256)[0].source for ref in (item.master, item.access)]
    with pytest.raises(NoCopy):
        shelf.restore(item.package.sha256)
    backup = shelf.settings.home / "backup.tar"
    backup.write_bytes(intact[item.package.key])
    sources += [one.source for one in shelf.restore(item.package.sha256, backup)]

    assert sources == [f"{member}/0", f"{member}/1", "the file backup.tar"]
    assert {ref.key: shelf.store.get(ref.key) for ref in item.refs} == intact
    restored = shelf.deliver()
    repairs = [one for one in restored if isinstance(one, ObjectRestored)]
    assert {one.by for one in repairs} == {"p-4"}
    # What a person wrote is not in the log, but in a table where it can be deleted.
    assert all(is_reference(one.reason) for one in repairs)
    texts = shelf.tracker.conn.execute("SELECT text, used FROM people.texts").fetchall()
    assert texts == [("the disk was replaced", True)] * 3
    assert set(shelf.records().values()) == {"released"}
    (again,) = shelf.run()
    assert (again.objects, again.failed) == (6, 0)
    with pytest.raises(NothingToRestore):
        shelf.restore(item.master.sha256)


def test_the_event_of_an_item_names_the_list_of_its_digests(shelf: Shelf):
    item = shelf.add_item("vol-1")
    shelf.flip(item.access.key)

    *_, checked = sorted(shelf.run(), key=lambda one: one.head.event_id == checked_id(one))

    assert isinstance(checked, FixityChecked)
    (listed,) = checked.files
    header, *rows = (line.split("\t") for line in shelf.store.read(listed).decode().splitlines())
    assert header == ["sha256", "size_bytes", "result", "read_at", "key"]
    by_key = {row[4]: row for row in rows}
    assert by_key[item.master.key][:3] == [
        item.master.sha256,
        str(item.master.size_bytes),
        "intact",
    ]
    assert by_key[item.access.key][2] == "object.damaged"
    (event,) = events_of(checked)
    assert (event.event_type, event.outcome, event.code) == ("fixity check", "fai", "fixity.failed")
    assert event.results == (f"sha256:{listed.sha256}",)


def checked_id(fact: Any) -> str:
    return str(fact.head.event_id) if isinstance(fact, FixityChecked) else ""


def test_a_failure_is_recorded_once_and_closed_when_the_object_is_intact_again(shelf: Shelf):
    item = shelf.add_item("vol-1")
    content = shelf.store.get(item.master.key)
    shelf.flip(item.master.key)

    first, second = shelf.run(), shelf.run()
    shelf.put(item.master.key, content)
    third = shelf.run()

    counted = [sum(isinstance(one, WorkQuarantined) for one in found) for found in (first, second)]
    assert counted == [1, 0]
    assert [one.failed for one in second if isinstance(one, FixityChecked)] == [1]
    (restored,) = (one for one in third if isinstance(one, ObjectRestored))
    assert (restored.by, restored.source) == (None, "the store itself")
    assert set(shelf.records().values()) == {"released"}
    assert_rebuilt(shelf)


def assert_rebuilt(shelf: Shelf) -> None:
    """A rebuild from the topics gives the same tables."""
    before = dump(shelf.tracker.conn)
    shelf.tracker.rebuild(shelf.tracker.outbox(), shelf.read)

    assert dump(shelf.tracker.conn) == before


def test_a_record_is_not_released_like_work_and_a_rejected_loss_gets_no_other_record(
    shelf: Shelf,
):
    item = shelf.add_item("vol-1")
    shelf.put(item.package.key, None)
    shelf.run()
    (name,) = shelf.records()

    decided = [selected(shelf, batch="b-vol-1"), selected(shelf, code="object.missing")]
    shelf.process(a_request("release", f"quarantine:{name}"))
    refused = shelf.records()
    shelf.process(a_request("reject", f"quarantine:{name}"))
    again = shelf.run()

    # A decision about all work of a batch is not one about its objects.
    assert decided == [[], [name]]
    assert refused == {name: "open"}
    assert shelf.records() == {name: "rejected"}
    assert [type(one) for one in again] == [FixityChecked]
    assert_rebuilt(shelf)
    assert shelf.tracker.counts("b-vol-1") == {
        "state": "settled", "registered": 1, "packaged": 1, "quarantined": 0, "cancelled": 0,
        "in_flight": 0,
    }  # fmt: skip


def selected(shelf: Shelf, batch: str | None = None, code: str | None = None) -> list[str]:
    """The records that `quarantine release --batch` or `--code` would decide about."""
    values = {"ids": [], "batch": batch, "code": code}
    return [row[0] for row in shelf.tracker.conn.execute(query("selected"), values)]


@pytest.mark.parametrize("after", [False, True], ids=["before the broker has it", "after"])
@pytest.mark.parametrize("times", [0, 1])
def test_a_run_that_is_killed_is_continued_and_no_event_has_two_contents(
    shelf: Shelf, times: int, after: bool
):
    for name in ("vol-1", "vol-2", "vol-3"):
        shelf.flip(shelf.add_item(name).access.key)
    seen: list[str] = []

    with pytest.raises(Died):
        dying = DyingPublisher(shelf.publisher, times, after=after)
        shelf.run(publisher=dying, store=counting(shelf.store, seen))
    shelf.run(store=counting(shelf.store, seen))

    masters = [item.master.key for item in shelf.items]
    assert [seen.count(key) for key in masters] == [1, 1, 1]
    events = events_by_id(shelf.publisher.messages)
    assert {len(contents) for contents in events.values()} == {1}
    # For each item: the event of the run, and two of the failure.
    assert len(events) == 9
    runs = shelf.tracker.conn.execute("SELECT count(*), count(finished_at) FROM fixity.runs")
    assert runs.fetchone() == (1, 1)


def test_a_copy_that_is_damaged_too_is_not_used_and_nothing_is_changed(shelf: Shelf):
    item = shelf.add_item("vol-1")
    staged = content_key(Area.STAGING, item.master.sha256)
    shelf.keep(shelf.store.get(item.master.key), Area.STAGING, "capture")
    for key in (item.master.key, item.package.key, staged):
        shelf.flip(key)
    shelf.run()
    damaged = shelf.store.get(item.master.key)
    wrong = shelf.settings.home / "wrong.tif"
    wrong.write_bytes(b"other pixels")

    with pytest.raises(WrongBytes):
        shelf.restore(item.master.sha256, wrong)
    # The flipped byte of the tar is in its first file, which is the master.
    with pytest.raises(NoCopy):
        shelf.restore(item.master.sha256)

    assert shelf.store.get(item.master.key) == damaged
    assert set(shelf.records().values()) == {"open"}


def test_a_store_that_is_away_stops_the_run_and_no_object_is_recorded_as_lost(shelf: Shelf):
    for number in range(4):
        shelf.add_item(f"vol-{number}")

    class Away:
        def __getattr__(self, name: str) -> Any:
            return getattr(shelf.store, name)

        def stream(self, key: str) -> Iterator[bytes]:
            raise StorageError("Input/output error")

        def keep(self, *_: Any, **__: Any) -> Any:
            raise StorageError("Input/output error")

    with pytest.raises(StorageError):
        shelf.run(store=Away())
    found = shelf.run()

    assert [type(one) for one in found] == [FixityChecked] * 4
    assert shelf.records() == {}


def test_one_run_at_a_time_and_each_scope_selects_its_objects(shelf: Shelf):
    shelf.add_item("vol-1")
    running = shelf.parts()
    running.connection.execute("SELECT pg_advisory_lock(hashtext('copystand.fixity'))")
    with pytest.raises(AlreadyRunning):
        shelf.run()
    running.connection.close()

    assert [one.objects for one in shelf.run(Scope("sample", 2))] == [2]
    # All were stored at a past noon, and two of them were read just now.
    assert [one.objects for one in shelf.run(Scope("older-than", 1))] == [4]
    assert shelf.run(Scope("older-than", 1)) == []
    runs = shelf.tracker.conn.execute("SELECT scope FROM fixity.runs ORDER BY started_at")
    assert [scope for (scope,) in runs] == ["sample 2", "older-than 1"]


def test_a_repair_that_the_tracker_reads_before_its_record_closes_the_record(shelf: Shelf):
    item = shelf.add_item("vol-1")
    shelf.flip(item.access.key)
    parts = shelf.parts()
    messages = shelf.publisher.messages
    shelf.tracker.manager, manager = None, shelf.tracker.manager  # type: ignore[assignment]
    with pytest.raises(AttributeError):
        shelf.run()
    parts.connection.close()
    shelf.restore(item.access.sha256)
    shelf.tracker.manager = manager
    facts = [one for one in messages if "audit" not in one.topic]

    for one in reversed(facts):
        manager.process([shelf.tracker.log.raw(one.topic, one.key, one.value)])

    assert set(shelf.records().values()) == {"released"}

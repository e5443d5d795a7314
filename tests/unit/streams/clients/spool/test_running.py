"""The process that works on a spool: in order, once, and nothing is lost."""

import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from processors.tools import staging_key
from streams.clients.spool import publishing, running, waiting
from streams.clients.spool.background import only_one
from streams.clients.spool.deliveries import Deliveries
from streams.clients.spool.outbox import Outbox
from streams.clients.spool.spool_database import Spool, open_spool
from streams.clients.station.folder import ManifestFile
from tests.support.deliveries import a_png
from tests.support.spools import Station, a_station


@pytest.fixture
def station(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Station:
    monkeypatch.setattr(waiting, "FIRST_SECONDS", 0.01)
    return a_station(tmp_path)


def test_deliveries_are_published_in_the_order_in_which_they_were_queued(station: Station) -> None:
    names = [f"b-{number}" for number in (3, 1, 2, 10, 5)]
    for name in names:
        station.queue(name)

    assert station.run()

    assert [fact.head.batch_id for fact in station.sender.submissions()] == names
    assert set(station.states()) == {"submitted"}


def test_the_manifest_is_stored_after_all_files_and_published_last(station: Station) -> None:
    station.queue("b-1", pages=3)

    station.run()

    (fact,) = station.sender.submissions()
    objects = list(station.destination.storage.objects)
    assert objects[-1] == fact.files[0].key
    assert len(objects) == 5
    assert len(station.sender.records) == 1


def test_a_store_that_is_away_delays_and_loses_nothing(station: Station) -> None:
    station.destination.away = 7
    station.sender.away = 2
    for name in ("b-1", "b-2", "b-3"):
        station.queue(name)

    station.run()

    assert [fact.head.batch_id for fact in station.sender.submissions()] == ["b-1", "b-2", "b-3"]
    assert [one.waits_for for one in station.deliveries()] == [None] * 3


def test_a_confirmed_file_is_not_sent_again(station: Station) -> None:
    station.queue("b-1", pages=6)
    failed: list[str] = []

    def once(file: ManifestFile) -> None:
        if file.name == "5.png" and not failed:
            failed.append(file.name)
            station.destination.away = 1

    station.destination.before = once
    station.run()

    assert failed and len(station.sender.submissions()) == 1
    assert station.destination.sent.count("0.png") == 1


def test_a_file_that_changed_after_the_queueing_is_refused_and_the_others_go_on(
    station: Station,
) -> None:
    station.queue("b-1")
    station.queue("b-2")
    (station.folder / "b-1" / "1.png").write_bytes(a_png(99))
    (station.folder / "b-1" / "9.png").write_bytes(a_png(9))
    (station.folder / "b-1" / "0.png").unlink()

    station.run()

    refused = station.deliveries()[0]
    assert station.states() == ["refused", "submitted"]
    assert [(one.code, one.where) for one in refused.diagnostics] == [
        ("file.changed-meanwhile", name) for name in ("0.png", "1.png", "9.png")
    ]


def test_a_change_with_the_same_size_and_time_is_found_by_the_digest(station: Station) -> None:
    station.queue("b-1")
    page = station.folder / "b-1" / "1.png"

    def change(file: ManifestFile) -> None:
        if file.name == "1.png":
            times = page.stat()
            content = bytearray(page.read_bytes())
            content[-20] ^= 1
            page.write_bytes(content)
            os.utime(page, ns=(times.st_atime_ns, times.st_mtime_ns))

    station.destination.before = change
    station.run()

    assert station.states() == ["refused"]
    (found,) = station.deliveries()[0].diagnostics
    assert (found.code, found.where) == ("file.changed-meanwhile", "1.png")
    assert station.sender.records == []


def test_a_refused_delivery_is_tried_again_with_the_folder_as_it_is_then(station: Station) -> None:
    station.queue("b-1")
    (station.folder / "b-1" / "1.png").write_bytes(a_png(99))
    station.run()

    with open_spool(station.spool_folder) as spool:
        Deliveries(spool).retry("d-1")
    station.run()

    assert station.states() == ["submitted"]


def test_a_cancelled_delivery_is_not_published(station: Station) -> None:
    station.queue("b-1")
    with open_spool(station.spool_folder) as spool:
        Deliveries(spool).cancel("d-1")

    station.run()

    assert (station.states(), station.sender.records) == (["cancelled"], [])


def test_a_delivery_that_is_cancelled_while_it_is_sent_is_not_published(station: Station) -> None:
    station.queue("b-1", pages=4)
    station.queue("b-2")

    def cancel(file: ManifestFile) -> None:
        if file.name == "3.png":
            with open_spool(station.spool_folder) as spool:
                Deliveries(spool).cancel("d-1")

    station.destination.before = cancel
    station.run()

    assert station.states() == ["cancelled", "submitted"]
    assert [fact.head.batch_id for fact in station.sender.submissions()] == ["b-2"]


def test_records_leave_before_the_submission_that_was_queued_after_them(station: Station) -> None:
    with open_spool(station.spool_folder) as spool:
        for number in range(3):
            Outbox(spool).append("captures", "page", b"%d" % number, once=f"e-{number}")
            Outbox(spool).append("captures", "page", b"%d" % number, once=f"e-{number}")
    station.queue("b-1")

    station.run()

    values = [one.value for one in station.sender.records]
    assert values[:3] == [b"0", b"1", b"2"]
    assert len(values) == 4


def test_a_folder_that_is_not_there_is_refused_and_named(station: Station) -> None:
    station.queue("b-1")
    (station.folder / "b-1").rename(station.folder / "elsewhere")

    station.run()

    (found,) = station.deliveries()[0].diagnostics
    assert (found.code, station.states()) == ("spool.folder-unreadable", ["refused"])


def test_what_pre_flight_is_certain_to_refuse_is_not_published(station: Station) -> None:
    folder = station.folder / "empty"
    folder.mkdir()
    (folder / "readme.txt").write_text("nothing")
    station.queue_folder(folder, "b-1")

    station.run()

    assert (station.states(), station.sender.records) == (["refused"], [])
    assert "folder.nothing-readable" in {one.code for one in station.deliveries()[0].diagnostics}


def test_a_bug_in_one_delivery_does_not_stop_the_others(station: Station) -> None:
    station.queue("b-1")
    station.queue("b-2")

    def fail(file: ManifestFile) -> None:
        if (station.folder / "b-1") in getattr(file.content, "path", Path()).parents:
            raise ZeroDivisionError("a bug")

    station.destination.before = fail
    station.run()

    assert station.states() == ["refused", "submitted"]
    (found,) = station.deliveries()[0].diagnostics
    assert (found.code, found.found) == ("spool.delivery-failed", "ZeroDivisionError: a bug")


def test_a_full_disk_of_the_spool_refuses_nothing(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "DISK_SECONDS", 0.01)
    monkeypatch.setattr(publishing, "DISK_SECONDS", 0.01)
    change, failures = Spool.change, [2]

    def full(spool: Spool, query: str, **values: Any) -> int:
        if query in ("change_state", "mark_sent") and failures[0] > 0:
            failures[0] -= 1
            raise sqlite3.OperationalError("database or disk is full")
        return change(spool, query, **values)

    monkeypatch.setattr(Spool, "change", full)
    station.queue("b-1")
    station.run()
    failures[0] = 1
    station.queue("b-2")
    station.run()

    assert (failures, station.states()) == ([0], ["submitted", "submitted"])


def test_a_second_process_leaves_the_spool_alone(station: Station) -> None:
    station.queue("b-1")

    with only_one(station.spool_folder) as alone:
        assert alone
        assert not station.run()

    assert station.states() == ["queued"]


def test_the_stored_bytes_are_those_of_the_folder(station: Station) -> None:
    station.queue("b-1", pages=1)

    station.run()

    page = (station.folder / "b-1" / "0.png").read_bytes()
    stored = station.destination.storage.objects
    assert page in stored.values()
    assert all(key.startswith(staging_key("")[:14]) for key in stored)

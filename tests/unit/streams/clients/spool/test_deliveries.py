"""Deliveries in a spool: queued, found again, cancelled."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from streams.clients.spool.deliveries import Deliveries, SpoolProblem
from streams.clients.spool.listing import differences, listing_of, packed, unpacked
from streams.clients.spool.spool_database import open_spool
from streams.clients.station.folder import SubmissionOptions
from tests.support.deliveries import a_folder
from tests.support.spools import a_station


def test_the_same_delivery_is_queued_once(tmp_path: Path) -> None:
    station = a_station(tmp_path)

    ids = [station.queue("b-1").id, station.queue_folder(tmp_path / "b-1", "b-1").id]

    assert ids == ["d-1", "d-1"]


def test_another_folder_of_a_batch_that_is_queued_is_refused(tmp_path: Path) -> None:
    station = a_station(tmp_path)
    station.queue("b-1")
    other = a_folder(tmp_path / "other", {"1.txt": b"x"})

    with pytest.raises(SpoolProblem) as refused:
        station.queue_folder(other, "b-1")

    assert refused.value.code == "spool.batch-queued"
    assert "copystand station spool cancel d-1" in refused.value.fix


class Touched:
    """What is opened and listed below a folder while `watching`."""

    def __init__(self, folder: Path) -> None:
        self.watching = False
        self.opened: list[str] = []
        self.listed: list[str] = []
        self._top = str(folder)
        sys.addaudithook(self._see)  # It cannot be removed again, so it is switched off.

    def _see(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.watching or event not in ("open", "os.scandir", "os.listdir"):
            return
        path = os.fsdecode(arguments[0]) if isinstance(arguments[0], str | bytes) else ""
        if path.startswith(self._top):
            (self.opened if event == "open" else self.listed).append(path)


def test_queueing_5000_pages_opens_none_of_them_and_lists_each_folder_once(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    first = a_folder(folder / "item-0", {"0000.tif": b"II*"}) / "0000.tif"
    for item in range(5):
        (folder / f"item-{item}").mkdir(exist_ok=True)
        for page in range(1, 1001):
            os.link(first, folder / f"item-{item}" / f"{page:04d}.tif")
    touched = Touched(folder)

    with open_spool(tmp_path / "spool") as spool:
        touched.watching = True
        queued = Deliveries(spool).queue(folder, SubmissionOptions("b-1"))
        touched.watching = False
        listing = Deliveries(spool).listing(queued.number)

    assert touched.opened == []
    assert sorted(touched.listed) == sorted({str(folder), *map(str, folder.iterdir())})
    assert (queued.files, len(listing)) == (5001, 5001)
    assert listing[b"item-4/1000.tif"][0] == 3


def test_all_options_are_kept(tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "f", {"1.txt": b"x"})
    options = SubmissionOptions(
        *("b-1", "as-delivered", "deu", "MODS", "o-17", "night", "p-1"), "2026-11-24T20:00+01:00"
    )

    with open_spool(tmp_path / "spool") as spool:
        Deliveries(spool).queue(folder, options)
    with open_spool(tmp_path / "spool") as spool:
        (found,) = Deliveries(spool).all()

    assert (found.options, found.folder, found.files, found.size_bytes) == (options, folder, 1, 1)


@pytest.mark.parametrize("name", ["d-2", "2", "d-", "d-x", "", "d-²"])
def test_an_unknown_id_is_reported(tmp_path: Path, name: str) -> None:
    with open_spool(tmp_path / "spool") as spool, pytest.raises(SpoolProblem) as refused:
        Deliveries(spool).find(name)

    assert refused.value.code == "spool.unknown-delivery"


def test_a_cancelled_delivery_cannot_be_cancelled_again(tmp_path: Path) -> None:
    station = a_station(tmp_path)
    station.queue("b-1")
    with open_spool(station.spool_folder) as spool:
        Deliveries(spool).cancel("d-1")

        with pytest.raises(SpoolProblem) as refused:
            Deliveries(spool).cancel("d-1")

    assert refused.value.code == "spool.already-ended"


def test_a_listing_has_files_of_all_folders_without_those_of_the_system(tmp_path: Path) -> None:
    names = ["a.tif", "b/c d\n.tif", "b/Thumbs.db", ".hidden/x.tif", "b/.x"]
    folder = a_folder(tmp_path / "f", dict.fromkeys(names, b"xy"))
    (folder / "link").symlink_to("a.tif")

    listing = listing_of(folder)

    assert sorted(listing) == [b"a.tif", b"b/c d\n.tif"]
    assert unpacked(packed(listing)) == listing
    assert unpacked(packed({})) == {}


def test_differences_name_what_was_added_removed_and_changed() -> None:
    before = {b"1": (1, 1), b"2": (1, 1), b"3": (1, 1)}

    found = differences(before, {b"1": (1, 1), b"2": (1, 2), b"4": (1, 1)})

    assert [(one.where, one.found.split()[1]) for one in found] == [
        ("2", "size"),
        ("3", "was"),
        ("4", "was"),
    ]

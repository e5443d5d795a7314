"""Targets of other batches of the station are linked when a batch is closed."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from streams.clients.capture.capture_folder import CaptureFolder
from streams.clients.capture.closing import ClosedBatch, close_batch
from streams.clients.capture.item_folders import item_folder
from streams.clients.station.capture_record import CaptureRecord
from streams.clients.station.delivered_targets import read_targets
from tests.support.deliveries import a_png
from tests.unit.streams.clients.station.test_captured_pages import FIRST, SECOND, THIRD, a_record

PROFILE = "as-delivered"
MEASURED = {"chart": "colorchecker-24", "formula": "ciede2000", "mean_delta_e": 2.5}


def batch(captures: Path, name: str, profile: str = PROFILE) -> CaptureFolder:
    found = CaptureFolder(captures / name, name)
    with found.opened(profile):
        item_folder(found, f"ms-{name}")
    return found


def add(folder: CaptureFolder, event_id: str, minute: int, *, target: bool = False) -> None:
    with folder.opened(None):
        (item,) = folder.items()
        ref = folder.next_ref(item)
        scanned = folder.work / "page.png"
        scanned.write_bytes(a_png(minute))
        record = a_record(scanned, event_id=event_id, ref=ref, file=f"{ref}.png")
        record = replace(record, captured_at=f"2026-05-04T09:{minute:02}:00.000000Z")
        if target:
            record = replace(record, kind="target", target=MEASURED)
        folder.keep(item, scanned, record)


def close(folder: CaptureFolder) -> ClosedBatch:
    with folder.opened(None):
        return close_batch(folder)


def linked(closed: ClosedBatch) -> list[str]:
    """The details of the acts of its captures."""
    return [act.detail for one in closed.delivery.captures for act in one.acts]


def test_a_batch_is_linked_to_the_target_of_another_one(tmp_path: Path):
    first, second = batch(tmp_path, "b-1"), batch(tmp_path, "b-2")
    add(first, FIRST, 10, target=True)
    add(second, SECOND, 20)

    closed = close(second)

    assert closed.targets == ("b-1/ms-b-1:0001",)
    (detail,) = linked(closed)
    assert "on page ms-b-1:0001 of batch b-1, captured before with the same device" in detail
    assert closed.document()["targets"] == ["b-1/ms-b-1:0001"]
    # The file goes with the delivery and is no problem in it.
    assert "targets.json" in (second.files / "captures.sha256").read_text()
    assert [one for one in closed.delivery.manifest["not_packaged"] if one["code"]] == []


def test_the_link_remains_when_the_other_batch_was_removed(tmp_path: Path):
    first, second = batch(tmp_path, "b-1"), batch(tmp_path, "b-2")
    add(first, FIRST, 10, target=True)
    add(second, SECOND, 20)
    before = close(second)
    shutil.rmtree(first.folder)

    again = close(second)

    assert again.targets == before.targets
    assert again.delivery.manifest == before.delivery.manifest
    assert linked(again) == linked(before)


@pytest.mark.parametrize(
    ("minute", "profile", "own_target"),
    [(30, PROFILE, None), (10, "book-colour", None), (10, PROFILE, 15)],
    ids=["captured after the page", "another profile", "a later target in the batch"],
)
def test_other_targets_are_not_linked(
    tmp_path: Path, minute: int, profile: str, own_target: int | None
):
    first, second = batch(tmp_path, "b-1", profile), batch(tmp_path, "b-2")
    add(first, FIRST, minute, target=True)
    if own_target is not None:
        add(second, THIRD, own_target, target=True)
    add(second, SECOND, 20)

    assert close(second).targets == ()
    assert not (second.files / "targets.json").exists()


def test_a_link_goes_when_a_later_target_was_captured_in_the_batch(tmp_path: Path):
    first, second = batch(tmp_path, "b-1"), batch(tmp_path, "b-2")
    add(first, FIRST, 10, target=True)
    add(second, SECOND, 20)
    assert close(second).targets
    add(second, THIRD, 15, target=True)

    assert close(second).targets == ()


def test_a_file_that_is_not_a_list_of_targets_is_ignored(tmp_path: Path):
    path = tmp_path / "targets.json"
    page = tmp_path / "1.png"
    page.write_bytes(a_png(1))
    record = a_record(page, target=MEASURED)
    for changes in ({"captured_at": "yesterday"}, {"target": None}, {"event_id": None}):
        wrong: CaptureRecord = replace(record, **changes)
        path.write_text(
            f'{{"form": "copystand-targets-1", "targets": [1, {{"record": {wrong.content().decode()}}}]}}'
        )
        assert read_targets(path) == []
    path.write_text('{"form": "another", "targets": [1]}')
    assert read_targets(path) == []

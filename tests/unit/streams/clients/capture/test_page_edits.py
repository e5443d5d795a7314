"""What an operator does to pages: each change happens completely or not at all, and no capture is
lost."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from processors.profile_target import Target
from streams.clients.capture.capture_folder import CaptureFolder
from streams.clients.capture.capture_problem import CaptureProblem
from streams.clients.capture.captured_page import Place
from streams.clients.capture.closing import close_batch
from streams.clients.capture.page_edits import (
    describe_page,
    find_page,
    place_beside,
    remove_page,
    skip_page,
)
from streams.clients.capture.target_measuring import TargetMeasuring
from streams.clients.station.capture_record import digest_of
from tests.support.deliveries import a_png
from tests.unit.streams.clients.capture.test_capture_folder import keep, record

ITEM = "item-1"
NO_TARGETS = TargetMeasuring(None)
Change = Callable[[CaptureFolder], Any]


class Killed(BaseException):
    """The process ends here: nothing after it happens."""


@contextmanager
def killed_before(call: int) -> Iterator[list[str]]:
    """Every change of the file system from the call with this number on raises Killed."""
    done: list[str] = []
    changes = ("replace", "link", "unlink", "fsync", "mkdir")
    real = {name: getattr(os, name) for name in changes}

    def counted(name: str) -> Callable[..., Any]:
        def change(*arguments: Any, **options: Any) -> Any:
            if len(done) >= call:
                raise Killed
            done.append(name)
            return real[name](*arguments, **options)

        return change

    with pytest.MonkeyPatch.context() as patch:
        for name in changes:
            patch.setattr(os, name, counted(name))
        yield done


@pytest.fixture
def folder(tmp_path: Path) -> CaptureFolder:
    return CaptureFolder(tmp_path / "b-1", "b-1")


def rescan(folder: CaptureFolder) -> None:
    scanned = folder.work / "page"
    scanned.write_bytes(a_png(7))
    folder.keep(ITEM, scanned, record("0002", digest_of(scanned)))


def insert(folder: CaptureFolder) -> None:
    scanned = folder.work / "page"
    scanned.write_bytes(a_png(8))
    one = record(folder.next_ref(ITEM), digest_of(scanned))
    follows = place_beside(folder, ITEM, page(folder, "0002"), "before").follows
    folder.keep(ITEM, scanned, type(one)(**{**one.document(), "follows": follows}))


def skip(folder: CaptureFolder) -> None:
    skip_page(folder, ITEM, Place(replaced=page(folder, "0002")), "torn", "o-17")


def skip_a_new_page(folder: CaptureFolder) -> None:
    skip_page(folder, ITEM, Place(follows="0001"), "stuck", None)


def remove(folder: CaptureFolder) -> None:
    remove_page(folder, ITEM, page(folder, "0002"), "twice")


def describe(folder: CaptureFolder) -> None:
    describe_page(folder, ITEM, page(folder, "0002"), "foldout", ["2r"], NO_TARGETS)


CHANGES = (rescan, insert, skip, skip_a_new_page, remove, describe)


def page(folder: CaptureFolder, ref: str) -> Any:
    return find_page(folder, f"{ITEM}:{ref}")[1]


def state(folder: CaptureFolder) -> list[tuple[str, str, str, list[str]]]:
    """The pages; each with a file is what its record says."""
    pages = folder.pages(ITEM)
    for one in pages:
        if one.has_file:
            assert digest_of(folder.files / ITEM / one.file) == one.sha256
    return [(one.ref, one.sha256 if one.has_file else "", one.kind, one.labels) for one in pages]


def contents(folder: CaptureFolder) -> set[str]:
    """The digests of all captures, wherever they are."""
    return {
        digest_of(one) for one in folder.folder.rglob("*.png") if folder.work not in one.parents
    }


def begun(path: Path) -> CaptureFolder:
    folder = CaptureFolder(path / "b-1", "b-1")
    with folder.opened("as-delivered"):
        for number in (1, 2, 3):
            keep(folder, number)
    return folder


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_that_is_killed_at_any_point_has_happened_or_not(change: Change, tmp_path: Path):
    complete = begun(tmp_path / "complete")
    with complete.opened(None):
        before, captures = state(complete), contents(complete)
        with killed_before(1000) as steps:
            change(complete)
        after = state(complete)
    assert before != after
    seen = set()
    for point in range(len(steps)):
        folder = begun(tmp_path / str(point))
        with folder.opened(None), pytest.raises(Killed), killed_before(point):
            change(folder)
        for recovery in range(9):
            # The next start is killed, too.
            with suppress(Killed), killed_before(recovery), folder.opened(None):
                pass

        with folder.opened(None):
            found = state(folder)
            assert found in (before, after), f"killed before step {point} of {steps}"
            seen.add(found == after)
            assert contents(folder) >= captures
            assert [one for one in folder.folder.rglob(".*") if one.name != ".lock"] == []
            named = {name for one in folder.records(ITEM) for name in one.superseded}
            kept = {one for one in (folder.folder / "superseded").rglob("*.png")}
            assert {one.relative_to(folder.folder).as_posix() for one in kept} == named
            assert close_batch(folder).delivery.page_count == len(found)
    assert seen == {False, True}


def test_a_capture_that_was_replaced_is_kept_and_named(folder: CaptureFolder):
    with folder.opened("as-delivered"):
        first = digest_of(keep(folder, 1))
        for number in (2, 3):
            keep(folder, number, ref="0001")
        (found,) = folder.pages(ITEM)

    assert found.superseded == [f"superseded/item-1/0001.{number}.png" for number in (1, 2)]
    assert digest_of(folder.folder / "superseded/item-1/0001.1.png") == first


def test_pages_are_delivered_in_their_order_with_kind_and_label(folder: CaptureFolder):
    with folder.opened("as-delivered"):
        for number in (1, 2, 3):
            keep(folder, number)
        describe_page(folder, ITEM, page(folder, "0001"), "cover", None, NO_TARGETS)
        insert(folder)
        skip_a_new_page(folder)
        remove(folder)
        describe_page(folder, ITEM, page(folder, "0003"), None, ["2v"], NO_TARGETS)
        closed = close_batch(folder)

    pages = closed.delivery.manifest["items"][0]["pages"]
    names = [(one["file"] or {"path": "none"})["path"].rpartition("/")[2] for one in pages]
    assert names == ["0001.png", "none", "0004.png", "0003.png"]
    assert [(one["sequence"], one["kind"], one["labels"]) for one in pages] == [
        (1, "cover", []),
        (2, "missing", []),
        (3, "page", []),
        (4, "page", ["2v"]),
    ]
    (skipped,) = [one for one in closed.delivery.diagnostics if one.code == "page.skipped"]
    assert (skipped.severity, skipped.found) == ("warn", "stuck")
    assert [one for one in closed.delivery.diagnostics if one.severity in ("error", "fatal")] == []


def test_the_ref_of_a_removed_page_is_not_used_again(folder: CaptureFolder):
    with folder.opened("as-delivered"):
        keep(folder, 1)
        keep(folder, 2)
        remove(folder)
        assert keep(folder, 3).name == "0003.png"
        assert [one.ref for one in folder.pages(ITEM)] == ["0001", "0003"]


def test_a_skipped_page_can_be_captured_later(folder: CaptureFolder):
    with folder.opened("as-delivered"):
        keep(folder, 1)
        skipped = skip_page(folder, ITEM, Place(), "stuck", None)
        keep(folder, 2, ref=skipped.ref)
        assert [one.state for one in folder.pages(ITEM)] == ["captured", "captured"]
        assert close_batch(folder).delivery.page_count == 2


@pytest.mark.parametrize("name", ["item-1:0009", "ms-9", "ms-9:0001", ":0001", "../item-1"])
def test_a_page_that_is_not_there_is_not_found(folder: CaptureFolder, name: str):
    with folder.opened("as-delivered"):
        keep(folder, 1)
        with pytest.raises(CaptureProblem) as problem:
            find_page(folder, name)

    assert problem.value.code == "capture.page-unknown"


def test_a_page_with_a_file_is_not_missing(folder: CaptureFolder):
    with folder.opened("as-delivered"):
        keep(folder, 1)
        with pytest.raises(CaptureProblem) as problem:
            describe_page(folder, ITEM, page(folder, "0001"), "missing", None, NO_TARGETS)

    assert problem.value.code == "capture.kind-differs"


def test_a_page_is_measured_when_it_becomes_a_target_and_no_longer_has_that_as_another_kind(
    tmp_path: Path,
):
    folder = begun(tmp_path)
    targets = TargetMeasuring(Target(chart="no-such-chart"))

    def found() -> list[str]:
        return [one["code"] for one in page(folder, "0002").warnings]

    for kind, labels, codes in (
        ("target", None, ["target.chart-unusable"]),
        (None, ["chart"], ["target.chart-unusable"]),
        ("page", None, []),
    ):
        describe_page(folder, ITEM, page(folder, "0002"), kind, labels, targets)

        assert found() == codes
    assert page(folder, "0002").labels == ["chart"]

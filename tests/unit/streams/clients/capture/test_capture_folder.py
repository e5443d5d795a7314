"""The folder of a batch: what an interrupted command leaves, and who may open it."""

import multiprocessing
from pathlib import Path

import pytest

from streams.clients.capture.capture_folder import CaptureFolder
from streams.clients.capture.capture_problem import CaptureProblem
from streams.clients.capture.closing import close_batch
from streams.clients.capture.item_folders import item_folder
from streams.clients.station.capture_record import CaptureRecord, digest_of, record_path
from tests.support.deliveries import a_png


def keep(
    folder: CaptureFolder, number: int, item: str | None = None, ref: str | None = None
) -> Path:
    name = item_folder(folder, item)
    scanned = folder.work / "page"
    scanned.write_bytes(a_png(number))
    return folder.keep(name, scanned, record(ref or folder.next_ref(name), digest_of(scanned)))


def record(ref: str, digest: str) -> CaptureRecord:
    return CaptureRecord(
        *(
            ref,
            f"{ref}.png",
            digest,
            1,
            "2026-05-04T09:30:00Z",
            "escl",
            {},
            "as-delivered",
            {},
            {},
            {},
        )
    )


@pytest.fixture
def folder(tmp_path: Path) -> CaptureFolder:
    return CaptureFolder(tmp_path / "b-1", "b-1")


def pending(page: Path) -> Path:
    return page.with_name(f".{page.stem}.pending")


def test_a_page_that_did_not_get_its_name_is_not_there(folder: CaptureFolder):
    with folder.opened("as-delivered"):
        page = keep(folder, 1).with_name("0002.png")
        pending(page).write_bytes(record("0002", "0" * 64).content())

    with folder.opened(None):
        assert [one.ref for one in folder.pages("item-1")] == ["0001"]
        assert not pending(page).exists()
        assert folder.next_ref("item-1") == "0002"


def test_a_page_that_got_its_name_is_there_with_its_record(folder: CaptureFolder):
    with folder.opened("as-delivered"):
        page = keep(folder, 1)
    record_path(page).rename(pending(page))

    with folder.opened(None):
        assert [one.ref for one in folder.pages("item-1")] == ["0001"]
        assert close_batch(folder).delivery.page_count == 1


@pytest.mark.parametrize("replaced", [False, True])
def test_a_replacement_is_done_or_undone(folder: CaptureFolder, replaced: bool):
    with folder.opened("as-delivered"):
        page = keep(folder, 1)
        other = keep(folder, 2, ref="0002")
        after = record("0001", digest_of(other))
        pending(page).write_bytes(after.content())
        if replaced:
            page.write_bytes(other.read_bytes())

    with folder.opened(None):
        assert folder.pages("item-1")[0].sha256 == digest_of(page)
        assert (folder.pages("item-1")[0] == after) is replaced
        assert close_batch(folder).delivery.page_count == 2


def test_a_renamed_page_has_one_record(folder: CaptureFolder):
    with folder.opened("as-delivered"):
        old = keep(folder, 1)
        (before,) = folder.pages("item-1")
        renamed = folder.rename("item-1", before, item_folder(folder, "ms-1"), "f1.png")
        # As if the process had been killed before the last step.
        record_path(old).write_bytes(before.content())

    with folder.opened(None):
        assert folder.pages("ms-1") == [renamed]
        assert not record_path(old).exists()
        assert close_batch(folder).delivery.page_count == 1


def test_a_page_that_somebody_removed_is_not_forgotten(folder: CaptureFolder):
    with folder.opened("as-delivered"):
        keep(folder, 1)
        keep(folder, 2).unlink()

    with folder.opened(None), pytest.raises(CaptureProblem, match=r"0002\.png is missing"):
        close_batch(folder)


def test_what_is_not_a_page_yet_is_removed(folder: CaptureFolder):
    with folder.opened("as-delivered"):
        page = keep(folder, 1)
    (folder.work / "load").mkdir(parents=True)
    (folder.work / "load" / "load-0001.tif.part").write_bytes(b"half")
    page.with_name(".0002.capture.json.17.17").write_bytes(b"{")

    with folder.opened(None):
        assert list(folder.work.iterdir()) == []
        assert sorted(one.name for one in page.parent.iterdir()) == [
            "0001.capture.json",
            "0001.png",
        ]


def _opens(path: Path, answers: "multiprocessing.Queue[str]") -> None:
    try:
        with CaptureFolder(path, "b-1").opened("as-delivered"):
            answers.put("opened")
    except CaptureProblem as problem:
        answers.put(problem.code)


def test_a_second_process_is_kept_out(folder: CaptureFolder):
    answers: multiprocessing.Queue[str] = multiprocessing.Queue()
    with folder.opened("as-delivered"):
        other = multiprocessing.Process(target=_opens, args=(folder.folder, answers))
        other.start()
        assert answers.get(timeout=30) == "capture.batch-in-use"
        other.join()


def test_a_batch_has_one_profile(folder: CaptureFolder):
    with folder.opened("as-delivered"):
        keep(folder, 1)

    with pytest.raises(CaptureProblem) as problem, folder.opened("book-colour"):
        pass

    assert problem.value.code == "capture.profile-differs"
    assert "as-delivered" in problem.value.fix


def test_a_batch_without_a_page_may_get_another_profile(folder: CaptureFolder):
    for profile in ("book-colour", "as-delivered"):
        with folder.opened(profile):
            pass

    assert folder.profile == "as-delivered"


@pytest.mark.parametrize("damage", ["changed", "removed", "added"])
def test_a_batch_with_a_page_that_is_not_what_was_captured_is_not_closed(
    folder: CaptureFolder, damage: str
):
    with folder.opened("as-delivered"):
        page = keep(folder, 1)
        keep(folder, 2)
        if damage == "changed":
            page.write_bytes(a_png(3))
        elif damage == "removed":
            page.unlink()
        else:
            page.with_name("0009.png").write_bytes(a_png(9))

        with pytest.raises(CaptureProblem) as problem:
            close_batch(folder)

    assert problem.value.code == "capture.page-damaged"


def test_closing_again_gives_the_same_manifest(folder: CaptureFolder):
    with folder.opened("as-delivered"):
        keep(folder, 1, "Ms. 1")
        keep(folder, 2, "ms-2")
        first = close_batch(folder)
    with folder.opened(None):
        second = close_batch(folder)

    assert first.document() == second.document()
    items = first.delivery.manifest["items"]
    assert {item["title"] for item in items} == {"Ms. 1", "ms-2"}
    assert [one for one in first.delivery.diagnostics if one.severity in ("error", "fatal")] == []


def test_a_page_after_closing_removes_the_manifest(folder: CaptureFolder):
    with folder.opened("as-delivered"):
        keep(folder, 1)
        closed = close_batch(folder)
        keep(folder, 2)

    assert not closed.manifest.exists()

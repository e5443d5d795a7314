"""Separator sheets in a feeder: kept, not pages, and obeyed, also after an interruption."""

from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest
import pyvips

from streams.clients.capture import separators
from streams.clients.capture.capture_folder import CaptureFolder
from streams.clients.capture.capture_problem import CaptureProblem
from streams.clients.capture.capture_session import CaptureSession
from streams.clients.capture.closing import close_batch
from streams.clients.capture.item_folders import item_folder
from streams.clients.capture.separator_reading import TwoSheets
from streams.clients.capture.separator_sheet import SeparatorSheet
from streams.clients.capture.separators import Separators
from streams.clients.scanners.scanner_driver import ScannerProblem
from streams.clients.station.capture_record import SEPARATOR, digest_of
from tests.unit.streams.clients.capture.test_capture_session import FEEDER, Sheets, profile
from tests.unit.streams.clients.capture.test_page_edits import Killed, killed_before

ITEM_2, COVER = SeparatorSheet(item="ms 2"), SeparatorSheet(kind="cover", label="front")
ORDER, OTHER = SeparatorSheet(order="O-1"), SeparatorSheet(order="O-2", item="ms-3")
SHEETS = {201: ITEM_2, 202: COVER, 203: ORDER, 204: OTHER}
"""What a sheet of this grey stands for in these tests; its codes are not drawn."""


@pytest.fixture(autouse=True)
def codes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page is a separator sheet by its grey."""

    def found(page: Path) -> SeparatorSheet | None:
        if grey_of(page) == 205:
            raise TwoSheets("two sheets")
        return SHEETS.get(grey_of(page))

    monkeypatch.setattr(separators, "sheet_on", found)


def grey_of(page: Path) -> int:
    return round(pyvips.Image.new_from_file(str(page), revalidate=True).avg())


def scan(folder: CaptureFolder, *greys: int, on_order=separators.never_leave) -> None:
    item = item_folder(folder, "ms-1")
    session = CaptureSession(folder, Sheets(list(greys)), FEEDER, profile())
    session.separators = Separators.resumed(folder, item)
    session.separators.on_order = on_order
    with suppress(ScannerProblem):  # the feeder is empty
        list(session.capture(item, None))


def pages(folder: CaptureFolder) -> list[tuple[str, int, str, list[str]]]:
    return [
        (
            item,
            grey_of(folder.files / item / one.file) if one.has_file else 0,
            one.kind,
            one.labels,
        )
        for item in folder.items()
        for one in folder.pages(item)
    ]


@pytest.fixture
def folder(tmp_path: Path) -> CaptureFolder:
    return CaptureFolder(tmp_path / "b-1", "b-1")


def test_a_sheet_begins_an_item_and_another_describes_the_next_page(folder: CaptureFolder):
    with folder.opened("as-delivered"):
        scan(folder, 10, 202, 20, 30, 201, 40, 202, 50)
        closed = close_batch(folder)
        name = item_folder(folder, "ms 2")

        assert pages(folder) == [
            ("ms-1", 10, "page", []),
            ("ms-1", 20, "cover", ["front"]),
            ("ms-1", 30, "page", []),
            (name, 40, "page", []),
            (name, 50, "cover", ["front"]),
        ]
        kept = [one for item in folder.items() for one in folder.records(item)]
        sheets = [one for one in kept if one.state == SEPARATOR]
        assert len(sheets) == 3
        for one in sheets:
            assert digest_of(folder.folder / one.superseded[0]) == one.sha256
            assert SeparatorSheet.read(one.separator or "") in (ITEM_2, COVER)
    assert closed.delivery.page_count == 5
    assert [one for one in closed.delivery.diagnostics if one.severity in ("error", "fatal")] == []


def test_what_a_sheet_says_is_known_after_an_interruption(folder: CaptureFolder):
    with folder.opened("as-delivered"):
        scan(folder, 10, 201, 202)
    with folder.opened("as-delivered"):
        scan(folder, 20, 30)

        found = [(grey, kind) for item, grey, kind, _ in pages(folder) if item != "ms-1"]
    assert found == [(20, "cover"), (30, "page")]


def test_a_sheet_that_is_killed_at_any_point_is_kept_with_its_record_or_not_there(tmp_path: Path):
    outcomes = set()
    for point in range(60):
        folder = CaptureFolder(tmp_path / f"b-{point}", "b-1")
        with folder.opened("as-delivered"):
            scan(folder, 10)
            with killed_before(point) as steps, suppress(Killed):
                scan(folder, 201)
        with folder.opened("as-delivered"):
            kept = [one for item in folder.items() for one in folder.records(item)]
            files = sorted(
                one.relative_to(folder.folder).as_posix()
                for one in (folder.folder / "superseded").rglob("*.tif")
            )
            named = [name for one in kept for name in one.superseded]
            assert files == named, f"killed before step {point}"
            outcomes.add(bool(named))
            assert close_batch(folder).delivery.page_count == 1
        if len(steps) < point:
            break
    assert outcomes == {False, True}


def test_a_sheet_names_the_order_of_a_batch_without_pages(folder: CaptureFolder):
    with folder.opened("as-delivered"):
        scan(folder, 203, 10, 203, 20)
        closed = close_batch(folder)

    assert closed.delivery.manifest["order"] == "O-1"
    assert closed.delivery.page_count == 2


def test_another_order_is_not_put_into_the_same_batch(folder: CaptureFolder):
    with folder.opened("as-delivered"), pytest.raises(CaptureProblem) as problem:
        scan(folder, 203, 10, 204, 20)

    assert problem.value.code == "separator.other-order"
    assert [grey for _, grey, _, _ in pages(folder)] == [10]


def test_another_order_begins_its_own_batch_where_that_is_possible(
    folder: CaptureFolder, tmp_path: Path
):
    @cache
    def begin(order_id: str) -> CaptureFolder:
        return CaptureFolder(tmp_path / order_id, order_id)

    with folder.opened("as-delivered"), begin("O-2").opened("as-delivered"):
        (begin("O-2").files / "order.json").write_text(
            '{"order_id": "O-2", "priority": "normal", "form": "copystand-order-1"}'
        )
        scan(folder, 203, 10, 204, 20, on_order=lambda order: (begin(order), "x"))

        assert [grey for _, grey, _, _ in pages(folder)] == [10]
        assert pages(begin("O-2")) == [("ms-3", 20, "page", [])]


def test_a_page_with_two_sheets_is_not_kept(folder: CaptureFolder):
    with folder.opened("as-delivered"), pytest.raises(CaptureProblem) as problem:
        scan(folder, 10, 205)

    assert problem.value.code == "separator.ambiguous"
    assert [grey for _, grey, _, _ in pages(folder)] == [10]

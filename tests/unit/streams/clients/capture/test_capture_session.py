"""What a session does about the problems of a device."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import pyvips

from processors.profile import Profile, canonical, resolve
from streams.clients.capture.capture_folder import CaptureFolder
from streams.clients.capture.capture_problem import CaptureProblem
from streams.clients.capture.capture_session import CaptureSession
from streams.clients.capture.item_folders import item_folder
from streams.clients.scanners.capabilities import Capabilities, ColourMode, Device, Source
from streams.clients.scanners.capture_settings import CaptureSettings
from streams.clients.scanners.scanner_driver import ScannedPage, ScannerProblem

FLATBED = CaptureSettings(Source.FLATBED, ColourMode.GREYSCALE, 8, 300, "tiff")
FEEDER = CaptureSettings(Source.FEEDER, ColourMode.GREYSCALE, 8, 300, "tiff")
JAM = ScannerProblem("scanner.jammed", "a jam")
CUT = ScannerProblem("scanner.image-incomplete", "cut off")
BUSY = ScannerProblem("scanner.busy", "busy")
EMPTY = ScannerProblem("scanner.feeder-empty", "empty")


@dataclass
class Sheets:
    """A device that gives sheets or problems in order; each start goes on with the next one."""

    left: list[int | ScannerProblem]
    device: Device = field(default_factory=lambda: Device("escl", "http://scanner/eSCL"))
    prepared: int = 0

    def capabilities(self) -> Capabilities:
        return Capabilities(())

    def prepare(self, settings: CaptureSettings) -> dict[str, Any]:
        self.prepared += 1
        return {"resolution": "300"}

    def resume(self, known: list[dict[str, Any]]) -> None:
        """Nothing."""

    def sidecars(self) -> list[tuple[str | None, Path]]:
        return []

    def scan(self, settings: CaptureSettings, folder: Path, count: int) -> Iterator[ScannedPage]:
        for number in range(count):
            if not self.left:
                raise EMPTY
            sheet = self.left.pop(0)
            if isinstance(sheet, ScannerProblem):
                raise sheet
            yield ScannedPage(sheet_file(folder / str(number), sheet))


def sheet_file(path: Path, grey: int, dpi: int = 300) -> Path:
    page = (pyvips.Image.black(40, 30) + grey).cast("uchar").copy(interpretation="b-w")
    path.write_bytes(page.tiffsave_buffer(xres=dpi / 25.4, yres=dpi / 25.4))
    return path


def profile(name: str = "as-delivered") -> Profile:
    return Profile.from_json(canonical(resolve(name)))


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[CaptureFolder]:
    found = CaptureFolder(tmp_path / "batch", "b-1")
    with found.opened("as-delivered"):
        item_folder(found, None)
        yield found


def session(
    folder: CaptureFolder, left: list, settings: CaptureSettings = FLATBED
) -> CaptureSession:
    return CaptureSession(folder, Sheets(left), settings, profile(), pause=lambda _: None)


def test_a_problem_that_passes_is_tried_three_times(folder: CaptureFolder):
    pages = list(session(folder, [BUSY, CUT, 1]).capture("item-1", 1))

    assert [page.record.ref for page in pages] == ["0001"]
    with pytest.raises(ScannerProblem):
        list(session(folder, [BUSY, BUSY, BUSY, 1]).capture("item-1", 1))


def test_a_sheet_that_has_passed_the_feeder_is_not_skipped(folder: CaptureFolder):
    with pytest.raises(ScannerProblem) as problem:
        list(session(folder, [1, CUT, 3], FEEDER).capture("item-1", 3))

    assert problem.value.code == "scanner.image-incomplete"
    assert len(folder.pages("item-1")) == 1


def test_a_person_who_acts_lets_the_scan_continue(folder: CaptureFolder):
    scan = session(folder, [1, JAM, 2, 3], FEEDER)
    asked: list[str] = []
    scan.ask = lambda problem: not asked.append(problem.code)

    pages = list(scan.capture("item-1", 3))

    assert asked == ["scanner.jammed"]
    assert [page.record.ref for page in pages] == ["0001", "0002", "0003"]


def test_settings_are_confirmed_at_first_and_after_each_problem(folder: CaptureFolder):
    scan = session(folder, [1, 2, BUSY, 3])

    pages = list(scan.capture("item-1", 3))

    assert isinstance(scan.scanner, Sheets) and scan.scanner.prepared == 2
    assert pages[0].record.confirmed == {"resolution": "300"}


def test_new_pages_have_the_kind_of_the_session_and_scanned_again_they_keep_theirs(
    folder: CaptureFolder,
):
    covers, leaves = session(folder, [1]), session(folder, [2, 3])
    covers.kind = "cover"
    (cover,) = covers.capture("item-1", 1)
    (leaf,) = leaves.capture("item-1", 1)
    again = leaves.recapture("item-1", cover.record)

    assert (leaf.record.kind, again.record.ref, again.record.kind) == ("page", "0001", "cover")
    assert [one.kind for one in folder.pages("item-1")] == ["cover", "page"]


def test_an_unknown_number_of_pages_ends_with_the_feeder(folder: CaptureFolder):
    assert len(list(session(folder, [1, 2], FEEDER).capture("item-1", None))) == 2


def test_an_empty_feeder_without_a_page_is_a_problem(folder: CaptureFolder):
    with pytest.raises(ScannerProblem):
        list(session(folder, [], FEEDER).capture("item-1", None))


def test_a_page_that_is_scanned_again_keeps_its_name_and_what_was_before(folder: CaptureFolder):
    scan = session(folder, [1, 2])
    (first,) = scan.capture("item-1", 1)
    folder.describe("item-1", replace(first.record, kind="cover", labels=["1r"]))

    again = scan.recapture("item-1", folder.pages("item-1")[0])

    (record,) = folder.pages("item-1")
    assert (record.ref, record.kind, record.labels) == ("0001", "cover", ["1r"])
    assert record.sha256 == again.record.sha256 != first.record.sha256
    assert record.previous is not None and record.previous["sha256"] == first.record.sha256


def test_each_scan_of_a_page_has_an_id_of_its_own_that_is_kept(folder: CaptureFolder):
    scan = session(folder, [1, 2, 3])
    (first,) = scan.capture("item-1", 1)
    second = scan.recapture("item-1", folder.pages("item-1")[0])
    third = scan.recapture("item-1", folder.pages("item-1")[0])

    (record,) = folder.pages("item-1")
    ids = [one.record.event_id for one in (first, second, third)]
    assert len({UUID(str(one)) for one in ids}) == 3
    assert [one.event_id for one in (*record.earlier(), record)] == ids
    assert record.pixels_sha256 not in (None, first.record.pixels_sha256)


def test_another_resolution_than_asked_is_a_warning_or_refused_as_the_profile_says(
    folder: CaptureFolder,
):
    scan = session(folder, [])
    page = sheet_file(folder.work / "a", 1, dpi=400)

    kept = scan.keep("item-1", ScannedPage(page))
    assert "scanner.setting-differs" in [one["code"] for one in kept.record.warnings]

    scan.profile = profile().model_copy(update={"low_resolution": "refuse"})
    with pytest.raises(ScannerProblem, match="400 dpi, asked 300 dpi"):
        scan.keep("item-1", ScannedPage(sheet_file(folder.work / "b", 1, dpi=400)))


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "scanner.no-image"),
        (b"<html>", "scanner.no-image"),
        (b"x" * 5000, "scanner.image-incomplete"),
    ],
)
def test_a_file_that_is_not_an_image_is_not_a_page(
    folder: CaptureFolder, content: bytes, code: str
):
    path = folder.work / "a"
    path.write_bytes(content)

    with pytest.raises(ScannerProblem) as problem:
        session(folder, []).keep("item-1", ScannedPage(path))

    assert problem.value.code == code


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
@pytest.mark.parametrize("kind", ["tif", "jpg", "png"])
def test_a_file_that_is_cut_off_is_not_a_page(folder: CaptureFolder, kind: str, share: float):
    noise = pyvips.Image.gaussnoise(300, 200, seed=1).cast("uchar")
    content = noise.write_to_buffer(f".{kind}")
    path = folder.work / "a"
    path.write_bytes(content[: int(len(content) * share)])

    with pytest.raises((ScannerProblem, CaptureProblem)):
        session(folder, []).keep("item-1", ScannedPage(path))

    assert folder.pages("item-1") == []


def test_a_device_whose_confirmed_settings_violate_the_profile_does_not_scan(tmp_path: Path):
    folder = CaptureFolder(tmp_path / "other", "b-2")
    with folder.opened("microfilm"):
        item_folder(folder, None)
        settings = CaptureSettings(Source.FLATBED, ColourMode.GREYSCALE, 8, 400, "tiff")
        # The device confirms 300 dpi.
        strict = profile("microfilm").model_copy(update={"min_resolution_dpi": 400})
        sheets = Sheets([1])

        with pytest.raises(CaptureProblem) as problem:
            list(CaptureSession(folder, sheets, settings, strict).capture("item-1", 1))

    assert problem.value.finding == "page.resolution-too-low"
    assert (sheets.prepared, sheets.left) == (1, [1])

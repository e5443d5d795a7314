"""The driver of TWAIN keeps the protocol and reports faults in the words of all drivers."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips

from streams.clients.scanners import twain_map
from streams.clients.scanners.capabilities import ColourMode, Source, Steps
from streams.clients.scanners.capture_settings import CaptureSettings
from streams.clients.scanners.scanner_driver import ALL, Reaction, ScannerProblem
from streams.clients.scanners.twain_driver import TwainDriver, TwainScanner
from streams.clients.scanners.twain_session import TwainSession
from streams.clients.scanners.twain_structures import Kind
from tests.support.icc_builders import grey_profile
from tests.support.twain_manager import NAME, SourceManager, Value, picture

RGB = CaptureSettings(Source.FLATBED, ColourMode.RGB, 8, 300, "tiff")
GREY = CaptureSettings(Source.FLATBED, ColourMode.GREYSCALE, 8, 300, "tiff")
BITONAL = CaptureSettings(Source.FLATBED, ColourMode.BITONAL, 1, 600, "tiff")
FEEDER = CaptureSettings(Source.FEEDER, ColourMode.RGB, 8, 300, "tiff")
PIXEL_TYPE = {ColourMode.BITONAL: 0, ColourMode.GREYSCALE: 1, ColourMode.RGB: 2}


def scanner_of(fake: SourceManager, silence: float = 5) -> TwainScanner:
    return TwainDriver(silence, fake.manager).open(NAME)


def writing_files() -> SourceManager:
    fake = SourceManager()
    fake.capabilities[twain_map.XFERMECH].values = [0, 1]
    fake.capabilities[0x010C].values = [0, 2]
    return fake


@pytest.mark.parametrize("version_2", [True, False])
def test_finds_the_sources_and_identifies_one(version_2: bool):
    fake = SourceManager(is_version_2=version_2)

    (found,) = TwainDriver(5, fake.manager).devices()
    device = scanner_of(fake).device

    assert (found.name, found.vendor, found.driver_version) == (NAME, "Acme", "TWAIN 4.2 r7")
    assert (device.serial, device.driver) == ("SN-4711", "twain")
    assert fake.is_clean


def test_a_source_that_is_not_there_is_not_found():
    fake = SourceManager()

    with pytest.raises(ScannerProblem) as problem:
        TwainDriver(5, fake.manager).open("another")

    assert problem.value.code == "scanner.not-found" and fake.is_clean


def test_states_what_each_source_of_paper_can_do():
    fake = SourceManager()
    fake.depths[2] = [24, 48]

    found = scanner_of(fake).capabilities()

    assert [one.source for one in found.sources] == [
        Source.FLATBED,
        Source.FEEDER,
        Source.FEEDER_DUPLEX,
    ]
    flatbed = found.sources[0]
    assert flatbed.modes == (
        (ColourMode.BITONAL, 1),
        (ColourMode.GREYSCALE, 8),
        (ColourMode.RGB, 8),
        (ColourMode.RGB, 16),
    )
    assert flatbed.resolutions_dpi == Steps(50, 1200, 1)
    assert flatbed.max_width_mm == pytest.approx(215.9, abs=0.01)
    assert found.loaded is None and fake.is_clean


def test_a_device_without_a_feeder_has_a_flatbed_only():
    fake = SourceManager()
    del fake.capabilities[twain_map.FEEDERENABLED]

    assert [one.source for one in scanner_of(fake).capabilities().sources] == [Source.FLATBED]


def test_a_device_that_is_only_a_feeder_has_no_flatbed():
    fake = SourceManager()
    fake.capabilities[twain_map.FEEDERENABLED] = Value(Kind.BOOL, 1, [1])
    fake.capabilities[0x1003].current = 1

    found = scanner_of(fake).capabilities()

    assert Source.FLATBED not in [one.source for one in found.sources]
    assert found.loaded is Source.FEEDER


def test_settings_are_set_and_read_back():
    fake = SourceManager()

    confirmed = scanner_of(fake).prepare(RGB)

    assert confirmed["ICAP_XRESOLUTION"] == "300" and confirmed["ICAP_PIXELTYPE"] == "rgb"
    assert confirmed["ICAP_BITDEPTH"] == "24" and confirmed["CAP_FEEDERENABLED"] == "off"
    assert fake.is_clean


def test_a_value_that_the_source_changed_is_noticed_although_it_was_taken():
    """The answer to the operation is TWRC_CHECKSTATUS, which is no failure."""
    fake = SourceManager()
    fake.capabilities[twain_map.XRESOLUTION].becomes = lambda value: value - 1

    with pytest.raises(ScannerProblem) as problem:
        scanner_of(fake).prepare(RGB)

    assert problem.value.code == "scanner.setting-differs"
    assert "ICAP_XRESOLUTION is 299, asked 300" in problem.value.found
    assert fake.is_clean


def test_a_value_that_the_source_refuses_is_noticed():
    fake = SourceManager()
    fake.capabilities[twain_map.XRESOLUTION].limits = (50, 200, 1)

    with pytest.raises(ScannerProblem) as problem:
        scanner_of(fake).prepare(RGB)

    assert problem.value.code == "scanner.setting-differs" and fake.is_clean


def test_a_setting_that_the_source_does_not_report_is_not_taken_for_granted():
    fake = SourceManager()
    del fake.capabilities[twain_map.YRESOLUTION]

    with pytest.raises(ScannerProblem) as problem:
        scanner_of(fake).prepare(RGB)

    assert "ICAP_YRESOLUTION is not reported" in problem.value.found


@pytest.mark.parametrize("settings", [RGB, GREY, BITONAL], ids=lambda one: str(one.mode))
@pytest.mark.parametrize("version_2", [True, False])
def test_a_page_in_memory_becomes_a_tiff_with_the_same_pixels(
    settings: CaptureSettings, version_2: bool, tmp_path: Path
):
    fake = SourceManager(is_version_2=version_2)

    (page,) = scanner_of(fake).scan(settings, tmp_path, 1)

    image = pyvips.Image.new_from_file(str(page.path), fail_on="warning")
    expected = picture(PIXEL_TYPE[settings.mode], 1)
    assert np.array_equal(image.numpy().reshape(expected.shape), expected)
    assert image.xres * 25.4 == pytest.approx(settings.resolution_dpi)
    assert fake.is_clean and fake.passed_on > 0


def test_a_page_that_the_source_writes_is_kept_as_it_is(tmp_path: Path):
    fake = writing_files()

    (page,) = scanner_of(fake).scan(RGB, tmp_path, 1)

    image = pyvips.Image.new_from_file(str(page.path), fail_on="warning")
    assert np.array_equal(image.numpy(), picture(2, 1))
    assert fake.number(twain_map.XFERMECH) == 1 and fake.is_clean


def test_a_profile_of_the_station_is_embedded_in_an_image_in_memory(tmp_path: Path):
    icc = tmp_path / "device.icc"
    icc.write_bytes(grey_profile("device", 2.2))
    fake = writing_files()
    settings = CaptureSettings(
        Source.FLATBED, ColourMode.GREYSCALE, 8, 300, "tiff", icc_profile=icc
    )

    (page,) = scanner_of(fake).scan(settings, tmp_path, 1)

    image = pyvips.Image.new_from_file(str(page.path), fail_on="warning")
    assert image.get("icc-profile-data") == icc.read_bytes()


def test_sixteen_bits_need_a_source_that_writes_files(tmp_path: Path):
    fake = SourceManager(depths={0: [1], 1: [8, 16], 2: [24, 48]})
    deep = CaptureSettings(Source.FLATBED, ColourMode.GREYSCALE, 16, 300, "tiff")

    with pytest.raises(ScannerProblem) as problem:
        scanner_of(fake).prepare(deep)

    assert problem.value.code == "scanner.value-refused" and fake.is_clean


@pytest.mark.parametrize("tells_count", [True, False])
def test_a_feeder_gives_all_its_sheets(tells_count: bool, tmp_path: Path):
    fake = SourceManager(sheets=4, tells_count=tells_count)
    pages: list[Path] = []

    with pytest.raises(ScannerProblem) as problem:
        for page in scanner_of(fake).scan(FEEDER, tmp_path, ALL):
            pages.append(page.path)

    assert problem.value.reaction is Reaction.EMPTY
    assert [path.name for path in pages] == [f"load-000{n}.tif" for n in (1, 2, 3, 4)]
    assert fake.is_clean


def test_a_feeder_takes_in_no_more_sheets_than_were_asked(tmp_path: Path):
    fake = SourceManager(sheets=9)

    assert len(list(scanner_of(fake).scan(FEEDER, tmp_path, 2))) == 2

    assert (fake.number(twain_map.XFERCOUNT), fake.pages) == (2, 2)
    assert fake.is_clean


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (20, "scanner.jammed"),
        (21, "scanner.jammed"),
        (24, "scanner.cover-open"),
        (23, "scanner.io-failed"),
        (29, "scanner.feeder-empty"),
        (2, "scanner.no-memory"),
        (16, "scanner.access-denied"),
        (1, "scanner.io-failed"),
        (99, "scanner.io-failed"),
        ("cancel", "scanner.cancelled"),
    ],
    ids=str,
)
@pytest.mark.parametrize("page", [1, 3])
@pytest.mark.parametrize("make", [SourceManager, writing_files], ids=["memory", "file"])
def test_a_fault_at_a_page_keeps_those_before_it_and_closes_everything(
    fault: int | str, code: str, page: int, make: Any, tmp_path: Path
):
    fake = make()
    fake.sheets, fake.faults = 5, {page: fault}
    kept: list[Path] = []

    with pytest.raises(ScannerProblem) as problem:
        for one in scanner_of(fake).scan(FEEDER, tmp_path, 5):
            kept.append(one.path)

    assert problem.value.code == code
    assert len(kept) == page - 1
    assert fake.is_clean


@pytest.mark.parametrize(
    ("fault", "code"),
    [(29, "scanner.feeder-empty"), (23, "scanner.io-failed"), ("close", "scanner.cancelled")],
)
def test_a_scan_that_does_not_begin_says_why(fault: int | str, code: str, tmp_path: Path):
    fake = SourceManager(faults={0: fault})

    with pytest.raises(ScannerProblem) as problem:
        list(scanner_of(fake).scan(FEEDER, tmp_path, 1))

    assert problem.value.code == code and fake.is_clean


def test_a_source_that_never_has_an_image_is_timed_out(tmp_path: Path):
    fake = SourceManager(is_silent=True)

    with pytest.raises(ScannerProblem) as problem:
        list(scanner_of(fake, silence=0.01).scan(RGB, tmp_path, 1))

    assert problem.value.code == "scanner.timed-out" and fake.is_clean


def test_a_scan_that_is_given_up_closes_everything(tmp_path: Path):
    fake = SourceManager(sheets=9)
    pages = scanner_of(fake).scan(FEEDER, tmp_path, 9)

    next(pages)
    pages.close()  # type: ignore[attr-defined]

    assert fake.is_clean


def test_the_manager_of_these_tests_refuses_what_comes_in_a_wrong_order():
    fake = SourceManager()
    session = TwainSession(fake.manager())
    session.open_manager()

    with pytest.raises(ScannerProblem):
        session.enable()
    session.open_source(NAME)
    session.enable()

    assert not session.set(twain_map.XRESOLUTION, Kind.FIX32, 300)
    assert fake.violations == [
        "USERINTERFACE ENABLEDS in state 3",
        "CAPABILITY SET in state 5",
    ]


def test_other_systems_than_windows_are_told_that_the_driver_is_missing():
    with pytest.raises(ScannerProblem) as problem:
        TwainDriver(5).devices()

    assert problem.value.code == "scanner.driver-missing"

"""The client of network scanners against a device that keeps the protocol in other ways."""

import io
import json
from itertools import product
from pathlib import Path

import pytest
from PIL import Image

from streams.clients.scanners.capabilities import ColourMode, Source
from streams.clients.scanners.capture_settings import CaptureSettings
from streams.clients.scanners.escl_driver import EsclDriver
from streams.clients.scanners.scanner_driver import ScannerProblem
from tests.integration.test_capture_commands import StationHome
from tests.support.other_escl_server import OtherDevice, running_other

GLASS = CaptureSettings(Source.FLATBED, ColourMode.RGB, 8, 150, "jpeg", 50.8, 76.2)
FEEDER = CaptureSettings(Source.FEEDER, ColourMode.GREYSCALE, 8, 100, "jpeg", 50.8, 76.2)


def test_sources_of_one_device_have_settings_of_their_own():
    with running_other(OtherDevice()) as device:
        scanner = EsclDriver(5).open(device.address)
        offered = {one.source: one for one in scanner.capabilities().sources}

    glass, feeder = offered[Source.FLATBED], offered[Source.FEEDER]
    assert (scanner.device.model, scanner.device.driver_version) == ("Other Works 900", "eSCL 2.0")
    assert [glass.resolutions_dpi.accepts(dpi) for dpi in (100, 550, 575, 650)] == [
        *(True, True, False, False)
    ]
    assert [feeder.resolutions_dpi.accepts(dpi) for dpi in (100, 200, 300)] == [True, True, False]
    assert feeder.modes == ((ColourMode.GREYSCALE, 8),)
    assert (glass.formats, feeder.formats) == (("pdf", "jpeg"), ("jpeg",))
    with pytest.raises(ScannerProblem) as refused:
        scanner.prepare(CaptureSettings(Source.FEEDER, ColourMode.GREYSCALE, 8, 300, "jpeg"))
    assert refused.value.code == "scanner.value-refused"


@pytest.mark.parametrize(
    ("transfer", "location"),
    list(product(("chunked", "closed", "length"), ("absolute", "path", "bare", "slash"))),
)
def test_pages_come_by_each_kind_of_answer(tmp_path: Path, transfer: str, location: str):
    waited: list[float] = []
    with running_other(OtherDevice(transfer=transfer, location=location)) as device:
        scanner = EsclDriver(30, waited.append).open(device.address)
        (page,) = scanner.scan(GLASS, tmp_path, 1)
        content = page.path.read_bytes()
        # The job has ended, by the device or by the client.
        assert device.requests[-1].startswith("DELETE") and device.jobs == {}

    image = Image.open(io.BytesIO(content))
    image.load()
    assert (image.size, image.mode, waited) == ((300, 450), "RGB", [1, 1])


@pytest.mark.parametrize("end", [404, 410])
def test_a_feeder_ends_with_either_answer_and_no_page_is_lost(tmp_path: Path, end: int):
    with running_other(OtherDevice(end=end, sheets=4)) as device:
        scanner = EsclDriver(30, lambda _: None).open(device.address)
        with pytest.raises(ScannerProblem) as problem:
            list(scanner.scan(FEEDER, tmp_path, 9))
        again = EsclDriver(30, lambda _: None).open(device.address)
        with pytest.raises(ScannerProblem) as empty:
            list(again.scan(FEEDER, tmp_path, 1))

    assert problem.value.code == empty.value.code == "scanner.feeder-empty"
    assert len(list(tmp_path.iterdir())) == 4


def test_a_page_without_a_length_that_is_cut_off_is_no_page(tmp_path: Path):
    """Only the file itself shows it: its end is missing."""
    device = OtherDevice(transfer="closed", sheets=1, cut_page_after=2000)
    with running_other(device):
        station = StationHome(tmp_path / "home")
        result = station.run(*_scan(device, "feeder"), "--pages", "1", COPYSTAND_SCAN_TIMEOUT="5")

    assert (result.code, result.document["pages"]) == (1, [])
    assert result.document["problem"]["code"] == "scanner.image-incomplete"
    assert not list((tmp_path / "home").rglob("*.jpg"))


def test_the_commands_scan_its_feeder_and_its_glass(tmp_path: Path):
    station = StationHome(tmp_path / "home")
    with running_other(OtherDevice(busy=1)) as device:
        found = station.run("devices", "--device", device.address).document
        sheets = station.run(*_scan(device, "feeder"))
        glass = station.run(*_scan(device, "flatbed"), "--resolution", "150")

    assert [one["source"] for one in found[0]["capabilities"]] == ["flatbed", "feeder"]
    assert (sheets.code, len(sheets.document["pages"]), glass.code) == (0, 3, 0)
    (item,) = json.loads(Path(glass.document["manifest"]).read_text())["items"]
    assert [one["sequence"] for one in item["pages"]] == [1, 2, 3, 4]
    assert [one["found"]["resolution_dpi"] for one in glass.document["pages"]] == [150]


def _scan(device: OtherDevice, source: str) -> tuple[str, ...]:
    scan = ("scan", "--profile", "as-delivered", "--batch-id", "b-1", "--no-prompt")
    return (*scan, "--device", device.address, "--source", source)

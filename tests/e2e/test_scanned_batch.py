"""From a scanner to a package: pages of SANE's test device, by the commands alone."""

import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from processors.profile import SHIPPED
from streams.clients.targets.charts import Chart
from tests.support.charts import in_levels, rendered, with_cast
from tests.support.running_line import Line
from tests.support.whole_log import read_when_quiet

BATCH, LATER = "scanned-1", "scanned-2"
PROFILE = "house"
SCAN = ("station", "scan", "--profile", PROFILE, "--no-prompt")
AIMS = """
extends = "as-delivered"

[target]
chart = "house-chart"
max_mean_delta_e = 3.0
max_resolution_error = 0.02
"""
DEVICE = "Noname frontend-tester (test:0)"


CHART_PX, CHART_MM = 420, 420 / 105 * 25.4
"""A device that states 100 dpi and delivers 105."""


@dataclass(frozen=True)
class Scanned:
    """Two pages that a device gave and the line packaged."""

    line: Line
    pages: list[dict[str, Any]]
    folder: Path
    package: Path
    submitted: dict[str, Any]
    chart: dict[str, Any]
    """The page of the target, as `station page` shows it."""

    def submit(self) -> dict[str, Any]:
        """The answer to the submission of the folder, which may be repeated."""
        return submit(self.line, self.folder)

    def record(self, ref: str) -> dict[str, Any]:
        """The capture record of a page."""
        found: dict[str, Any] = json.loads((self.folder / f"ms-17/{ref}.capture.json").read_bytes())
        return found


def submit(line: Line, folder: Path) -> dict[str, Any]:
    answer = line.run(
        "station", "submit", folder, "--batch-id", BATCH, "--profile", PROFILE, "--wait", "--json"
    )
    document: dict[str, Any] = answer.document
    return document


def scan_with_target(line: Line, vendor: Path) -> dict[str, Any]:
    """A target with a yellow cast and a page after it, from the folder of vendor software."""
    chart = with_cast(rendered(Chart.load("colorchecker-24", None), CHART_PX), (1, 1, 0.8))
    for number, samples in enumerate((in_levels(chart), np.full((400, 300), 230, np.uint8)), 1):
        Image.fromarray(samples).save(vendor / f"000{number}.tif", dpi=(100, 100))
        scan = (*SCAN, "--batch-id", BATCH, "--item", "ms-18", "--device", vendor)
        # In a folder all pages of the batch count: the two of the other item are there.
        line.ask(*scan, "--pages", str(2 + number))
        if number == 1:
            page = ("station", "page", BATCH, "ms-18:0001", "--kind", "target")
            (found,) = line.ask(*page)["pages"]
    line.ask("station", "close", BATCH)
    return dict(found)


def scan_later(line: Line, vendor: Path) -> None:
    """A batch of the same device without a target of its own."""
    scan = (*SCAN, "--batch-id", LATER, "--item", "ms-19", "--device", vendor, "--pages", "1")
    folder = line.ask(*scan)["folder"]
    line.ask("station", "submit", folder, "--batch-id", LATER, "--profile", PROFILE)


@pytest.fixture(scope="module")
def scanned(line: Line, tmp_path_factory: pytest.TempPathFactory) -> Scanned:
    profiles = line.home / "profiles"
    (profiles / "targets").mkdir(parents=True)
    (profiles / f"{PROFILE}.toml").write_text(AIMS)
    chart = (SHIPPED / "targets/colorchecker-24.toml").read_text()
    (profiles / "targets/house-chart.toml").write_text(f"width_mm = {CHART_MM}\n{chart}")
    scan = (*SCAN, "--batch-id", BATCH, "--item", "ms-17", "--device", "test:0", "--pages", "2")
    made = line.ask(*scan, "--resolution", "100")
    folder = Path(made["folder"])
    vendor = tmp_path_factory.mktemp("vendor")
    chart_page = scan_with_target(line, vendor)
    submitted = submit(line, folder)
    scan_later(line, vendor)
    target = tmp_path_factory.mktemp("package")
    package = Path(line.ask("packages", "fetch", "ms-17.v1", target)["path"])
    return Scanned(line, made["pages"], folder, package, submitted, chart_page)


def test_scanned_pages_are_packaged_and_their_captures_are_in_the_log(scanned: Scanned):
    assert (scanned.submitted["state"], scanned.submitted["quarantined"]) == ("settled", [])
    masters = {
        sha256(one.read_bytes()).hexdigest() for one in scanned.package.glob("data/master/*")
    }
    assert masters == {page["sha256"] for page in scanned.pages}
    logged = str(scanned.line.wait_for_events("batch", BATCH))
    for record in scanned.folder.glob("ms-17/*.capture.json"):
        assert sha256(record.read_bytes()).hexdigest() in logged


def test_the_history_of_a_page_begins_with_its_device_settings_and_digests(scanned: Scanned):
    record = scanned.record("0001")

    rows = scanned.line.wait_for_events("page", "ms-17:0001")

    (capture,) = (row for row in rows if "Captured at" in row["detail"])
    assert capture["event_type"] == "creation"
    assert [one["name"] for one in capture["agents"] if one["type"] == "hardware"] == [DEVICE]
    assert "resolution_dpi: asked 100, confirmed 100" in capture["detail"]
    assert f"sha256:{record['sha256']}" in capture["results"]
    # The station and the line computed the same digest of the pixels.
    (pixels,) = (row for row in rows if row["detail"].startswith("SHA-256 of the pixels"))
    assert record["pixels_sha256"] in capture["detail"]
    assert record["pixels_sha256"] in pixels["detail"]
    assert DEVICE in scanned.line.run("audit", "report", "ms-17").stdout


def test_the_package_describes_the_scanner_of_each_master(scanned: Scanned):
    mets = (scanned.package / "data/metadata/mets.xml").read_text()
    premis = (scanned.package / "data/metadata/premis.xml").read_text()

    assert mets.count("<mix:scannerModelName>frontend-tester</mix:scannerModelName>") == 2
    assert f"<agentName>{DEVICE}</agentName>" in premis
    assert premis.count("capture: resolution_dpi") == 2


def test_captures_that_are_published_again_change_nothing(scanned: Scanned):
    read_when_quiet(scanned.line)
    before = scanned.line.ask("audit", "batch", BATCH)

    assert scanned.submit()["state"] == "settled"

    read_when_quiet(scanned.line)
    assert scanned.line.ask("audit", "batch", BATCH) == before


def test_a_target_warns_at_the_station_and_is_in_the_history_of_the_pages_after_it(
    scanned: Scanned,
):
    target, codes = scanned.chart["target"], [one["code"] for one in scanned.chart["warnings"]]
    assert {"target.colour-off", "target.resolution-off"} <= set(codes)
    assert target["corners_by"] == "patches"
    assert target["measured_dpi"] == pytest.approx(105, rel=0.005)

    for page, where in (("ms-18:0001", "on the page"), ("ms-18:0002", "on page ms-18:0001")):
        (found,) = _target_events(scanned, page)
        assert (found["outcome"], found["code"]) == ("war", "target.colour-off")
        assert f"Target house-chart {where}" in found["detail"]
        assert f"mean colour difference {target['mean_delta_e']:g}" in found["detail"]
        assert "copystand/station" in [one["name"] for one in found["agents"]]
    # Another device captured the other item.
    assert _target_events(scanned, "ms-17:0001") == []
    assert "Target house-chart" in scanned.line.run("audit", "page", "ms-18:0002").stdout


def test_a_page_of_a_later_batch_has_the_target_of_the_earlier_one_in_its_history(
    scanned: Scanned,
):
    rows = scanned.line.wait_for_events("page", "ms-19:0001")
    (found,) = (row for row in rows if row["detail"].startswith("Target "))

    assert f"on page ms-18:0001 of batch {BATCH}, captured before" in found["detail"]
    assert (found["outcome"], found["code"]) == ("war", "target.colour-off")


def _target_events(scanned: Scanned, page: str) -> list[dict[str, Any]]:
    rows = scanned.line.ask("audit", "page", page)
    return [row for row in rows if row["detail"].startswith("Target ")]

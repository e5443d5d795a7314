"""From a scanner to a package: pages of SANE's test device, by the commands alone."""

import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.support.running_line import Line
from tests.support.whole_log import read_when_quiet

BATCH = "scanned-1"
SCAN = ("station", "scan", "--profile", "as-delivered", "--no-prompt", "--resolution", "100")
DEVICE = "Noname frontend-tester (test:0)"


@dataclass(frozen=True)
class Scanned:
    """Two pages that a device gave and the line packaged."""

    line: Line
    pages: list[dict[str, Any]]
    folder: Path
    package: Path
    submitted: dict[str, Any]

    def submit(self) -> dict[str, Any]:
        """The answer to the submission of the folder, which may be repeated."""
        return submit(self.line, self.folder)

    def record(self, ref: str) -> dict[str, Any]:
        """The capture record of a page."""
        found: dict[str, Any] = json.loads((self.folder / f"ms-17/{ref}.capture.json").read_bytes())
        return found


def submit(line: Line, folder: Path) -> dict[str, Any]:
    answer = line.run("station", "submit", folder, "--batch-id", BATCH, "--wait", "--json")
    document: dict[str, Any] = answer.document
    return document


@pytest.fixture(scope="module")
def scanned(line: Line, tmp_path_factory: pytest.TempPathFactory) -> Scanned:
    scan = (*SCAN, "--batch-id", BATCH, "--item", "ms-17", "--device", "test:0", "--pages", "2")
    made = line.ask(*scan)
    folder = Path(made["folder"])
    submitted = submit(line, folder)
    target = tmp_path_factory.mktemp("package")
    package = Path(line.ask("packages", "fetch", "ms-17.v1", target)["path"])
    return Scanned(line, made["pages"], folder, package, submitted)


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
    assert f"<premis:agentName>{DEVICE}</premis:agentName>" in premis
    assert premis.count("capture: resolution_dpi") == 2


def test_captures_that_are_published_again_change_nothing(scanned: Scanned):
    read_when_quiet(scanned.line)
    before = scanned.line.ask("audit", "batch", BATCH)

    assert scanned.submit()["state"] == "settled"

    read_when_quiet(scanned.line)
    assert scanned.line.ask("audit", "batch", BATCH) == before

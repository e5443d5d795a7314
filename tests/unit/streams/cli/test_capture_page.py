"""`station page` about a colour target, as a user types it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from streams.cli.station_commands import station
from streams.clients.capture.capture_folder import CaptureFolder
from streams.clients.station.capture_record import digest_of
from tests.support.charts import in_levels, with_cast
from tests.unit.streams.clients.capture.test_capture_folder import record
from tests.unit.streams.clients.capture.test_target_measuring import BY_HAND
from tests.unit.streams.clients.targets.test_chart_finding import PLACED

PROFILE = """
extends = "as-delivered"

[target]
chart = "colorchecker-24"
max_white_balance = 2.0
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a page that shows a chart with a cast."""
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles/house.toml").write_text(PROFILE)
    batch = CaptureFolder(tmp_path / "spool/captures/b-1", "b-1")
    with batch.opened("house"):
        (batch.files / "item-1").mkdir()
        scanned = batch.work / "scanned"
        Image.fromarray(in_levels(with_cast(PLACED, (1, 1, 0.8)))).save(
            scanned, "TIFF", dpi=(300, 300)
        )
        made = record("0001", digest_of(scanned))
        batch.keep("item-1", scanned, replace(made, file="0001.tif", profile="house"))
    return tmp_path


def station_page(home: Path, *options: str) -> Result:
    command = ["page", "b-1", "item-1:0001", *options, "--json"]
    return CliRunner().invoke(station, command, env={"COPYSTAND_HOME": str(home)})


def changed(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    (page,) = json.loads(result.stdout)["pages"]
    return dict(page)


def test_a_page_becomes_a_target_with_the_corners_that_the_operator_gives(home: Path):
    result = station_page(home, "--kind", "target", "--corners", BY_HAND)

    page = changed(result)
    assert (page["kind"], page["target"]["corners_by"]) == ("target", "operator")
    assert [one["code"] for one in page["warnings"]] == ["target.neutral-off"]
    assert "target colorchecker-24: formula ciede2000; mean colour difference" in result.stderr
    assert "target.neutral-off: the colour difference of a grey patch" in result.stderr
    # The record has it, also for another process.
    assert changed(station_page(home)) == page
    assert changed(station_page(home, "--kind", "page"))["target"] is None


def test_corners_are_those_of_a_target(home: Path):
    result = station_page(home, "--corners", BY_HAND)

    assert result.exit_code == 1
    assert "capture.kind-differs" in result.stderr


@pytest.mark.parametrize("corners", ["1,1 2,2", "1,1 1,2 2,2 2,1"])
def test_corners_in_another_form_are_an_error_of_usage(corners: str, home: Path):
    assert station_page(home, "--kind", "target", "--corners", corners).exit_code == 2

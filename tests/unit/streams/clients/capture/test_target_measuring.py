"""Pages that are targets are measured, others are not."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from processors.profile_target import Target
from streams.clients.capture.target_measuring import TargetMeasuring, corners_in
from streams.clients.station.capture_record import CaptureRecord
from tests.support.captures import SRGB_ICC
from tests.support.charts import in_levels, with_cast
from tests.unit.streams.clients.capture.test_capture_folder import record
from tests.unit.streams.clients.targets.test_chart_finding import CORNERS, PLACED

AIMS = Target(chart="colorchecker-24", max_mean_delta_e=3.0, max_white_balance=2.0)
CODE = "capture.page-blurred"
BY_HAND = " ".join(f"{x},{y}" for x, y in CORNERS)


def a_record(kind: str = "target", **changes: object) -> CaptureRecord:
    made = record("0001", "0" * 64)
    warnings = [{"code": CODE, "found": "x"}, {"code": "target.not-found", "found": "before"}]
    return CaptureRecord(**{**made.document(), "kind": kind, "warnings": warnings, **changes})


def a_file(folder: Path, samples: np.ndarray, **options: object) -> Path:
    path = folder / "page.tif"
    with io.BytesIO() as file:
        Image.fromarray(samples).save(file, "TIFF", dpi=(300, 300), **options)
        path.write_bytes(file.getvalue())
    return path


def codes(found: CaptureRecord) -> list[str]:
    return [one["code"] for one in found.warnings]


def test_a_target_is_measured_by_the_corners_that_the_operator_gives(tmp_path: Path):
    path = a_file(tmp_path, in_levels(PLACED))

    found = TargetMeasuring(AIMS).measured(a_record(), path, corners_in(BY_HAND))

    assert found.target is not None
    assert (found.target["corners_by"], found.target["stated_dpi"]) == ("operator", 300)
    assert found.target["colour_profile"] == "sRGB (assumed)"
    assert found.target["mean_delta_e"] < 0.4
    assert codes(found) == [CODE]


def test_a_target_is_found_and_what_it_misses_is_a_warning(tmp_path: Path):
    path = a_file(tmp_path, in_levels(with_cast(PLACED, (1, 1, 0.8))), icc_profile=SRGB_ICC)

    found = TargetMeasuring(AIMS).measured(a_record(), path)

    assert found.target is not None
    assert found.target["corners_by"] == "patches"
    assert found.target["colour_profile"] == "sRGB IEC61966-2.1"
    assert codes(found) == [CODE, "target.colour-off", "target.neutral-off"]


@pytest.mark.parametrize(
    ("aims", "kind"), [(None, "target"), (AIMS, "page")], ids=["no aims", "a page"]
)
def test_nothing_else_is_measured(aims: Target | None, kind: str, tmp_path: Path):
    before = a_record(kind, target={"chart": "colorchecker-24"})

    found = TargetMeasuring(aims).measured(before, tmp_path / "is-not-read.tif")

    assert (found.target, codes(found)) == (None, [CODE])


def test_why_a_target_is_not_measured_is_a_warning(tmp_path: Path):
    grey = np.full((200, 200), 200, np.uint8)
    cases = (
        (AIMS, grey, "target.not-found"),
        (AIMS, grey > 0, "target.not-measured"),
        (Target(chart="other"), grey, "target.chart-unusable"),
    )
    for aims, samples, code in cases:
        path = a_file(tmp_path, samples)

        found = TargetMeasuring(aims).measured(a_record(), path)

        assert (found.target, codes(found)) == (None, [CODE, code])


def test_a_file_that_is_not_complete_is_not_measured(tmp_path: Path):
    path = a_file(tmp_path, in_levels(PLACED))
    path.write_bytes(path.read_bytes()[:5000])

    assert codes(TargetMeasuring(AIMS).measured(a_record(), path)) == [CODE, "target.not-measured"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1,1 2,1 2,2",
        "a,b 2,1 2,2 1,2",
        "1,1 1,2 2,2 2,1",
        "1,1 2,2 2,1 1,2",
        "1 2 3 4",
        "nan,1 2,1 2,2 1,2",
    ],
)
def test_corners_that_are_not_four_in_their_order_are_refused(text: str):
    with pytest.raises(ValueError, match=r".+"):
        corners_in(text)

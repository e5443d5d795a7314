"""Settings that a device confirmed are refused before the scan, with the code that a page would get."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from processors.profile import Profile, canonical, resolve
from streams.clients.capture.capture_problem import CaptureProblem
from streams.clients.capture.settings_check import check_settings
from streams.clients.scanners.capabilities import ColourMode, Source
from streams.clients.scanners.capture_settings import CaptureSettings
from tests.support.captures import FOREIGN_ICC, GREY_ICC, INPUT_ICC, LINK_ICC, RGB_ICC, violations

GOOD = CaptureSettings(Source.FLATBED, ColourMode.RGB, 8, 300, "tiff")
VOLUME = "fadgi-3-bound-volume"


def profile(name: str) -> Profile:
    return Profile.from_json(canonical(resolve(name)))


@pytest.mark.parametrize(
    ("name", "confirmed", "changes", "icc", "code"),
    [
        (VOLUME, {}, {"resolution_dpi": 100}, None, "page.resolution-too-low"),
        (VOLUME, {"resolution": "200"}, {}, None, "page.resolution-too-low"),
        (VOLUME, {"x-resolution": 300, "y-resolution": 600}, {}, None, "page.pixels-not-square"),
        (VOLUME, {"ICAP_XRESOLUTION": "200", "ICAP_YRESOLUTION": "200"}, {}, None, "page.resolution-too-low"),
        ("metamorfoze-light", {"ICAP_BITDEPTH": "48"}, {}, None, "page.format-not-supported"),
        (VOLUME, {"resolution": 0}, {}, None, "page.resolution-unknown"),
        (VOLUME, {"depth": "1"}, {}, None, "page.format-not-supported"),
        (VOLUME, {}, {"format": "jpeg"}, None, "page.format-not-supported"),
        (VOLUME, {}, {"format": "png"}, None, "page.format-not-supported"),
        ("fadgi-4-bound-volume", {}, {"mode": ColourMode.GREYSCALE, "resolution_dpi": 400}, None, "page.format-not-supported"),
        ("microfilm", {}, {}, None, "page.format-not-supported"),
        ("metamorfoze-light", {"depth": 16}, {}, None, "page.format-not-supported"),
        (VOLUME, {}, {}, GREY_ICC, "page.icc-mismatch"),
        (VOLUME, {}, {}, LINK_ICC, "page.icc-mismatch"),
        (VOLUME, {}, {}, RGB_ICC[:-40], "page.icc-damaged"),
        (VOLUME, {}, {}, FOREIGN_ICC, "page.icc-not-accepted"),
        ("metamorfoze-full", {}, {}, INPUT_ICC, "page.icc-not-accepted"),
    ],
)  # fmt: skip
def test_settings_that_violate_a_profile_are_refused(
    name: str, confirmed: dict[str, Any], changes: dict[str, Any], icc: bytes | None, code: str,
    tmp_path: Path,
):  # fmt: skip
    settings = replace(GOOD, **changes)
    if icc is not None:
        (tmp_path / "scanner.icc").write_bytes(icc)
        settings = replace(settings, icc_profile=tmp_path / "scanner.icc")

    with pytest.raises(CaptureProblem) as problem:
        check_settings(settings, confirmed, profile(name))

    assert problem.value.code == "capture.settings-refused"
    assert problem.value.document()["finding"] == code
    assert code in {one for capture in violations() for one in capture.codes}


def test_good_settings_are_accepted_and_what_is_not_known_is_no_problem(tmp_path: Path):
    (tmp_path / "scanner.icc").write_bytes(INPUT_ICC)
    embedding = replace(GOOD, icc_profile=tmp_path / "scanner.icc")

    assert check_settings(GOOD, {"resolution": "300", "mode": "Color"}, profile(VOLUME)) == ()
    twain = {"ICAP_XRESOLUTION": "300", "ICAP_YRESOLUTION": "300", "ICAP_BITDEPTH": "24"}
    assert check_settings(GOOD, twain, profile(VOLUME)) == ()
    assert check_settings(embedding, {}, profile(VOLUME)) == ()
    assert check_settings(replace(GOOD, source=Source.FOLDER), {}, profile("microfilm")) == ()


def test_what_a_profile_warns_of_is_known_before_the_scan():
    uneven = check_settings(
        GOOD, {"x-resolution": 300, "y-resolution": 600}, profile("as-delivered")
    )

    assert [(one.code, one.refused) for one in uneven] == [("page.pixels-not-square", False)]

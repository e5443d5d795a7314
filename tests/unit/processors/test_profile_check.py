"""Violations of a profile are refused with their code, good captures are not: before the scan, at the
station and in the line alike."""

from collections import Counter
from pathlib import Path

import pytest

from processors.acquire_page import acquire_page
from processors.error_catalogue import entries
from processors.outcome import Done, Rejected
from processors.profile import Profile, canonical, names, resolve
from processors.tools import Tools
from streams.clients.capture.capture_problem import CaptureProblem
from streams.clients.capture.page_check import check_page
from streams.clients.scanners.capabilities import ColourMode, Source
from streams.clients.scanners.capture_settings import CaptureSettings
from streams.clients.scanners.scanner_driver import ScannerProblem
from tests.support.captures import Capture, violations
from tests.support.good_captures import good_captures
from tests.support.imaging_builders import an_admitted_page, memory_tools

FOLDER = CaptureSettings(Source.FOLDER, ColourMode.RGB, 8, 300, "tiff")
VIOLATIONS = list(violations())
GOOD = list(good_captures())
INCOMPLETE = {"scanner.image-incomplete", "scanner.no-image"}
"""Before a page is kept, a damaged file is one that the device did not deliver completely."""
DAMAGED = {"page.not-decodable", "page.format-not-supported"}


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Tools:
    return memory_tools(tmp_path_factory.mktemp("tools"))


def rules(capture: Capture) -> Profile:
    return Profile.from_json(canonical({**resolve(capture.profile), **capture.changes}))


def at_the_station(capture: Capture, folder: Path) -> tuple[str, ...]:
    """The code of the refusal, or those of the warnings."""
    path = folder / f"page{capture.extension}"
    path.write_bytes(capture.content)
    try:
        checked = check_page(path, rules(capture), FOLDER, "watch")
    except CaptureProblem as problem:
        assert problem.code == "capture.page-refused"
        assert problem.found.startswith(f"{problem.finding}: ")
        return ("refused", str(problem.finding))
    except ScannerProblem as problem:
        return ("refused", problem.code)
    return tuple(sorted(one.code for one in checked.warnings))


def in_the_line(capture: Capture, tools: Tools) -> tuple[str, ...]:
    name = f"0001{capture.extension}"
    admitted = an_admitted_page(
        tools, capture.content, name=name, rules={"name": capture.profile, **capture.changes}
    )
    outcome = acquire_page(admitted, tools)
    if isinstance(outcome, Rejected):
        return ("refused", outcome.code)
    assert isinstance(outcome, Done)
    return tuple(sorted(str(act.code) for act in outcome.facts[0].acts if act.outcome == "war"))


@pytest.mark.parametrize("capture", VIOLATIONS, ids=lambda one: one.name)
def test_a_violation_is_refused_before_ingest_and_in_the_line_with_its_code(
    capture: Capture, tools: Tools, tmp_path: Path
):
    refused, code = at_the_station(capture, tmp_path)

    assert refused == "refused"
    assert code in entries()
    assert in_the_line(capture, tools) == ("refused", *capture.codes)
    assert (code,) == capture.codes or (code in INCOMPLETE and capture.codes[0] in DAMAGED)


def test_the_violations_are_at_least_40_with_many_codes():
    assert len(VIOLATIONS) >= 40
    assert len({one.name for one in VIOLATIONS}) == len(VIOLATIONS)
    assert len(Counter(one.codes for one in VIOLATIONS)) >= 16


@pytest.mark.parametrize("profile", [*names()])
def test_good_captures_are_kept_and_only_the_unusual_have_warnings(
    profile: str, tools: Tools, tmp_path: Path
):
    captures = [one for one in GOOD if one.profile == profile]

    found = {one.name: (at_the_station(one, tmp_path), in_the_line(one, tools)) for one in captures}

    assert found == {one.name: (one.codes, one.codes) for one in captures}
    assert len(captures) >= 3


def test_the_good_captures_are_at_least_200_and_some_are_unusual():
    assert len(GOOD) >= 200
    assert len({one.name for one in GOOD}) == len(GOOD)
    assert sum(bool(one.codes) for one in GOOD) >= 10

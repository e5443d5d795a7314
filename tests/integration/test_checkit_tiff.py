"""The test files of checkit_tiff, and of other corpora, are told apart as their makers mean it."""

import time
from pathlib import Path

import pytest

from processors.acquire_page import acquire_page
from processors.outcome import Done, Rejected
from processors.tools import Tools
from tests.support.corpora import corpus
from tests.support.imaging_builders import an_admitted_page, memory_tools

GOOD, BAD = "tiffs_should_pass", "tiffs_should_fail"
MOST_SECONDS = 5.0
STRICT = {"unusual_structure": "refuse", "irregular_tiff": "refuse"}
A_SOUND_BIGTIFF = "minimal.tiff64"
"""Among the bad ones, since it is no TIFF of version 42; what it is, it is rightly."""
FITTING = {
    *("page.not-decodable", "page.structure-irregular", "page.format-not-supported"),
    *("page.image-ambiguous", "page.decoding-not-supported"),
}


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    return memory_tools(tmp_path)


def judged(path: Path, tools: Tools, rules: dict[str, object]) -> tuple[str, str, float]:
    """The code of a refusal, `warned` or `accepted`; what was found; seconds."""
    page = an_admitted_page(tools, path.read_bytes(), name=path.name, rules=rules)
    begin = time.monotonic()
    outcome = acquire_page(page, tools)
    seconds = time.monotonic() - begin
    if isinstance(outcome, Rejected):
        return outcome.code, outcome.found, seconds
    assert isinstance(outcome, Done)
    told = [act for act in outcome.facts[0].acts if (act.code or "").startswith("page.structure-")]
    return ("warned", told[0].detail or "", seconds) if told else ("accepted", "", seconds)


def table(folder: str, tools: Tools, rules: dict[str, object]) -> dict[str, tuple[str, str]]:
    root = corpus("checkit-tiff", folder)
    files = (path for path in sorted(root.rglob("*.*")) if path.is_file())
    rows = {}
    for path in files:
        if path.suffix != ".txt":
            verdict, found, seconds = judged(path, tools, rules)
            assert seconds < MOST_SECONDS, f"{path.name} took {seconds:.1f} s"
            rows[path.name] = verdict, found
    return rows


def shown(rows: dict[str, tuple[str, str]]) -> str:
    return "\n".join(f"{name:75} {code:26} {found}" for name, (code, found) in rows.items())


@pytest.mark.parametrize("rules", [{}, STRICT], ids=["as-delivered", "strict"])
def test_accepts_all_good_files_without_a_false_alarm(tools: Tools, rules: dict[str, object]):
    rows = table(GOOD, tools, rules)

    assert len(rows) == 9
    assert {verdict for verdict, _ in rows.values()} == {"accepted"}, shown(rows)


def test_a_strict_profile_refuses_the_bad_files(tools: Tools):
    rows = table(BAD, tools, {"irregular_tiff": "refuse"})
    assert rows.pop(A_SOUND_BIGTIFF)[0] == "accepted"

    refused = [name for name, (verdict, _) in rows.items() if verdict in FITTING]

    assert len(rows) == 27
    assert len(refused) >= 25, shown(rows)


def test_as_delivered_takes_no_bad_file_in_silence(tools: Tools):
    rows = table(BAD, tools, {})
    del rows[A_SOUND_BIGTIFF]

    silent = [name for name, (verdict, _) in rows.items() if verdict == "accepted"]

    # Kind 13, a directory, is what newer writers give a pointer; Exif alone asks for LONG.
    assert silent == ["minimal_wrong_exififd_type.tif"], shown(rows)
    assert sum(verdict in FITTING for verdict, _ in rows.values()) >= 11, shown(rows)


def test_tells_jpeg_2000_by_its_right_name(tools: Tools):
    files = sorted(corpus("jp2").glob("*.jp2"))
    rows = {path.name: judged(path, tools, {})[:2] for path in files}

    assert rows.pop("empty.jp2") == ("page.not-decodable", "The file is empty")
    # A sound JPEG under a wrong name: the bytes count.
    assert rows.pop("is_jpeg.jp2")[0] == "accepted"
    damaged = "The file is JPEG 2000 with a damaged signature"
    assert rows.pop("signature_corrupted.jp2") == ("page.format-not-supported", damaged)
    named = "The file is JP2 (JPEG 2000 part 1) (PRONOM x-fmt/392)"
    assert set(rows.values()) == {("page.format-not-supported", named)}, shown(rows)


def test_real_masters_give_no_false_alarm(tools: Tools):
    folders = [corpus(name) for name in ("gallicorpora-18e", "kant-1784", "tesseract")]
    patterns = ("*.tif", "*.jpeg", "*.jpg", "*.png")
    files = sorted(path for each in folders for pattern in patterns for path in each.rglob(pattern))

    rows = {path.name: judged(path, tools, STRICT)[:2] for path in files}

    assert len(rows) >= 25
    assert {verdict for verdict, _ in rows.values()} == {"accepted"}, shown(rows)

"""Deliveries that are known to have failed elsewhere: each has the outcome of the table."""

import re
import tomllib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import pyvips
from lxml import etree

from tests.support.corpora import CORPORA, corpus
from tests.support.running_line import Answer, Line

TABLE = tomllib.loads((Path(__file__).parent / "reported.toml").read_text())
"""Per case: `check` = exit code of `station check`; `fail`, `warn` and `info` = the codes of its
findings; `state` of the batch; pages `packaged`; `quarantined` = codes of quarantine records."""
DEFAULTS: dict[str, Any] = {
    "check": 0, "fail": [], "warn": [], "info": [], "state": "settled", "packaged": 1, "quarantined": [],
}  # fmt: skip
SEVERITIES = {"fail": ("fatal", "error"), "warn": ("warn",), "info": ("info",)}
USUAL = {"record.made-by-station", "page.icc-missing"}
"""Found in most folders: no record, and grey pages without ICC profile. No case is about them."""
AT_ONCE = 3
WAIT_SECONDS = 200


@dataclass(frozen=True)
class Case:
    """A delivery, and what the station and the line said of it."""

    name: str
    checked: Answer
    submitted: Answer

    @property
    def batch_id(self) -> str:
        """The batch that it was submitted as."""
        return f"case-{self.name}"


@pytest.fixture(scope="module")
def cases(line: Line, request: pytest.FixtureRequest) -> dict[str, Case]:
    """The cases of this run, checked and submitted, until their batches have settled or were refused."""
    calls = [one.callspec.params for one in request.session.items if hasattr(one, "callspec")]
    wanted = {params["name"] for params in calls if params.get("name") in TABLE}
    if any("bags" in getattr(one, "fixturenames", ()) for one in request.session.items):
        wanted = set(TABLE)

    def tried(name: str) -> Case:
        folder = corpus("reported", name)
        checked = line.run("station", "check", folder, "--json")
        words = ("--batch-id", f"case-{name}", "--wait", "--timeout", str(WAIT_SECONDS), "--json")
        return Case(name, checked, line.run("station", "submit", folder, *words))

    corpus("reported")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return {case.name: case for case in pool.map(tried, sorted(wanted))}


@pytest.fixture(scope="module")
def records(line: Line, cases: dict[str, Case]) -> dict[str, list[dict[str, Any]]]:
    """The quarantine records of each batch, when all cases are done."""
    listed = line.ask("quarantine", "list")
    of_batch: dict[str, list[dict[str, Any]]] = {case.batch_id: [] for case in cases.values()}
    for record in listed:
        of_batch.setdefault(record["batch_id"], []).append(record)
    return of_batch


@pytest.fixture(scope="module")
def packaged(line: Line, cases: dict[str, Case]) -> dict[str, int]:
    """The number of packaged pages of each batch that was accepted, when all cases are done."""
    return {row["batch_id"]: row["packaged"] for row in line.ask("status")["batches"]}


def found(answer: Answer, severity: str) -> set[str]:
    """The codes of a severity in what `station check` printed."""
    rows = answer.document or []
    return {row["code"] for row in rows if row["severity"] in SEVERITIES[severity]} - USUAL


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", TABLE)
def test_the_case_has_its_outcome(
    cases: dict[str, Case],
    records: dict[str, list[dict[str, Any]]],
    packaged: dict[str, int],
    name: str,
):
    right, case = DEFAULTS | TABLE[name], cases[name]
    told = case.submitted.document
    assert told is not None, case.submitted
    quarantined = records[case.batch_id]

    outcome = {
        "check": case.checked.code,
        **{severity: sorted(found(case.checked, severity)) for severity in SEVERITIES},
        "state": told["state"],
        "packaged": packaged.get(case.batch_id, 0),
        "quarantined": sorted(record["code"] for record in quarantined),
    }

    wanted = {
        key: sorted(value) if isinstance(value, list) else value for key, value in right.items()
    }
    assert outcome == wanted, f"{case.checked}\n{case.submitted}\n{quarantined}"


def test_the_table_names_every_case():
    corpus("reported")
    assert sorted(TABLE) == sorted(path.name for path in (CORPORA / "reported").iterdir())


DC = "{http://purl.org/dc/elements/1.1/}"
LANGUAGE_TERM = "{http://www.loc.gov/mods/v3}languageTerm"
STATED = {
    "19-mods-title-language": ("Verzeichnis der Gäste", "ger"),
    "20-dc-language": ("Verzeichnis der Gäste", "ger"),
    "21-mets-fulltext-alto": ("The ledger", "ger"),
    "22a-marcxml": ("MARC ledger", "und"),
    "22b-ead": ("EAD ledger", "und"),
    "22c-mods-without-namespace": ("The ledger", "und"),
    "22d-oai-wrapped-dc": ("Wrapped ledger", "und"),
    "22e-metadata-csv": ("CSV ledger", "und"),
    "27-bag-info-lost": ("27-bag-info-lost", "und"),
    "31a-arabic-digits": ("31a-arabic-digits", "und"),
}
"""Title and language that the packages of these cases state."""
RECORDS = {
    **{"22a-marcxml": "marc.xml", "22b-ead": "ead.xml", "22e-metadata-csv": "metadata.csv"},
    **{"22c-mods-without-namespace": "mods.xml", "22d-oai-wrapped-dc": "record.xml"},
    **{"19-mods-title-language": "mods.xml", "27-bag-info-lost": "bag-info.txt"},
    "21-mets-fulltext-alto": "mets.xml",
}
"""The record that each of these packages keeps."""


@pytest.fixture(scope="module")
def bags(
    line: Line, cases: dict[str, Case], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """The package of a case, unpacked, by the beginning of its name."""

    packages = line.ask("packages", "list")

    @cache
    def bag(name: str) -> Path:
        (case,) = (case for full, case in cases.items() if full.startswith(name))
        (row,) = (row for row in packages if row["batch_id"] == case.batch_id)
        into = tmp_path_factory.mktemp(name)
        return Path(line.ask("packages", "fetch", row["package_id"], into)["path"])

    return bag


@pytest.mark.parametrize("name", STATED)
def test_a_package_states_what_was_delivered_and_no_default(bags: Callable[[str], Path], name: str):
    dc = etree.parse(str(bags(name) / "data" / "metadata" / "dc.xml"))
    mods = etree.parse(str(bags(name) / "data" / "metadata" / "mods.xml"))

    title, language = STATED[name]
    assert dc.findtext(f"{DC}title") == title
    assert [one.text for one in dc.iter(f"{DC}language")] == [language]
    terms = [(one.text, one.get("authority")) for one in mods.iter(LANGUAGE_TERM)]
    assert terms == [(language, "iso639-2b")]


@pytest.mark.parametrize("name", RECORDS)
def test_a_delivered_record_is_kept_unchanged_and_named_in_the_mets(
    bags: Callable[[str], Path], name: str
):
    kept = bags(name) / "data" / "metadata" / "submitted" / RECORDS[name]

    assert kept.read_bytes() == (corpus("reported", name) / RECORDS[name]).read_bytes()
    mets = etree.parse(str(bags(name) / "data" / "metadata" / "mets.xml"))
    links = [one.get("{http://www.w3.org/1999/xlink}href") for one in mets.iter("{*}mdRef")]
    assert f"submitted/{RECORDS[name]}" in links


def test_delivered_alto_is_the_text_of_its_page(bags: Callable[[str], Path]):
    name = "21-mets-fulltext-alto"
    texts = sorted((bags(name) / "data" / "text").glob("*.xml"))

    kept = bags(name) / "data" / "metadata" / "submitted"
    for number in (1, 2):
        given = corpus("reported", name) / f"0000000{number}.xml"
        assert (kept / given.name).read_bytes() == given.read_bytes()
    words = [one.with_suffix(".txt").read_text() for one in texts]
    assert words == ["Hand1 corrected\n", "Hand2 corrected\n"]
    # Its twin in the package names the file in the package.
    assert all(f"_{one.stem[-4:]}.tif" in one.read_text("utf-8") for one in texts)


def test_the_log_says_how_the_model_of_an_unstated_language_was_chosen(
    line: Line, cases: dict[str, Case]
):
    def detail(name: str) -> str:
        events = line.wait_for_events("batch", cases[name].batch_id)
        return next(one["detail"] for one in events if "ALTO, hOCR" in (one["detail"] or ""))

    assert "models deu; grey copy" in detail("19-mods-title-language")
    assert "models eng (language not stated, chosen from eng+" in detail("31a-arabic-digits")


@pytest.mark.timeout(600)
def test_a_fax_has_square_pixels_and_both_resolutions(bags: Callable[[str], Path]):
    mets = (bags("23") / "data" / "metadata" / "mets.xml").read_text()
    (pyramid,) = (bags("23") / "data" / "access").glob("*.tif")

    across, down = (
        re.search(rf"{axis}SamplingFrequency>\s*<[^>]*numerator>(\d+)<", mets) for axis in "xy"
    )
    image = pyvips.Image.new_from_file(str(pyramid))
    assert across and down and (across[1], down[1]) == ("204", "98")
    assert (image.width, image.height) == (1728, round(1151 * 204 / 98))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("number", ["23", "30"])
def test_the_text_stays_legible(bags: Callable[[str], Path], number: str):
    (text,) = (bags(number) / "data" / "text").glob("*.txt")

    assert "a ledger of every\nvessel that came in after dark" in text.read_text()


@pytest.mark.timeout(600)
def test_a_red_page_is_red_up_to_its_last_row_and_column(bags: Callable[[str], Path]):
    for path in (bags("33") / "data" / "access").iterdir():
        image = pyvips.Image.new_from_file(str(path))
        assert (image - [200, 20, 20]).abs().max() <= 2, path.name


@pytest.mark.timeout(600)
@pytest.mark.parametrize("number", ["36", "37"])
def test_what_a_tool_notices_is_no_damage_of_the_master(
    line: Line, cases: dict[str, Case], bags: Callable[[str], Path], number: str
):
    (batch_id,) = (case.batch_id for name, case in cases.items() if name.startswith(f"{number}-"))
    bags(number)

    events = line.wait_for_events("batch", batch_id)

    notices = [event["detail"] for event in events if "Notices of exiftool" in event["detail"]]
    assert len(notices) == 1, events
    assert "page.metadata-damaged" not in {event["code"] for event in events}

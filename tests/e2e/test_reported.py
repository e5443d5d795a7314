"""Deliveries that are known to have failed elsewhere: each has the outcome of the table."""

import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

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

    def tried(name: str) -> Case:
        folder = corpus("reported", name)
        checked = line.run("station", "check", folder, "--json")
        words = ("--batch-id", f"case-{name}", "--wait", "--timeout", str(WAIT_SECONDS), "--json")
        return Case(name, checked, line.run("station", "submit", folder, *words))

    corpus("reported")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return {case.name: case for case in pool.map(tried, sorted(wanted))}


def found(answer: Answer, severity: str) -> set[str]:
    """The codes of a severity in what `station check` printed."""
    rows = answer.document or []
    return {row["code"] for row in rows if row["severity"] in SEVERITIES[severity]} - USUAL


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", TABLE)
def test_the_case_has_its_outcome(line: Line, cases: dict[str, Case], name: str):
    right, case = DEFAULTS | TABLE[name], cases[name]
    told = case.submitted.document
    assert told is not None, case.submitted
    records = line.ask("quarantine", "list", "--batch", case.batch_id)
    figures = line.figures(case.batch_id) or {"packaged": 0}

    outcome = {
        "check": case.checked.code,
        **{severity: sorted(found(case.checked, severity)) for severity in SEVERITIES},
        "state": told["state"],
        "packaged": figures["packaged"],
        "quarantined": sorted(record["code"] for record in records),
    }

    wanted = {
        key: sorted(value) if isinstance(value, list) else value for key, value in right.items()
    }
    assert outcome == wanted, f"{case.checked}\n{case.submitted}\n{records}"


def test_the_table_names_every_case():
    corpus("reported")
    assert sorted(TABLE) == sorted(path.name for path in (CORPORA / "reported").iterdir())

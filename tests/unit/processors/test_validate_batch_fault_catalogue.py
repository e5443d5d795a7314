"""Every error of the catalogue is reported with its location, alone and with others."""

import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.standards import present, standards_folder
from processors.error_catalogue import entries
from processors.outcome import Done, Rejected
from processors.rules import language_models
from processors.validate_batch import validate_batch
from tests.support.deliveries import a_folder
from tests.support.fault_catalogue import CATALOGUE, MASKS, PROFILES, Site, Told, visible
from tests.support.valid_batches import Batch, a_batch

MODELS = frozenset({"eng", "fra", "lat", "deu", "osd"})
SUBSETS = int(os.environ.get("COPYSTAND_FAULT_SUBSETS", "150"))
SOUND = int(os.environ.get("COPYSTAND_SOUND_BATCHES", "500"))
PREFLIGHT = ("manifest", "preflight")
BY_SCHEMA = {"record.schema-invalid", "record.mets-invalid"}
QUIET = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(language_models.installation, "installed_models", lambda: MODELS)
    return a_folder(
        tmp_path / "home", {f"profiles/{name}": text for name, text in PROFILES.items()}
    )


def pre_flight(batch: Batch, home: Path) -> tuple[Any, list[tuple[str, str, str]], set[str]]:
    """Outcome, findings (code, location, severity), and the keys that pre-flight wrote."""
    standards = standards_folder() if present() else None
    fact, tools = batch.staged(home / "store", home / "profiles", standards)
    before = set(tools.storage.objects)  # type: ignore[attr-defined]
    outcome = validate_batch(fact, tools)
    if isinstance(outcome, Done):
        found = outcome.facts[0].diagnostics  # type: ignore[attr-defined]
        assert outcome.facts[0].diagnostics_count == len(found)  # type: ignore[attr-defined]
    else:
        assert isinstance(outcome, Rejected), outcome
        found = outcome.diagnostics
    reported = [(one.code, one.where, one.severity) for one in found]
    return outcome, reported, set(tools.storage.objects) - before  # type: ignore[attr-defined]


def planted(seed: int, names: list[str]) -> tuple[Batch, Told]:
    """A valid batch with these errors at different locations, and the expected findings."""
    levels = Counter(CATALOGUE[name].level for name in names)
    made = a_batch(seed, items=1 + levels["item"] + levels["page"], structured=levels["structured"])
    items: list[Any] = made.body["items"]
    last = len(items) - levels["structured"]
    own, shared = range(1, 1 + levels["item"]), range(1 + levels["item"], last)
    of_items, structured = list(own), list(range(last, len(items)))
    pages = [(number, at) for number in shared for at in range(1, len(items[number]["pages"]))]
    made.random.shuffle(pages)
    expected: Told = []
    for name in names:
        error = CATALOGUE[name]
        site = Site(made)
        if error.level in ("item", "structured"):
            number = structured.pop() if error.level == "structured" else of_items.pop()
            site = Site(made, f"items[{number}]", items[number])
        elif error.level == "page":
            number, at = pages.pop()
            where, listed = f"items[{number}].pages[{at}]", items[number]["pages"]
            site = Site(made, where, items[number], listed[at], listed[0])
        expected += error.plant(site)
    return made, expected


def expected_to_show(found: Told) -> Told:
    return [one for one in found if present() or one[0] not in BY_SCHEMA]


def test_the_catalogue_has_the_promised_number_of_errors() -> None:
    assert len(CATALOGUE) >= 40
    assert {name for pair in MASKS for name in (pair[0], *pair[1])} <= set(CATALOGUE)


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_single_error_is_reported_with_its_location_and_no_other(name: str, home: Path) -> None:
    batch, expected = planted(7, [name])

    outcome, found, written = pre_flight(batch, home)

    assert [one[:2] for one in found] == expected_to_show(expected)
    refused = any(severity in ("error", "fatal") for _, _, severity in found)
    assert isinstance(outcome, Rejected) == refused
    if refused:
        assert written == set()
        assert outcome.code == expected[0][0]


@settings(QUIET, max_examples=SUBSETS)
@given(seed=st.integers(0, 2**32), names=st.sets(st.sampled_from(sorted(CATALOGUE)), max_size=12))
def test_all_planted_errors_are_reported_at_once_and_no_other(
    seed: int, names: set[str], home: Path
) -> None:
    batch, expected = planted(seed, visible(names))

    outcome, found, written = pre_flight(batch, home)

    assert sorted(one[:2] for one in found) == sorted(expected_to_show(expected))
    if isinstance(outcome, Rejected):
        assert written == set()
    else:
        assert all(key.startswith("receipts/records/") for key in written)


@settings(QUIET, max_examples=SOUND)
@given(seed=st.integers(0, 2**32), items=st.integers(1, 4), structured=st.integers(0, 2))
def test_a_batch_without_errors_has_no_diagnostics(
    seed: int, items: int, structured: int, home: Path
) -> None:
    outcome, found, _ = pre_flight(a_batch(seed, items, structured), home)

    assert found == []
    assert isinstance(outcome, Done)
    assert len(outcome.facts) == 1 + items + structured


def test_every_code_of_pre_flight_is_planted_or_listed_here() -> None:
    elsewhere = {
        "manifest.too-large": "a document of 256 MiB",
        "batch.too-many-items": "10,001 items; test_manifest",
        "batch.too-many-pages": "200,001 pages",
        "item.too-large": "20,001 pages; test_manifest",
        "record.too-large": "a record of 64 MiB",
        "profile.engine-missing": "a machine without tesserocr; test_validate_batch",
        "manifest.faulty": "the common code of several errors; test_validate_batch",
    }
    shown = {code for name in CATALOGUE for code, _ in planted(1, [name])[1]}
    preflight = {one.code for one in entries().values() if one.chapter in PREFLIGHT}

    assert preflight - shown == set(elsewhere)

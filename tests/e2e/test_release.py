"""Quarantine is not the end: an item goes on without a page, a batch with a corrected manifest."""

from pathlib import Path
from typing import Any

import pytest

from tests.support import pages
from tests.support.delivery import hand_over_unchecked, submission
from tests.support.running_line import Line, wait_for
from tests.support.true_order import causes_of, effects_before_causes

ASKED = ("--by", "p-4", "--reason", "as the curator says")


@pytest.fixture
def held(line: Line, tmp_path: Path) -> dict[str, str]:
    """Items whose second page is damaged, or is a stray file; record by item."""
    for number, name in enumerate(("vol-w", "vol-r", "vol-f", "vol-n")):
        pages.write_item(tmp_path / name, 2, first=85 + 2 * number)
        pages.damage(tmp_path / name / "f2.tif")
    (tmp_path / "vol-n" / "f2.tif").write_bytes(b"")
    line.run(*submission(tmp_path, "unlucky"))
    rows = line.ask("quarantine", "list", "--batch", "unlucky", "--state", "open")
    return {row["item_id"].rpartition(".")[2]: row["quarantine_id"] for row in rows}


def test_quarantined_pages_are_decided_in_every_way(
    line: Line, held: dict[str, str], tmp_path: Path
):
    stray = line.ask("quarantine", "withdraw", held["vol-n"], "--not-a-page", *ASKED)
    pages.write_page(tmp_path / "corrected" / "vol-f" / "f2.tif", 90)
    corrected = line.ask(
        *("quarantine", "release", "--batch", "unlucky", "--from", tmp_path / "corrected", *ASKED)
    )
    withdrawn = line.ask("quarantine", "withdraw", held["vol-w"], *ASKED)
    rejected = line.ask("quarantine", "reject", held["vol-r"], *ASKED)

    assert withdrawn["granted"] and rejected["granted"] and stray["granted"]
    assert corrected["subjects"] == [f"quarantine:{held['vol-f']}"]
    expected = {"registered": 8, "packaged": 6, "quarantined": 0, "cancelled": 2, "in_flight": 0}
    line.wait_for_figures("unlucky", seconds=60, **expected)
    packages = {one["item_id"]: one for one in line.ask("packages", "list", "--batch", "unlucky")}
    assert {name: one["completeness"] for name, one in packages.items()} == {
        "unlucky.vol-w": "incomplete",
        "unlucky.vol-f": "complete",
        "unlucky.vol-n": "complete",
    }
    lost = packages["unlucky.vol-w"]["package_id"]
    assert line.ask("packages", "show", lost)["missing_pages"] == 1
    shown = line.ask("batch", "show", "unlucky")
    counted = {one["item_id"]: (one["missing"], one["not_pages"]) for one in shown["items"]}
    assert (counted["unlucky.vol-w"], counted["unlucky.vol-n"]) == ((1, 0), (0, 1))
    by_package = {one["item_id"]: one["completeness"] for one in shown["packages"]}
    assert by_package["unlucky.vol-w"] == "incomplete"
    states = {row["state"] for row in line.ask("quarantine", "list", "--batch", "unlucky")}
    assert states == {"withdrawn", "rejected", "released"}
    wait_for(
        lambda: sum(event["fact"] == "PackagePublished" for event in events(line)) >= 3,
        60,
        lambda: f"the log has not all packages\n{line.logs()}",
    )
    assert effects_before_causes(events(line), causes_of(line)) == []
    refused = line.ask("quarantine", "release", held["vol-r"], *ASKED, code=1)
    assert refused["code"] == "quarantine.not-open"


def events(line: Line) -> list[dict[str, Any]]:
    """The events of the batch, as an auditor gets them."""
    found: list[dict[str, Any]] = line.ask("audit", "batch", "unlucky")
    return found


def test_a_corrected_manifest_takes_the_place_of_one_that_was_refused(line: Line, tmp_path: Path):
    pages.write_item(tmp_path / "vol-k", 1, first=89)
    (tmp_path / "vol-k" / "item.json").write_text('{"languages": ["xx-nonsense"]}')
    hand_over_unchecked(line, tmp_path, "corrected")
    (row,) = line.ask("quarantine", "list", "--batch", "corrected")
    (tmp_path / "vol-k" / "item.json").write_text('{"languages": ["eng"]}')

    answer = line.run(*submission(tmp_path, "corrected"), "--json")

    assert (row["code"], row["item_id"]) == ("language.unknown", None)
    assert answer.code == 0, answer
    (package,) = line.ask("packages", "list", "--batch", "corrected")
    assert (package["package_id"], package["completeness"]) == ("corrected.vol-k.v1", "complete")
    assert line.ask("quarantine", "show", row["quarantine_id"])["state"] == "superseded"

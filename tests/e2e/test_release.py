"""Quarantine is not the end: an item goes on without a page, a batch with a corrected manifest."""

from pathlib import Path

import pytest

from tests.support import pages
from tests.support.delivery import hand_over_unchecked, submission
from tests.support.running_line import Line

ASKED = ("--by", "p-4", "--reason", "as the curator says")


@pytest.fixture
def held(line: Line, tmp_path: Path) -> dict[str, str]:
    """Two items whose second page is damaged; record by item."""
    for number, name in enumerate(("vol-w", "vol-r")):
        pages.write_item(tmp_path / name, 2, first=85 + 2 * number)
        pages.damage(tmp_path / name / "f2.tif")
    line.run(*submission(tmp_path, "unlucky"))
    rows = line.ask("quarantine", "list", "--batch", "unlucky", "--state", "open")
    return {row["item_id"].rpartition(".")[2]: row["quarantine_id"] for row in rows}


def test_a_page_is_withdrawn_and_another_item_rejected(line: Line, held: dict[str, str]):
    withdrawn = line.ask("quarantine", "withdraw", held["vol-w"], *ASKED)
    rejected = line.ask("quarantine", "reject", held["vol-r"], *ASKED)

    assert withdrawn["granted"] and rejected["granted"]
    expected = {"registered": 4, "packaged": 2, "quarantined": 0, "cancelled": 2, "in_flight": 0}
    line.wait_for_figures("unlucky", seconds=60, **expected)
    (package,) = line.ask("packages", "list", "--batch", "unlucky")
    assert (package["item_id"], package["completeness"]) == ("unlucky.vol-w", "incomplete")
    assert line.ask("packages", "show", package["package_id"])["missing_pages"] == 1
    shown = line.ask("batch", "show", "unlucky")
    assert [one["missing"] for one in shown["items"]] == [0, 1]
    assert [one["completeness"] for one in shown["packages"]] == ["incomplete"]
    states = {row["state"] for row in line.ask("quarantine", "list", "--batch", "unlucky")}
    assert states == {"withdrawn", "rejected"}
    refused = line.ask("quarantine", "release", held["vol-r"], *ASKED, code=1)
    assert refused["code"] == "quarantine.not-open"


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

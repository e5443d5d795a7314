"""Two homes side by side: the same delivery gives the same content, and neither touches the other."""

from pathlib import Path

from tests.support import pages
from tests.support.running_line import Line
from tests.support.whole_log import read_when_quiet

BATCH = "twice-1"


def submitted(line: Line, folder: Path) -> list[dict[str, str]]:
    """The packages that a line made of a folder."""
    line.ask("station", "submit", folder, "--batch-id", BATCH, "--wait", "--timeout", "60")
    rows: list[dict[str, str]] = line.ask("packages", "list", "--batch", BATCH)
    return rows


def test_the_same_delivery_in_two_homes_gives_the_same_content_and_ids(
    line: Line, second_line: Line, tmp_path: Path
):
    pages.write_item(tmp_path / "vol-1", 2, first=71)
    pages.write_item(tmp_path / "vol-2", 1, first=73)

    here, there = submitted(line, tmp_path), submitted(second_line, tmp_path)

    told = [{(row["package_id"], row["content_digest"]) for row in rows} for rows in (here, there)]
    assert len(told[0]) == 2
    assert told[0] == told[1]
    for one in (line, second_line):
        read_when_quiet(one)
    page = f"{BATCH}.vol-1:0001"
    events = [one.ask("audit", "page", page) for one in (line, second_line)]
    # Branches end in any order, so it is the set that is the same.
    assert len({len(told) for told in events}) == 1
    assert {e["event_id"] for e in events[0]} == {e["event_id"] for e in events[1]}


def test_a_page_that_was_released_with_a_corrected_file_gives_the_content_of_one_that_never_failed(
    line: Line, second_line: Line, tmp_path: Path
):
    good, bad = tmp_path / "good", tmp_path / "bad"
    for folder in (good, bad):
        pages.write_item(folder / "vol-m", 2, first=77)
    pages.damage(bad / "vol-m" / "f2.tif")
    words = ("--batch-id", "mended", "--wait", "--timeout", "60")
    second_line.ask("station", "submit", good, *words)
    (name,) = line.ask("station", "submit", bad, *words, code=1)["quarantined"]
    mended = good / "vol-m" / "f2.tif"

    decision = line.ask(
        *("quarantine", "release", name, "--file", mended),
        *("--by", "p-4", "--reason", "scanned again"),
    )

    assert (decision["granted"], decision["code"]) == (True, None)
    line.wait_for_figures("mended", seconds=60, packaged=2)
    (here,), (there,) = (
        one.ask("packages", "list", "--batch", "mended") for one in (line, second_line)
    )
    assert here["content_digest"] == there["content_digest"]
    assert here["sha256"] != there["sha256"]
    assert line.ask("quarantine", "show", name)["state"] == "released"
    told = [event["event_type"] for event in line.ask("audit", "page", "mended.vol-m:0002")]
    assert "decision" in told and told.count("admission") == 2


def test_neither_home_touches_the_other(line: Line, second_line: Line, tmp_path: Path):
    pages.write_item(tmp_path / "vol-3", 1, first=74)
    before = {name: part["pid"] for name, part in line.parts().items()}
    known = line.ask("status")["batches"]

    second_line.ask(
        "station", "submit", tmp_path, "--batch-id", "elsewhere", "--wait", "--timeout", "60"
    )
    second_line.ask("down")

    assert set(line.ports().values()).isdisjoint(second_line.ports().values())
    assert {name: part["pid"] for name, part in line.parts().items()} == before
    assert line.ask("status")["batches"] == known
    assert line.run("packages", "show", "elsewhere.vol-3.v1").code == 1
    assert second_line.run("status").code == 3

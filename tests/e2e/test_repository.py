"""From a folder to a repository that accepts or refuses, on a whole line whose broker dies meanwhile."""

import json
from pathlib import Path

from tests.support import pages
from tests.support.delivery import submission
from tests.support.running_line import Line, wait_for
from tests.support.whole_log import read_when_quiet

GOOD, TAMPERED = "r-good", "r-tampered"


def wait_for_state(line: Line, package_id: str, state: str) -> None:
    """Wait until the tracker has heard of an answer."""
    seen = {"state": ""}

    def reached() -> bool:
        seen.update(line.ask("packages", "show", package_id))
        return seen["state"] == state

    wait_for(reached, 60, lambda: f"{package_id} is {seen['state']}")


def test_a_repository_takes_what_is_good_and_refuses_what_was_tampered_with(
    second_line: Line, tmp_path: Path
):
    line, into = second_line, tmp_path / "in"
    # A repository that begins at the beginning answers for everything.
    assert line.ask("packages", "list") == []
    pages.write_item(tmp_path / "good" / "vol-a", 1, first=1)
    pages.write_item(tmp_path / "tampered" / "vol-b", 1, first=2)
    words = ("packages", "follow", "--group", "archive", "--into", into, "--limit", "1", "--json")

    follower = line.background(*words, "--timeout", "200")
    line.kill("kafka")
    line.wait_until_all_parts_are_ready()
    assert line.run(*submission(tmp_path / "good", GOOD), "--json").code == 0, line.logs()
    out, _ = follower.communicate(timeout=200)
    (taken,) = json.loads(out)
    wait_for_state(line, f"{GOOD}.vol-a.v1", "accepted")

    assert (taken["package_id"], taken["state"]) == (f"{GOOD}.vol-a.v1", "accepted")
    assert Path(taken["path"], "bagit.txt").is_file()

    assert line.run(*submission(tmp_path / "tampered", TAMPERED), "--json").code == 0
    package_id = f"{TAMPERED}.vol-b.v1"
    tar = line.home / line.ask("packages", "show", package_id)["key"]
    whole = tar.read_bytes()
    tar.write_bytes(whole[:-2000] + bytes(1) + whole[-1999:] + b"x")
    (refused,) = line.ask(*words[:-1], "--timeout", "100", code=1)
    wait_for_state(line, package_id, "refused")
    tar.write_bytes(whole)

    (record,) = line.ask("quarantine", "list", "--code", "package.refused")
    assert (refused["state"], refused["path"]) == ("refused", None)
    assert (record["item_id"], record["page_id"], record["state"]) == (
        f"{TAMPERED}.vol-b",
        None,
        "open",
    )
    assert "archive: package.differs" in record["found"]
    assert line.figures(TAMPERED)["packaged"] == 1
    assert [row["package_id"] for row in line.ask("packages", "list", "--state", "refused")] == [
        package_id
    ]

    answer = ("packages", "receive", package_id, "--repository", "archive", "--accepted")
    assert line.run(*answer).code == 1
    assert line.ask(*answer, "--instead")["state"] == "sent"
    wait_for_state(line, package_id, "accepted")
    (record,) = line.ask("quarantine", "list", "--code", "package.refused")
    assert record["state"] == "superseded"
    assert line.ask("status")["unanswered"] == {"days": 14, "packages": 0, "oldest": None}

    _, report = read_when_quiet(line)
    told = line.ask("audit", "item", f"{TAMPERED}.vol-b")
    codes = [event["code"] for event in told if event["fact"] == "WorkQuarantined"]
    assert report.faults() == []
    assert [event["fact"] for event in told].count("ReceiptAccepted") == 2
    assert codes == ["package.refused"]

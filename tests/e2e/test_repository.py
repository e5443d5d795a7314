"""From a folder to a repository that accepts or refuses, on a whole line whose broker dies meanwhile."""

import json
import os
import unicodedata
from pathlib import Path
from typing import Any

from tests.support import pages
from tests.support.delivery import submission
from tests.support.running_line import Line, wait_for
from tests.support.whole_log import read_when_quiet

UMASK = os.umask(0o022)
os.umask(UMASK)
"""Of the user of the commands."""
GOOD, TAMPERED = "r-good", "r-tampered"
EVIL = "\x1b[2J\x1b]52;c;cm0=\x07[red]A\u202e\u2028\nB"
"""Clears the screen, writes the clipboard, is markup, reverses text and begins lines."""
LABEL = "[b]\u202egnp"
SHOWN = r"\x1b[2J\x1b]52;c;cm0=\x07[red]A\u202e\u2028B"
"""The same in a terminal, without the line feed."""


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
    assert Path(taken["path"], "bagit.txt").stat().st_mode & 0o777 == 0o644 & ~UMASK
    assert Path(taken["path"]).stat().st_mode & 0o777 == 0o777 & ~UMASK

    submitted = submission(tmp_path / "tampered", TAMPERED, "--project", LABEL)
    assert line.run(*submitted, "--json").code == 0
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
    received = [event["event_type"] for event in told if event["fact"] == "ReceiptAccepted"]
    assert sorted(received) == [*["digital signature validation"] * 2, *["transfer"] * 2]
    assert codes == ["package.refused"]


def test_text_from_outside_is_shown_escaped_and_cannot_control_the_terminal(
    second_line: Line, tmp_path: Path
):
    line, package_id = second_line, f"{GOOD}.vol-a.v1"
    (tmp_path / "scans" / f"{EVIL}vol").mkdir(parents=True)
    for name in (EVIL, "\udcff.tif"):
        (tmp_path / "scans" / f"{EVIL}vol" / name).write_bytes(b"no image")

    line.ask("person", "add", EVIL)
    line.ask("packages", "receive", package_id, "--repository", "e", "--refused", "--reason", EVIL)
    wait_for_state(line, package_id, "refused")
    listings = (
        ("person", "list"),
        ("packages", "show", package_id),
        ("quarantine", "list"),
        ("audit", "item", f"{GOOD}.vol-a"),
        ("station", "check", tmp_path / "scans"),
    )
    errors = (("station", "check", tmp_path / EVIL), ("batch", "show", EVIL), ("audit", EVIL))
    batch = line.run("batch", "show", TAMPERED).stdout
    assert r"project [b]\u202egnp" in batch and controls(batch) == []
    for words in (*listings, *errors):
        shown = line.run(*words)

        assert SHOWN in one_line(shown.stdout + shown.stderr), (words, shown)
        assert controls(shown.stdout + shown.stderr) == [], words
    for words in listings:
        document = line.run(*words, "--json")
        strings = strings_in(document.document)

        # What a check found was escaped before it became a part of a fact.
        assert EVIL in strings or SHOWN in one_line(strings), words
        assert controls(document.stdout + document.stderr) == [], words
    answers = line.ask("packages", "show", package_id)["answers"]
    logs = "".join(path.read_text("utf-8") for path in (line.home / "log").glob("*.log"))
    assert [one["reason"] for one in answers if one["repository"] == "e"] == [EVIL]
    assert controls(logs) == []


def one_line(text: str) -> str:
    """The text without its layout and without escaped line feeds."""
    return "".join(text.split()).replace(r"\n", "")


def strings_in(document: Any) -> str:
    """All strings of a JSON document."""
    if isinstance(document, str):
        return document
    values = document.values() if isinstance(document, dict) else document
    return " ".join(map(strings_in, values)) if isinstance(document, dict | list) else ""


def controls(text: str) -> list[str]:
    """Control and format characters, without the line feeds and tabs of a layout."""
    kinds = ("Cc", "Cf", "Cs", "Zl", "Zp")
    return [one for one in text if unicodedata.category(one) in kinds and one not in "\n\t"]
